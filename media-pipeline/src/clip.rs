//! A clip for trying Canopy out, where nobody gave one: somebody moves before a textured wall that
//! the camera pans over, with the noise of a sensor, and speaks in syllables. The same each time.

use std::f32::consts::TAU;
use std::ops::Range;
use std::path::Path;

use crate::ffmpeg::encoder::{VideoEncoder, VideoSettings};
use crate::ffmpeg::muxer::Muxer;
use crate::ffmpeg::opus::{OpusEncoder, RATE, SAMPLES};
use crate::ffmpeg::{Image, Scaler};
use crate::picture::Picture;

/// Size of the picture.
pub const WIDTH: usize = 640;
/// Size of the picture.
pub const HEIGHT: usize = 360;
/// Pictures a second.
pub const FPS: u32 = 30;
/// More than any layer gets, so that the clip's own losses don't show.
const KBPS: u32 = 4000;
/// The longest clip that is made.
pub const SECONDS_MAX: u32 = 600;

/// Why no clip was made: the disk, or an FFmpeg without the codecs. One line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClipError(pub String);

/// Writes `seconds` (1 to [`SECONDS_MAX`]) of a moving, natural-looking picture with sound
/// (640 x 360, 30 pictures a second, VP8 and Opus in Matroska).
pub fn generate(path: &Path, seconds: u32) -> Result<(), ClipError> {
    write(path, seconds, Some(0..seconds))
}

/// As [`generate`], without sound.
pub fn generate_mute(path: &Path, seconds: u32) -> Result<(), ClipError> {
    write(path, seconds, None)
}

/// As [`generate`], where nothing is said but within these seconds.
pub fn generate_speaking(path: &Path, seconds: u32, speaks: Range<u32>) -> Result<(), ClipError> {
    write(path, seconds, Some(speaks))
}

fn write(path: &Path, seconds: u32, speaks: Option<Range<u32>>) -> Result<(), ClipError> {
    let size = (WIDTH as u32, HEIGHT as u32);
    let settings =
        VideoSettings { width: size.0, height: size.1, kbps: KBPS, rate: (FPS as i32, 1), temporal: false };
    let mut video = VideoEncoder::open(settings).map_err(ClipError)?;
    let mut audio = OpusEncoder::open(64).map_err(ClipError)?;
    let mut muxer =
        Muxer::create(path, Some((WIDTH as u16, HEIGHT as u16)), speaks.is_some()).map_err(ClipError)?;
    let (mut scaler, scene) = (Scaler::new(size.0, size.1), Scene::new());
    let (mut sounded, mut planes) = (0, vec![0; Picture::len_of(WIDTH, HEIGHT)]);
    for number in 0..seconds.clamp(1, SECONDS_MAX) * FPS {
        let at_us = u64::from(number) * 1_000_000 / u64::from(FPS);
        scene.draw(number, &mut planes);
        let scaled = scaler.scale(&Image::from_i420(size.0, size.1, &planes)).map_err(ClipError)?;
        let packet = video.encode(scaled, i64::from(number), number % (2 * FPS) == 0).map_err(ClipError)?;
        muxer.write(false, packet.key, at_us, &packet.data).map_err(ClipError)?;
        while let Some(speaks) = speaks.as_ref().filter(|_| sounded * 20_000 <= at_us) {
            let says = speaks.contains(&((sounded / 50) as u32));
            let samples = if says { speech(sounded) } else { vec![0; SAMPLES] };
            let packet = audio.encode(&samples).map_err(ClipError)?;
            muxer.write(true, true, sounded * 20_000, &packet).map_err(ClipError)?;
            sounded += 1;
        }
    }
    muxer.finish().map_err(ClipError)
}

/// 20 ms of something like speech: a gliding pitch with its harmonics under two formants, in
/// syllables with pauses between the words.
fn speech(packet: u64) -> Vec<i16> {
    let sample = |index: usize| {
        let at = (packet * SAMPLES as u64 + index as u64) as f32 / RATE as f32;
        let word = if (at * 0.7).fract() < 0.75 { 1.0 } else { 0.0 };
        let syllable = (TAU * 2.1 * at).sin().max(0.0);
        let pitch = 130.0 + 2.0 * (TAU * 0.4 * at).sin();
        let formant = 700.0 + 350.0 * (TAU * 0.9 * at).sin();
        let voice: f32 = (1..12u8)
            .map(|harmonic| {
                let hertz = pitch * f32::from(harmonic);
                let near = |centre: f32, width: f32| (-((hertz - centre) / width).powi(2)).exp();
                (TAU * hertz * at).sin() * (near(formant, 250.0) + 0.5 * near(formant * 2.2, 400.0) + 0.05)
            })
            .sum();
        (voice * word * syllable * 6000.0) as i16
    };
    (0..SAMPLES).map(sample).collect()
}

/// A wall larger than the picture, and noise that is moved about instead of drawn anew.
struct Scene {
    wall: Vec<u8>,
    noise: Vec<i8>,
}

const WALL_WIDTH: usize = WIDTH + 256;
const WALL_HEIGHT: usize = HEIGHT + 128;
/// A prime, so that neighbouring rows and pictures start at unrelated places of it.
const NOISE_LEN: usize = 65_537;

impl Scene {
    fn new() -> Scene {
        let mut wall = Vec::with_capacity(WALL_WIDTH * WALL_HEIGHT);
        for y in 0..WALL_HEIGHT {
            wall.extend((0..WALL_WIDTH).map(|x| {
                let octave = |cell: usize, weight: f32| smooth(x, y, cell) * weight;
                let shade = octave(96, 64.0) + octave(31, 40.0) + octave(11, 26.0) + octave(4, 22.0);
                (60.0 + shade) as u8
            }));
        }
        // The sum of three gives the bell shape of a sensor's noise, of about 2.3 levels.
        let grain = |index| {
            let bits = hash(index, 7);
            let of = |shift: u32, mask: u32| ((bits >> shift) & mask) as i8;
            of(0, 7) + of(8, 3) + of(16, 3) - 6
        };
        Scene { wall, noise: (0..NOISE_LEN as u32).map(grain).collect() }
    }

