//! Files that somebody picks as a photo.
#![no_main]

use libfuzzer_sys::fuzz_target;
use relais_fuzz::photo::{SENT_SIDE, THUMBNAIL_LEN, prepare};

fuzz_target!(|data: &[u8]| {
    if let Ok(photo) = prepare(data) {
        assert!(photo.width.max(photo.height) <= SENT_SIDE);
        assert!(photo.thumbnail.len() <= THUMBNAIL_LEN);
        assert!(photo.jpeg.starts_with(b"\xff\xd8"));
    }
});
