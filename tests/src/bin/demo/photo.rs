//! The photo of the story: a synthetic wound as a phone would have taken it, with
//! where and when in its EXIF; and what must be true of the photo that arrives.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageReader, Rgb, RgbImage};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::failure::{Failure, Result};

const WIDTH: u32 = 2560;
const HEIGHT: u32 = 1920;
/// What the engine promises (`relais_core::media::photo::SENT_SIDE`).
const SENT_SIDE: u32 = 2048;
/// What the camera calls itself: looked for in the photo that arrives.
const CAMERA: &[u8] = b"Relais demo camera\0";
const TAKEN: &[u8] = b"2026:11:21 08:12:41\0";
/// 48° 6' 53.28" N, 1° 40' 46.56" W, as EXIF rationals: a street of Rennes.
const LATITUDE: [(u32, u32); 3] = [(48, 1), (6, 1), (5328, 100)];
const LONGITUDE: [(u32, u32); 3] = [(1, 1), (40, 1), (4656, 100)];

/// Markers of ITU T.81 that are looked at.
mod marker {
    pub const START: u8 = 0xd8;
    pub const END: u8 = 0xd9;
    pub const SCAN: u8 = 0xda;
    pub const APP0: u8 = 0xe0;
    pub const APP1: u8 = 0xe1;
    pub const APP15: u8 = 0xef;
    pub const COMMENT: u8 = 0xfe;
}

/// A JPEG of 1 to 2 MB with an EXIF block that holds a position. Its wound is so many per
/// cent as long and wide as one can be.
pub fn take(seed: u64, percent: u32) -> Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 86)
        .encode_image(&wound(seed, percent))
        .map_err(|error| Failure::Photo(error.to_string()))?;
    let exif = exif();
    // Invariant: the block is a few hundred bytes, so its length fits.
    let length = u16::try_from(exif.len() + 2).unwrap_or(u16::MAX);
    let mut photo = vec![0xff, marker::START, 0xff, marker::APP1];
    photo.extend(length.to_be_bytes());
    photo.extend(exif);
    photo.extend(jpeg.get(2..).unwrap_or_default());
    Ok(photo)
}

/// Skin with grain, a wound of three tissues, and a ruler in the frame.
fn wound(seed: u64, percent: u32) -> RgbImage {
    let mut noise = ChaCha8Rng::seed_from_u64(seed);
    let mut image = RgbImage::new(WIDTH, HEIGHT);
    let (centre_x, centre_y) = (WIDTH as i32 / 2, HEIGHT as i32 / 2);
    let area = (percent * percent) as i32;
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (dx, dy) = (x as i32 - centre_x, y as i32 - centre_y);
        // Distance from the centre of an ellipse, in thousandths of its size.
        let distance = (dx * dx / 490 + dy * dy / 250) * 10_000 / area;
        let distance = distance.min(4_000);
        let base: [i32; 3] = match distance {
            0..=90 => [48, 34, 30],
            91..=420 => [196, 170, 92],
            421..=1_000 => [168, 46, 48],
            1_001..=1_300 => [206, 126, 112],
            _ => [222, 178, 152],
        };
        let grain = noise.next_u32();
        let shade = (x / 64 + y / 48) as i32 % 24 - 12;
        let tick = y > HEIGHT - 160 && (x % 80 < 6 || y > HEIGHT - 24);
        let channel = |number: usize| {
            if tick {
                return 24;
            }
            let grain = (grain >> (8 * number)) as i32 % 24 - 12;
            (base[number] + shade + grain).clamp(0, 255) as u8
        };
        *pixel = Rgb([channel(0), channel(1), channel(2)]);
    }
    image
}

/// An APP1 payload (Exif 2.32 §4.5): TIFF, one directory, one GPS directory.
fn exif() -> Vec<u8> {
    const ASCII: u16 = 2;
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const RATIONAL: u16 = 5;
    const BYTE: u16 = 1;
    const HEADER: usize = 8;
    let size = |entries: usize| 2 + entries * 12 + 4;
    let gps_at = HEADER + size(5);
    let mut values = Values {
        at: gps_at + size(5),
        bytes: Vec::new(),
    };
    let main = [
        entry(0x010f, ASCII, CAMERA.len(), values.put(CAMERA)),
        entry(0x0110, ASCII, CAMERA.len(), values.put(CAMERA)),
        entry(0x0112, SHORT, 1, [1, 0, 0, 0]),
        entry(0x0132, ASCII, TAKEN.len(), values.put(TAKEN)),
        entry(0x8825, LONG, 1, offset(gps_at)),
    ];
    let gps = [
        entry(0x0000, BYTE, 4, [2, 3, 0, 0]),
        entry(0x0001, ASCII, 2, *b"N\0\0\0"),
        entry(0x0002, RATIONAL, 3, values.put(&rationals(&LATITUDE))),
        entry(0x0003, ASCII, 2, *b"W\0\0\0"),
        entry(0x0004, RATIONAL, 3, values.put(&rationals(&LONGITUDE))),
    ];
    let mut block = b"Exif\0\0II*\0".to_vec();
    block.extend(offset(HEADER));
    for directory in [main, gps] {
        block.extend(5u16.to_le_bytes());
        block.extend(directory.concat());
        block.extend([0; 4]);
    }
    block.extend(values.bytes);
    block
}

