//! A photo as it may leave the device: upright, of a sensible size, and nothing in it but its
//! pixels.
//!
//! Owns the decoding of hostile image files within fixed limits, and the JPEG that is sent: no
//! EXIF, no position, no colour profile, no comment. Leaves the encryption to
//! [`blob`](super::blob), and the choice of a photo to the app.
//!
//! Colour profiles are dropped, not applied: pixels are taken as sRGB.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, Limits, Rgb, RgbImage,
    codecs::{
        jpeg::{JpegDecoder, JpegEncoder},
        png::PngDecoder,
    },
    error::LimitErrorKind,
    imageops::FilterType,
};

/// Largest file that is looked at, in bytes.
pub const MAX_FILE_LEN: usize = 32 * 1024 * 1024;
/// Longest side that is decoded, in pixels.
pub const MAX_SIDE: u32 = 8_000;
/// Bytes that the decoded pixels may take: some 22 million of them in colour.
pub const MAX_ALLOC: u64 = 64 * 1024 * 1024;
/// Longest side of what is sent, in pixels: enough to judge a wound's edge on any screen.
pub const SENT_SIDE: u32 = 2_048;
/// Longest side of the thumbnail, in pixels.
pub const THUMBNAIL_SIDE: u32 = 320;
/// Longest thumbnail in bytes, as it travels inside the message.
pub const THUMBNAIL_LEN: usize = 24 * 1024;

const QUALITY: u8 = 85;
const PNG_MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG_MAGIC: &[u8] = b"\xff\xd8\xff";

/// A photo that is fit to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct PreparedPhoto {
    /// The photo, as JPEG without metadata.
    pub jpeg: Vec<u8>,
    /// Its width in pixels, as displayed.
    pub width: u32,
    /// Its height in pixels, as displayed.
    pub height: u32,
    /// A small JPEG of it, at most [`THUMBNAIL_LEN`] bytes.
    pub thumbnail: Vec<u8>,
}

/// Shows sizes only: pixels are patient data.
impl std::fmt::Debug for PreparedPhoto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "PreparedPhoto({}x{}, {} bytes)",
            self.width,
            self.height,
            self.jpeg.len()
        )
    }
}

/// Which limit a photo exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhotoLimit {
    /// [`MAX_FILE_LEN`]
    File,
    /// [`MAX_SIDE`]
    Side,
    /// [`MAX_ALLOC`]
    Memory,
}

/// Why a photo cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// Neither JPEG nor PNG, or a rare kind of them that no camera makes.
    #[error("photo: neither a JPEG nor a PNG that can be read")]
    UnsupportedFormat,
    /// Larger than what is decoded; nothing of its pixels was read.
    #[error("photo: too large ({limit:?})")]
    TooLarge {
        /// What it exceeds.
        limit: PhotoLimit,
    },
    /// Truncated or corrupt.
    #[error("photo: damaged file")]
    Damaged,
}

impl PhotoError {
    /// Stable code, for scripts and translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedFormat => "photo_unsupported",
            Self::TooLarge { .. } => "photo_too_large",
            Self::Damaged => "photo_damaged",
        }
    }
}

impl From<ImageError> for PhotoError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(error) => Self::TooLarge {
                limit: match error.kind() {
                    LimitErrorKind::DimensionError => PhotoLimit::Side,
                    _ => PhotoLimit::Memory,
                },
            },
            ImageError::Unsupported(_) => Self::UnsupportedFormat,
            _ => Self::Damaged,
        }
    }
}

