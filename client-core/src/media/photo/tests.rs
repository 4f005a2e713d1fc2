//! Files as phones, scanners, and people who mean harm make them.
#![expect(clippy::unwrap_used, reason = "a failed test may panic")]

use std::time::{Duration, Instant};

use image::{ImageEncoder, ImageFormat, Rgba, RgbaImage, codecs::png::PngEncoder};
use proptest::prelude::*;

use super::*;

/// Kinds of JPEG that the encoder used here does not write: 16 x 12 pixels of noise.
const PROGRESSIVE: &[u8] = include_bytes!("progressive.jpg");
const CMYK: &[u8] = include_bytes!("cmyk.jpg");

/// Left half red, right half blue.
fn two_halves(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 {
            Rgb([200, 0, 0])
        } else {
            Rgb([0, 0, 200])
        }
    })
    .into()
}

fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |_, _| {
        Rgb([(); 3].map(|()| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }))
    })
    .into()
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    image
        .write_to(&mut Cursor::new(&mut out), ImageFormat::Png)
        .unwrap();
    out
}

fn jpeg(image: &DynamicImage) -> Vec<u8> {
    encode(image, 90).unwrap()
}

fn read(bytes: &[u8]) -> RgbImage {
    image::load_from_memory_with_format(bytes, ImageFormat::Jpeg)
        .unwrap()
        .into_rgb8()
}

