//! Pictures as FFmpeg holds them, and their way to I420 of another size.

use std::sync::Arc;

use ffmpeg::format::Pixel;
use ffmpeg::software::scaling;
use ffmpeg::util::frame;
use ffmpeg_next as ffmpeg;

/// A picture of a capture: shared by the layers' encoders, and never written to.
#[derive(Clone)]
pub(crate) struct Image(pub(super) Arc<frame::Video>);

impl Image {
    pub(super) fn new(frame: frame::Video) -> Image {
        Image(Arc::new(frame))
    }

    /// Wraps packed I420 planes of an even size.
    pub(crate) fn from_i420(width: u32, height: u32, planes: &[u8]) -> Image {
        let mut frame = frame::Video::new(Pixel::YUV420P, width, height);
        let mut rest = planes;
        for plane in 0..3 {
            let (row, rows) = (frame.plane_width(plane) as usize, frame.plane_height(plane) as usize);
            let (these, others) = rest.split_at(row * rows);
            let stride = frame.stride(plane);
            for (to, from) in frame.data_mut(plane).chunks_mut(stride).zip(these.chunks(row)) {
                to[..row].copy_from_slice(from);
            }
            rest = others;
        }
        Image::new(frame)
    }

    /// Width and height in pixels.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.0.width(), self.0.height())
    }

    /// Width of a pixel divided by its height; 1 where the source doesn't say.
    pub(crate) fn pixel_shape(&self) -> f64 {
        let ratio = self.0.aspect_ratio();
        match ratio.numerator() > 0 && ratio.denominator() > 0 {
            true => f64::from(ratio).clamp(0.1, 10.0),
            false => 1.0,
        }
    }

    /// Matrix coefficients after scaling to I420 (H.273): the scaler makes BT.601 of RGB (0).
    pub(crate) fn colour(&self) -> u8 {
        const BT601: u8 = 6;
        match u8::try_from(ffmpeg::ffi::AVColorSpace::from(self.0.color_space()) as u32) {
            Ok(0) | Err(_) => BT601,
            Ok(code) => code,
        }
    }
}

/// Packs the planes of an I420 frame without padding.
pub(super) fn packed(frame: &frame::Video) -> Vec<u8> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut bytes = Vec::with_capacity(crate::picture::Picture::len_of(width, height));
    for plane in 0..3 {
        let (row, rows) = (frame.plane_width(plane) as usize, frame.plane_height(plane) as usize);
        for line in frame.data(plane).chunks(frame.stride(plane)).take(rows) {
            bytes.extend_from_slice(&line[..row]);
        }
    }
    bytes
}

/// Scales pictures to I420 of one size. Lives on one thread: libswscale's context is not `Send`.
pub(crate) struct Scaler {
    context: Option<scaling::Context>,
    width: u32,
    height: u32,
}

/// An I420 picture that an encoder can take.
pub(crate) struct Scaled(pub(super) frame::Video);

impl Scaled {
    /// The planes, packed.
    pub(crate) fn i420(&self) -> Vec<u8> {
        packed(&self.0)
    }
}

impl Scaler {
    pub(crate) fn new(width: u32, height: u32) -> Scaler {
        Scaler { context: None, width, height }
    }

    /// Always a fresh frame: its picture type is unset, where one from a file or a device says
    /// "intra", which an encoder takes as the order to make a key frame.
    pub(crate) fn scale(&mut self, image: &Image) -> Result<Scaled, String> {
        let from = &image.0;
        let wrong = |error| format!("FFmpeg can't scale the picture: {error}");
        let known = |context: &scaling::Context| {
            let input = context.input();
            (input.format, input.width, input.height) == (from.format(), from.width(), from.height())
        };
        let context = match self.context.take() {
            Some(context) if known(&context) => context,
            _ => scaling::Context::get(
                from.format(),
                from.width(),
                from.height(),
                Pixel::YUV420P,
                self.width,
                self.height,
                scaling::Flags::BILINEAR,
            )
            .map_err(wrong)?,
        };
        let context = self.context.insert(context);
        let mut to = frame::Video::empty();
        context.run(from, &mut to).map_err(wrong)?;
        Ok(Scaled(to))
    }
}
