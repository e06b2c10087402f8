//! A decoded picture: I420, tightly packed.

/// An I420 picture: the luma plane of `width` x `height` bytes, then U, then V, each of half the
/// width and half the height (rounded up), rows without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

impl Picture {
    /// What PSNR gives for two pictures without any difference, in dB: a finite number, so that
    /// it can be averaged and written to JSON.
    pub const PSNR_IDENTICAL: f64 = 100.0;

    /// Bytes of an I420 picture.
    pub fn len_of(width: usize, height: usize) -> usize {
        width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
    }

    /// Wraps packed planes. `None` if `bytes` hasn't the length that the size asks for.
    pub fn from_i420(width: usize, height: usize, bytes: Vec<u8>) -> Option<Picture> {
        let fits = width > 0 && height > 0 && bytes.len() == Picture::len_of(width, height);
        fits.then_some(Picture { width, height, bytes })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All three planes, packed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The luma plane.
    pub fn luma(&self) -> &[u8] {
        &self.bytes[..self.width * self.height]
    }

    /// Peak signal-to-noise ratio of the **luma plane** against `reference`, in dB
    /// (10 log10(255² / mean squared error)), capped at [`Picture::PSNR_IDENTICAL`]. `reference`
    /// is a whole I420 picture of the same size; zero if its length says that it is not.
    pub fn psnr(&self, reference: &[u8]) -> f64 {
        if reference.len() != self.bytes.len() {
            return 0.0;
        }
        let error: u64 =
            self.luma().iter().zip(reference).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
        if error == 0 {
            return Picture::PSNR_IDENTICAL;
        }
        let mean = error as f64 / self.luma().len() as f64;
        (10.0 * (255.0 * 255.0 / mean).log10()).min(Picture::PSNR_IDENTICAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psnr_follows_its_definition_on_luma() {
        let picture = Picture::from_i420(4, 2, vec![100; Picture::len_of(4, 2)]).unwrap();
        assert_eq!(picture.psnr(picture.bytes()), Picture::PSNR_IDENTICAL);
        let mut one_off = picture.bytes().to_vec();
        one_off[..8].fill(101);
        assert!((picture.psnr(&one_off) - 48.1308).abs() < 0.001);
        let mut chroma_off = picture.bytes().to_vec();
        chroma_off[8..].fill(0);
        assert_eq!(picture.psnr(&chroma_off), Picture::PSNR_IDENTICAL);
        assert_eq!(picture.psnr(&[1, 2, 3]), 0.0);
    }

    #[test]
    fn odd_sizes_round_chroma_up() {
        assert_eq!(Picture::len_of(3, 3), 9 + 2 * 4);
        assert!(Picture::from_i420(3, 3, vec![0; 13]).is_none());
    }
}
