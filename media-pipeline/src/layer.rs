//! What a source sends side by side: its sound, and its picture in up to three sizes.

/// One resolution of a source, or its sound. The byte values are those of the overlay's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Layer {
    /// Opus, 48 kHz mono, 20 ms a frame.
    Audio = 0,
    /// 320 x 180.
    P180 = 1,
    /// 640 x 360.
    P360 = 2,
    /// 1280 x 720.
    P720 = 3,
}

impl Layer {
    /// All layers, sound first.
    pub const ALL: [Layer; 4] = [Layer::Audio, Layer::P180, Layer::P360, Layer::P720];
    /// The layers that carry pictures, smallest first.
    pub const VIDEO: [Layer; 3] = [Layer::P180, Layer::P360, Layer::P720];

    /// The layer of a wire byte.
    pub fn from_byte(byte: u8) -> Option<Layer> {
        Layer::ALL.get(usize::from(byte)).copied()
    }

    /// The wire byte.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// True for the layer that carries sound.
    pub fn is_audio(self) -> bool {
        self == Layer::Audio
    }

    /// The box in pixels that a picture of this layer fits into; zero for sound.
    pub fn size(self) -> (u32, u32) {
        match self {
            Layer::Audio => (0, 0),
            Layer::P180 => (320, 180),
            Layer::P360 => (640, 360),
            Layer::P720 => (1280, 720),
        }
    }

    /// What it is encoded to, in kbit/s of codec data (1 kbit = 1000 bit).
    pub fn kbps(self) -> u32 {
        match self {
            Layer::Audio => 32,
            Layer::P180 => 150,
            Layer::P360 => 500,
            Layer::P720 => 1500,
        }
    }

    /// The largest even size with the shape of `width` x `height` that fits into the layer's box,
    /// where `pixel_shape` is the width of a source pixel divided by its height.
    pub fn fit(self, width: u32, height: u32, pixel_shape: f64) -> (u32, u32) {
        let (box_width, box_height) = self.size();
        let wide = f64::from(width.max(1)) * pixel_shape;
        let high = f64::from(height.max(1));
        let scale = (f64::from(box_width) / wide).min(f64::from(box_height) / high);
        let even =
            |length: f64, limit: u32| ((length * scale / 2.0).round() as u32 * 2).clamp(2, limit.max(2));
        (even(wide, box_width), even(high, box_height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_name_layers_and_back() {
        for layer in Layer::ALL {
            assert_eq!(Layer::from_byte(layer.byte()), Some(layer));
        }
        assert_eq!(Layer::from_byte(4), None);
    }

    #[test]
    fn pictures_keep_their_shape_inside_the_box() {
        assert_eq!(Layer::P360.fit(1920, 1080, 1.0), (640, 360));
        assert_eq!(Layer::P180.fit(176, 144, 1.0), (220, 180));
        assert_eq!(Layer::P360.fit(720, 576, 64.0 / 45.0), (640, 360));
        assert_eq!(Layer::P720.fit(4000, 1, 1.0), (1280, 2));
        assert_eq!(Layer::P720.fit(1, 4000, 1.0), (2, 720));
    }
}