    fn draw(&self, number: u32, planes: &mut [u8]) {
        let at = number as f32 / FPS as f32;
        // The camera drifts by up to 1.3 pixels a picture.
        let left = (128.0 + 120.0 * (TAU * at / 19.0).sin()) as usize;
        let top = (64.0 + 56.0 * (TAU * at / 13.0).cos()) as usize;
        let (luma, chroma) = planes.split_at_mut(WIDTH * HEIGHT);
        for (y, row) in luma.chunks_mut(WIDTH).enumerate() {
            let from = (top + y) * WALL_WIDTH + left;
            let shift = hash(number, y as u32) as usize % NOISE_LEN;
            for (x, pixel) in row.iter_mut().enumerate() {
                let grain = self.noise[(shift + x) % NOISE_LEN];
                *pixel = self.wall[from + x].saturating_add_signed(grain);
            }
        }
        // A warm wall: U, then V.
        chroma[..WIDTH * HEIGHT / 4].fill(122);
        chroma[WIDTH * HEIGHT / 4..].fill(134);
        let sway = 70.0 * (TAU * at / 5.0).sin();
        let nod = 14.0 * (TAU * at / 1.7).sin();
        let (x, y) = (320.0 + sway, 170.0 + nod);
        let mouth = 4.0 + 10.0 * (TAU * 2.1 * at).sin().max(0.0);
        let body =
            Blob { x: 320.0 + sway * 0.8, y: 370.0, wide: 150.0, high: 130.0, luma: 70, chroma: (150, 108) };
        let head = Blob { x, y, wide: 62.0, high: 84.0, luma: 168, chroma: (108, 152) };
        body.draw(self, planes, number);
        head.draw(self, planes, number);
        for (dx, dy, wide, high, luma) in
            [(-24.0, -18.0, 9.0, 5.0, 50), (24.0, -18.0, 9.0, 5.0, 50), (0.0, 40.0, 22.0, mouth, 80)]
        {
            let feature = Blob { x: x + dx, y: y + dy, wide, high, luma, chroma: (118, 146) };
            feature.draw(self, planes, number);
        }
        let hand = TAU * at / 2.3;
        let (dx, dy) = (170.0 + 46.0 * hand.cos(), 60.0 + 50.0 * hand.sin());
        let hand = Blob { x: x + dx, y: y + dy, wide: 26.0, high: 30.0, luma: 160, chroma: (108, 152) };
        hand.draw(self, planes, number);
    }
}

/// A shaded ellipse, in pixels; its texture moves with it.
struct Blob {
    x: f32,
    y: f32,
    wide: f32,
    high: f32,
    luma: u8,
    /// U and V.
    chroma: (u8, u8),
}

impl Blob {
    fn draw(&self, scene: &Scene, planes: &mut [u8], number: u32) {
        let within = |centre: f32, half: f32, limit: usize| {
            ((centre - half).max(0.0) as usize)..((centre + half + 1.0).clamp(0.0, limit as f32) as usize)
        };
        let (luma, chroma) = planes.split_at_mut(WIDTH * HEIGHT);
        let (u, v) = chroma.split_at_mut(WIDTH * HEIGHT / 4);
        for y in within(self.y, self.high, HEIGHT) {
            let shift = hash(number, y as u32 + 999) as usize % NOISE_LEN;
            for x in within(self.x, self.wide, WIDTH) {
                let (dx, dy) = ((x as f32 - self.x) / self.wide, (y as f32 - self.y) / self.high);
                let edge = dx * dx + dy * dy;
                if edge > 1.0 {
                    continue;
                }
                let texture = scene.wall[(y + HEIGHT - self.y as usize).min(WALL_HEIGHT - 1) * WALL_WIDTH
                    + (x + WIDTH - self.x as usize).min(WALL_WIDTH - 1)];
                let grain = f32::from(scene.noise[(shift + x) % NOISE_LEN]);
                let shade =
                    f32::from(self.luma) * (1.0 - 0.35 * edge) + f32::from(texture) * 0.15 - 15.0 + grain;
                luma[y * WIDTH + x] = shade as u8;
                let at = y / 2 * (WIDTH / 2) + x / 2;
                (u[at], v[at]) = self.chroma;
            }
        }
    }
}

/// Value noise: random values at the corners of cells, blended between them, 0 to 1.
fn smooth(x: usize, y: usize, cell: usize) -> f32 {
    let (column, row) = ((x / cell) as u32, (y / cell) as u32);
    let ease = |at: usize| {
        let at = (at % cell) as f32 / cell as f32;
        at * at * (3.0 - 2.0 * at)
    };
    let (across, down) = (ease(x), ease(y));
    let corner = |dx, dy| (hash(column + dx, (row + dy) * 1009 + cell as u32) & 0xff) as f32 / 255.0;
    let upper = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * across;
    let lower = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * across;
    upper + (lower - upper) * down
}

/// A fixed scramble of two numbers (the finisher of MurmurHash3): the clip needs no real chance.
fn hash(a: u32, b: u32) -> u32 {
    let mut bits = a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_mul(0x85eb_ca6b);
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x85eb_ca6b);
    bits = (bits ^ (bits >> 13)).wrapping_mul(0xc2b2_ae35);
    bits ^ (bits >> 16)
}