/// Cleans and scales a photo for sending. The format is told by the bytes, never by a name.
///
/// Takes long enough on a large photo to be noticed: not for a thread that draws.
///
/// # Errors
/// [`PhotoError`]; no bytes make it panic.
pub fn prepare(bytes: &[u8]) -> Result<PreparedPhoto, PhotoError> {
    if bytes.len() > MAX_FILE_LEN {
        return Err(PhotoError::TooLarge {
            limit: PhotoLimit::File,
        });
    }
    let upright = decode(bytes)?;
    let thumbnail = thumbnail(&upright)?;
    Ok(PreparedPhoto {
        jpeg: encode(&upright, QUALITY)?,
        width: upright.width(),
        height: upright.height(),
        thumbnail,
    })
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    limits
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, PhotoError> {
    if bytes.starts_with(PNG_MAGIC) {
        pixels(PngDecoder::with_limits(Cursor::new(bytes), limits())?)
    } else if bytes.starts_with(JPEG_MAGIC) {
        // The JPEG decoder fills what is missing with grey: half a wound must not pass for a photo
        // of it.
        if !jpeg_reaches_its_end(bytes) {
            return Err(PhotoError::Damaged);
        }
        pixels(JpegDecoder::new(Cursor::new(bytes))?)
    } else {
        Err(PhotoError::UnsupportedFormat)
    }
}

/// Decodes, scales down and turns upright. Turning comes last, on the small image; the result is
/// the same.
fn pixels(mut decoder: impl ImageDecoder) -> Result<DynamicImage, PhotoError> {
    decoder.set_limits(limits())?;
    // The decoder's limit covers its own buffers; the image's is ours to count.
    limits().reserve(decoder.total_bytes())?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(PhotoError::Damaged);
    }
    // Unreadable EXIF is no reason to refuse the pixels.
    let orientation = decoder
        .orientation()
        .unwrap_or(image::metadata::Orientation::NoTransforms);
    let opaque = flatten(DynamicImage::from_decoder(decoder)?);
    let mut upright = shrink(opaque, SENT_SIDE);
    upright.apply_orientation(orientation);
    Ok(upright)
}

/// Lays an image with transparency on white, before scaling so that hidden colours do not bleed
/// into the edges.
fn flatten(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return DynamicImage::ImageRgb8(image.into_rgb8());
    }
    let rgba = image.into_rgba8();
    let mut rgb = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [r, g, b, alpha] = from.0.map(u32::from);
        // At most 255 * 255 / 255: the cast keeps every value.
        *to = Rgb([r, g, b].map(|c| ((c * alpha + 255 * (255 - alpha) + 127) / 255) as u8));
    }
    DynamicImage::ImageRgb8(rgb)
}

/// Scales down until the long side is at most `side`; never up.
fn shrink(image: DynamicImage, side: u32) -> DynamicImage {
    let (width, height) = fit(image.width(), image.height(), side);
    if (width, height) == (image.width(), image.height()) {
        return image;
    }
    // The good filter needs 16 bytes for each pixel of a half-scaled copy: a plain average brings a
    // very large image near first.
    let (near_width, near_height) = fit(image.width(), image.height(), side * 2);
    let near = if near_width < image.width() || near_height < image.height() {
        image.thumbnail_exact(near_width, near_height)
    } else {
        image
    };
    near.resize_exact(width, height, FilterType::CatmullRom)
}

fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= side {
        return (width, height);
    }
    // Invariant: the result is at most `side`, so it fits; no side vanishes.
    let scaled = |length: u32| {
        let length = (u64::from(length) * u64::from(side) + u64::from(long) / 2) / u64::from(long);
        u32::try_from(length).unwrap_or(side).max(1)
    };
    (scaled(width), scaled(height))
}

/// The best of ever smaller attempts that fits into a message.
fn thumbnail(image: &DynamicImage) -> Result<Vec<u8>, PhotoError> {
    let mut small = shrink(image.clone(), THUMBNAIL_SIDE);
    loop {
        for quality in [80, 65, 50, 35] {
            let jpeg = encode(&small, quality)?;
            if jpeg.len() <= THUMBNAIL_LEN {
                return Ok(jpeg);
            }
        }
        // Ends: a few pixels fit at any quality.
        let side = small.width().max(small.height()) / 2;
        small = shrink(small, side.max(1));
    }
}

fn encode(image: &DynamicImage, quality: u8) -> Result<Vec<u8>, PhotoError> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(image)?;
    Ok(jpeg)
}

/// Whether a JPEG's markers lead to an end-of-image marker (ITU T.81, B.1). Bytes after it are the
/// phone's business: many append a depth map or a film.
fn jpeg_reaches_its_end(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut at = 2;
    loop {
        // Between segments, and in the coded data after a scan's header, the next marker is found
        // by its prefix; `ff 00` and restarts belong to the data, and `ff ff` is fill.
        let Some(&[prefix, marker]) = bytes.get(at..at + 2) else {
            return false;
        };
        if prefix != 0xff || marker == 0xff {
            at += 1;
            continue;
        }
        at += 2;
        match marker {
            END => return true,
            0x00 | 0x01 | 0xd0..=0xd8 => {}
            SCAN | 0xc0..=0xfe => {
                let Some(&[high, low]) = bytes.get(at..at + 2) else {
                    return false;
                };
                at += usize::from(u16::from_be_bytes([high, low])).max(2);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