fn is_red(pixel: &Rgb<u8>) -> bool {
    pixel.0[0] > 150 && pixel.0[2] < 60
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// The markers of a JPEG up to its scan, and whether it ends with the end-of-image marker.
fn markers(jpeg: &[u8]) -> Vec<u8> {
    assert_eq!(&jpeg[..2], b"\xff\xd8");
    let mut found = Vec::new();
    let mut at = 2;
    loop {
        assert_eq!(jpeg[at], 0xff);
        found.push(jpeg[at + 1]);
        if jpeg[at + 1] == 0xda {
            assert_eq!(&jpeg[jpeg.len() - 2..], b"\xff\xd9");
            return found;
        }
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
}

/// Only JFIF's own header (APP0), tables, frame and scan: no APP1 to APP15, no comment.
fn assert_bare(jpeg: &[u8]) {
    for marker in markers(jpeg) {
        assert!(
            matches!(marker, 0xe0 | 0xdb | 0xc0 | 0xc4 | 0xda),
            "segment {marker:02x}"
        );
    }
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xff, marker];
    out.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
    out.extend(body);
    out
}

/// Big-endian TIFF: orientation, and a GPS directory that says 48 degrees north.
fn exif(orientation: u8) -> Vec<u8> {
    let mut out = b"Exif\0\0MM\0\x2a\0\0\0\x08".to_vec();
    out.extend(b"\0\x02");
    out.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    out.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    out.extend([0, 0, 0, 0]);
    out.extend(b"\0\x02");
    out.extend([0, 1, 0, 2, 0, 0, 0, 2, b'N', 0, 0, 0]);
    out.extend([0, 2, 0, 5, 0, 0, 0, 3, 0, 0, 0, 68]);
    out.extend([0, 0, 0, 0]);
    for degrees in [48_u32, 51, 24] {
        out.extend(degrees.to_be_bytes());
        out.extend(1_u32.to_be_bytes());
    }
    out
}

/// A phone's JPEG: EXIF with position, a colour profile, XMP and a comment.
fn phone_jpeg(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let plain = jpeg(image);
    let mut out = plain[..2].to_vec();
    out.extend(segment(0xe1, &exif(orientation)));
    out.extend(segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"));
    out.extend(segment(0xe2, b"ICC_PROFILE\0\x01\x01profile"));
    out.extend(segment(0xfe, b"Mme Martin, room 12"));
    out.extend(&plain[2..]);
    out
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let crc = bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    (!crc).to_be_bytes()
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    let sum = crc(&out[4..]);
    out.extend(sum);
    out
}

/// Corrects the check sums of a changed PNG, so that the change gets past them.
fn correct_sums(png: &mut [u8]) {
    let mut at = PNG_MAGIC.len();
    while let Some(&[a, b, c, d]) = png.get(at..at + 4) {
        let end = at + 8 + u32::from_be_bytes([a, b, c, d]) as usize;
        if png.len() < end + 4 {
            return;
        }
        let sum = crc(&png[at + 4..end]);
        png[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut body = [width.to_be_bytes(), height.to_be_bytes()].concat();
    body.extend([8, 6, 0, 0, 0]);
    let mut out = PNG_MAGIC.to_vec();
    out.extend(chunk(b"IHDR", &body));
    out
}

/// A JPEG whose frame header claims that size.
fn jpeg_claiming(width: u16, height: u16) -> Vec<u8> {
    let mut out = jpeg(&two_halves(8, 8));
    let frame = out
        .windows(2)
        .position(|window| window == b"\xff\xc0")
        .unwrap();
    out[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    out[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    out
}

// proves: S4
#[test]
fn a_phones_photo_loses_its_position_and_stands_upright() {
    let photo = phone_jpeg(&two_halves(64, 32), 6);
    assert!(contains(&photo, b"Exif") && contains(&photo, b"ICC_PROFILE"));
    let prepared = prepare(&photo).unwrap();
    assert_eq!((prepared.width, prepared.height), (32, 64));
    for bytes in [&prepared.jpeg, &prepared.thumbnail] {
        assert_bare(bytes);
        for text in [
            &b"Exif"[..],
            b"ICC_PROFILE",
            b"Martin",
            b"xmpmeta",
            b"MM\0\x2a",
        ] {
            assert!(!contains(bytes, text));
        }
        // Orientation 6 turns clockwise: what was left is now on top.
        let upright = read(bytes);
        assert_eq!(upright.dimensions(), (32, 64));
        assert!(is_red(upright.get_pixel(16, 10)));
        assert!(!is_red(upright.get_pixel(16, 54)));
    }
}

#[test]
fn every_orientation_puts_the_red_half_where_it_belongs() {
    for (orientation, red) in [
        (1, (4, 8)),
        (2, (28, 8)),
        (3, (28, 8)),
        (4, (4, 8)),
        (5, (8, 4)),
        (6, (8, 4)),
        (7, (8, 28)),
        (8, (8, 28)),
    ] {
        let upright = read(
            &prepare(&phone_jpeg(&two_halves(32, 16), orientation))
                .unwrap()
                .jpeg,
        );
        assert!(
            is_red(upright.get_pixel(red.0, red.1)),
            "orientation {orientation}"
        );
    }
}

#[test]
fn a_transparent_png_lies_on_white_and_loses_its_text() {
    let image = RgbaImage::from_fn(16, 16, |x, _| match x / 4 {
        0 => Rgba([200, 0, 0, 255]),
        1 => Rgba([0, 0, 0, 0]),
        _ => Rgba([0, 0, 0, 128]),
    });
    let plain = png(&image.into());
    let mut bytes = plain[..33].to_vec();
    bytes.extend(chunk(b"tEXt", b"Author\0Mme Martin"));
    bytes.extend(chunk(b"eXIf", &exif(6)[6..]));
    bytes.extend(&plain[33..]);
    let prepared = prepare(&bytes).unwrap();
    for bytes in [&prepared.jpeg, &prepared.thumbnail] {
        assert_bare(bytes);
        assert!(!contains(bytes, b"Martin"));
    }
    // Turned by its eXIf chunk.
    let flat = read(&prepared.jpeg);
    assert!(flat.get_pixel(8, 1).0[0] > 120);
    assert!(flat.get_pixel(8, 6).0.iter().all(|c| *c > 200));
    assert!(
        flat.get_pixel(8, 14)
            .0
            .iter()
            .all(|c| (100..155).contains(c))
    );
}

#[test]
fn sixteen_bit_grey_and_small_images_are_accepted_and_never_enlarged() {
    let mut deep = Vec::new();
    PngEncoder::new(&mut deep)
        .write_image(&[0x80; 3 * 2 * 2], 3, 2, image::ExtendedColorType::L16)
        .unwrap();
    let prepared = prepare(&deep).unwrap();
    assert_eq!((prepared.width, prepared.height), (3, 2));
    let grey = encode(&DynamicImage::ImageLuma8(image::GrayImage::new(1, 1)), 90).unwrap();
    assert_eq!(read(&prepare(&grey).unwrap().jpeg).dimensions(), (1, 1));
}

#[test]
fn progressive_and_cmyk_photos_are_read_whole_or_not_at_all() {
    for bytes in [PROGRESSIVE, CMYK] {
        let prepared = prepare(bytes).unwrap();
        assert_eq!((prepared.width, prepared.height), (16, 12));
        assert_bare(&prepared.jpeg);
        for len in 3..bytes.len() {
            assert_eq!(
                prepare(&bytes[..len]),
                Err(PhotoError::Damaged),
                "cut at {len}"
            );
        }
    }
}

#[test]
fn a_large_photo_is_scaled_and_its_thumbnail_fits_a_message() {
    let prepared = prepare(&jpeg(&noise(3000, 2000))).unwrap();
    assert_eq!((prepared.width, prepared.height), (2048, 1365));
    assert_eq!(read(&prepared.jpeg).dimensions(), (2048, 1365));
    assert!(prepared.thumbnail.len() <= THUMBNAIL_LEN);
    let small = read(&prepared.thumbnail);
    assert!(small.width() <= THUMBNAIL_SIDE && small.width() > small.height());
    // Noise that stays noise at thumbnail size: the worst to compress.
    assert!(prepare(&jpeg(&noise(320, 320))).unwrap().thumbnail.len() <= THUMBNAIL_LEN);
}

#[test]
fn a_panorama_keeps_at_least_one_row() {
    let prepared = prepare(&png(&two_halves(7_990, 1))).unwrap();
    assert_eq!((prepared.width, prepared.height), (2048, 1));
}

// proves: S4
#[test]
fn a_header_that_claims_too_much_is_refused_at_once() {
    let side = Err(PhotoError::TooLarge {
        limit: PhotoLimit::Side,
    });
    let memory = Err(PhotoError::TooLarge {
        limit: PhotoLimit::Memory,
    });
    let png_of = |width, height| {
        let mut out = png_header(width, height);
        out.extend(chunk(b"IDAT", &[0; 16]));
        out.extend(chunk(b"IEND", b""));
        out
    };
    let start = Instant::now();
    assert_eq!(prepare(&png_of(60_000, 60_000)), side);
    assert_eq!(prepare(&jpeg_claiming(60_000, 60_000)), side);
    assert_eq!(prepare(&png_of(8_001, 1)), side);
    assert_eq!(prepare(&jpeg_claiming(1, 8_001)), side);
    assert_eq!(prepare(&png_of(8_000, 8_000)), memory);
    assert_eq!(prepare(&jpeg_claiming(8_000, 8_000)), memory);
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        prepare(&vec![0xff; MAX_FILE_LEN + 1]),
        Err(PhotoError::TooLarge {
            limit: PhotoLimit::File
        })
    );
}

// proves: S4
#[test]
fn other_formats_are_refused_whatever_their_name() {
    for bytes in [
        &b""[..],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html><script>",
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"RIFF\x1a\0\0\0WEBPVP8L",
        b"\0\0\0\x18ftypheic",
        b"BM\0\0",
        b"II*\0",
        b"%PDF-1.7",
        b"\x89PNG",
        b"\xff\xd8",
    ] {
        assert_eq!(
            prepare(bytes),
            Err(PhotoError::UnsupportedFormat),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_photo_cut_short_is_damaged_not_half_grey() {
    let plain = phone_jpeg(&noise(24, 24), 1);
    for len in 3..plain.len() {
        assert_eq!(
            prepare(&plain[..len]),
            Err(PhotoError::Damaged),
            "JPEG cut at {len}"
        );
    }
    let plain = png(&noise(24, 24));
    // The last chunk is an end marker of 12 bytes; before it come the check sums of the pixels.
    for len in PNG_MAGIC.len()..plain.len() - 12 - 4 - 4 {
        assert_eq!(
            prepare(&plain[..len]),
            Err(PhotoError::Damaged),
            "PNG cut at {len}"
        );
    }
}

#[test]
fn what_a_phone_appends_to_a_photo_is_left_behind() {
    let mut photo = phone_jpeg(&two_halves(32, 16), 1);
    photo.extend(b"ftypmp42 a short film of the room");
    let prepared = prepare(&photo).unwrap();
    assert_bare(&prepared.jpeg);
    assert!(!contains(&prepared.jpeg, b"film"));
}

fn seeds() -> Vec<Vec<u8>> {
    let tiny = noise(9, 5);
    vec![
        phone_jpeg(&tiny, 6),
        jpeg(&tiny),
        jpeg(&tiny.to_luma8().into()),
        png(&tiny),
        png(&tiny.to_rgba16().into()),
        PROGRESSIVE.to_vec(),
        CMYK.to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_make_it_panic(
        seed in 0_usize..7,
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_u8..4, any::<u8>()),
            1..6,
        ),
    ) {
        let mut bytes = SEEDS.with(|seeds| seeds[seed].clone());
        for (at, change, value) in changes {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match change {
                _ if bytes.is_empty() => bytes.push(value),
                0 => bytes[at] = value,
                1 => bytes[at] ^= 1 << (value % 8),
                2 => bytes.insert(at, value),
                _ => drop(bytes.drain(at..(at + usize::from(value % 8)).min(bytes.len()))),
            }
        }
        if bytes.starts_with(PNG_MAGIC) {
            correct_sums(&mut bytes);
        }
        let _ = prepare(&bytes);
    }

    #[test]
    fn no_random_bytes_make_it_panic(
        magic in 0_usize..3,
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = [JPEG_MAGIC, PNG_MAGIC, b""][magic].to_vec();
        bytes.extend(tail);
        bytes.extend(b"\xff\xd9");
        let _ = prepare(&bytes);
    }
}

thread_local! {
    static SEEDS: Vec<Vec<u8>> = seeds();
}