/// Values that do not fit into their entry follow the directories.
struct Values {
    at: usize,
    bytes: Vec<u8>,
}

impl Values {
    fn put(&mut self, value: &[u8]) -> [u8; 4] {
        let place = offset(self.at + self.bytes.len());
        self.bytes.extend(value);
        // Values begin at even offsets.
        self.bytes.resize(self.bytes.len().next_multiple_of(2), 0);
        place
    }
}

fn offset(at: usize) -> [u8; 4] {
    (at as u32).to_le_bytes()
}

fn entry(tag: u16, kind: u16, count: usize, value: [u8; 4]) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..2].copy_from_slice(&tag.to_le_bytes());
    bytes[2..4].copy_from_slice(&kind.to_le_bytes());
    bytes[4..8].copy_from_slice(&(count as u32).to_le_bytes());
    bytes[8..].copy_from_slice(&value);
    bytes
}

fn rationals(values: &[(u32, u32)]) -> Vec<u8> {
    let words = values.iter().flat_map(|(above, below)| [*above, *below]);
    words.flat_map(u32::to_le_bytes).collect()
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// What in this JPEG tells more than its pixels; empty when nothing does.
pub fn metadata(jpeg: &[u8]) -> Vec<String> {
    let mut found = segments(jpeg);
    let position = [rationals(&LATITUDE), rationals(&LONGITUDE)];
    let told: [(&str, &[u8]); 5] = [
        ("an Exif header", b"Exif\0\0"),
        ("the camera's name", CAMERA.trim_ascii_end()),
        ("the time", TAKEN),
        ("the latitude", &position[0]),
        ("the longitude", &position[1]),
    ];
    found.extend(
        told.iter()
            .filter(|(_, bytes)| contains(jpeg, bytes))
            .map(|(what, _)| (*what).to_owned()),
    );
    found
}

/// Walks the segments up to the pixels: all but JFIF's own must be missing.
fn segments(jpeg: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 2;
    if !jpeg.starts_with(&[0xff, marker::START]) {
        return vec!["not a JPEG".to_owned()];
    }
    loop {
        let Some(&[0xff, kind, high, low]) = jpeg.get(at..at + 4) else {
            found.push(format!("a broken segment at byte {at}"));
            return found;
        };
        match kind {
            marker::SCAN | marker::END => return found,
            marker::APP0 => {}
            marker::APP1..=marker::APP15 => {
                found.push(format!("a segment APP{}", kind - marker::APP0));
            }
            marker::COMMENT => found.push("a comment".to_owned()),
            _ => {}
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
    }
}

/// What only this photo has: all that follows the tables, which the encoder gives
/// to every photo alike.
pub fn pixels(jpeg: &[u8]) -> &[u8] {
    let scan = jpeg
        .windows(2)
        .position(|marker| marker == [0xff, marker::SCAN]);
    scan.and_then(|at| jpeg.get(at..)).unwrap_or_default()
}

/// Decodes a photo that arrived: its width and height.
pub fn decoded(jpeg: &[u8]) -> Result<(u32, u32)> {
    let failed = |error: image::ImageError| Failure::Photo(error.to_string());
    let reader = ImageReader::with_format(Cursor::new(jpeg), image::ImageFormat::Jpeg);
    let image = reader.decode().map_err(failed)?;
    Ok((image.width(), image.height()))
}

/// Whether these sides are what is promised of a photo that arrives.
pub fn is_small_enough((width, height): (u32, u32)) -> bool {
    width.max(height) <= SENT_SIDE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_camera_tells_where_it_was_and_the_check_sees_it() {
        let photo = take(1, 100).expect("a photo");
        assert!(
            (1_000_000..2_200_000).contains(&photo.len()),
            "{}",
            photo.len()
        );
        assert_eq!(decoded(&photo).ok(), Some((WIDTH, HEIGHT)));
        let found = metadata(&photo);
        assert_eq!(found.len(), 6, "{found:?}");
        assert_eq!(found[0], "a segment APP1");
    }

    #[test]
    fn another_program_reads_the_exif() {
        use image::ImageDecoder;
        let photo = take(1, 100).expect("a photo");
        let mut decoder =
            image::codecs::jpeg::JpegDecoder::new(Cursor::new(&photo)).expect("a JPEG");
        let exif = decoder.exif_metadata().expect("readable").expect("there");
        assert!(contains(&exif, &rationals(&LATITUDE)));
        assert!(contains(&exif, CAMERA));
    }

    #[test]
    fn pixels_alone_tell_nothing() {
        let mut jpeg = Vec::new();
        let image = RgbImage::new(64, 48);
        JpegEncoder::new(&mut jpeg)
            .encode_image(&image)
            .expect("encoded");
        assert_eq!(metadata(&jpeg), Vec::<String>::new());
        assert_eq!(metadata(b"\x89PNG"), ["not a JPEG"]);
        assert!(!metadata(&jpeg[..30]).is_empty());
    }
}
