//! What members say and show one another: messages, photos, read markers.

use super::check::{bytes, given, id, known, line, optional_id, prose, required_prose};
use super::{Checked, FieldError};
use crate::limits;
use crate::v1::{BlobReference, Laterality, Message, Photo, Priority, ReadMarker};

/// How a JPEG starts: start of image, then the first marker (ITU-T T.81 annex B).
const JPEG_MAGIC: &[u8] = &[0xFF, 0xD8, 0xFF];

pub(super) fn message(message: &Message) -> Checked {
    required_prose("text", &message.text, limits::MESSAGE_CHARS)?;
    given::<Priority>("priority", message.priority)?;
    optional_id("reply_to", &message.reply_to)
}

/// The first bytes say JPEG; decoding with limits is the client's (S4).
pub(super) fn photo(photo: &Photo) -> Checked {
    let original = photo.original.as_ref();
    blob(original.ok_or_else(|| FieldError::new("original", "is missing"))?)?;
    if photo.thumbnail.len() > limits::THUMBNAIL_BYTES {
        let problem = format_args!("has more than {} bytes", limits::THUMBNAIL_BYTES);
        return Err(FieldError::new("thumbnail", problem));
    }
    if !photo.thumbnail.starts_with(JPEG_MAGIC) {
        return Err(FieldError::new("thumbnail", "is not a JPEG"));
    }
    side("width", photo.width)?;
    side("height", photo.height)?;
    prose("caption", &photo.caption, limits::CAPTION_CHARS)?;
    line("body_site", &photo.body_site, limits::NAME_CHARS)?;
    known::<Laterality>("laterality", photo.laterality)?;
    optional_id("wound_id", &photo.wound_id)
}

fn side(field: &str, pixels: u32) -> Checked {
    if (1..=limits::PHOTO_SIDE).contains(&pixels) {
        return Ok(());
    }
    let problem = format_args!("must be 1 to {} pixels", limits::PHOTO_SIDE);
    Err(FieldError::new(field, problem))
}

fn blob(blob: &BlobReference) -> Checked {
    id("original.blob_id", &blob.blob_id)?;
    bytes("original.key", &blob.key, limits::KEY_BYTES)?;
    if !(1..=limits::BLOB_BYTES).contains(&blob.plaintext_len) {
        let problem = format_args!("must be 1 to {} bytes", limits::BLOB_BYTES);
        return Err(FieldError::new("original.plaintext_len", problem));
    }
    bytes(
        "original.ciphertext_sha256",
        &blob.ciphertext_sha256,
        limits::SHA256_BYTES,
    )
}

/// The log counts from 1. A marker beyond the head is for the fold to clamp.
pub(super) fn read_marker(marker: ReadMarker) -> Checked {
    if marker.seq == 0 {
        return Err(FieldError::new("seq", "is not given"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, refused_field};
    use super::*;

    fn original(photo: &mut Photo) -> &mut BlobReference {
        photo.original.get_or_insert_default()
    }

    #[test]
    fn a_message_says_something_within_bounds() {
        assert_eq!(message(&samples::message()), Ok(()));
        let refuse = |field, change: fn(&mut Message)| {
            refused_field(samples::message(), change, message, field);
        };
        refuse("text", |m| m.text = "\n ".into());
        refuse("text", |m| m.text = "a".repeat(8_001));
        refuse("text", |m| m.text = "\u{1B}]0;owned\u{7}".into());
        refuse("priority", |m| m.priority = 0);
        refuse("priority", |m| m.priority = 4);
        refuse("reply_to", |m| m.reply_to = vec![1; 17].into());
    }

    #[test]
    fn markup_is_text_like_any_other() {
        // Rendering escapes it (requirement W5); here it is what was written.
        let mut markup = samples::message();
        markup.text = "<script>alert(1)</script> & PAS < 120".into();
        assert_eq!(message(&markup), Ok(()));
    }

    #[test]
    fn a_photo_is_a_small_jpeg_and_a_complete_reference() {
        assert_eq!(photo(&samples::photo()), Ok(()));
        let refuse = |field, change: fn(&mut Photo)| {
            refused_field(samples::photo(), change, photo, field);
        };
        refuse("original", |p| p.original = None);
        refuse("original.blob_id", |p| original(p).blob_id.clear());
        refuse("original.key", |p| original(p).key = vec![1; 16].into());
        refuse("original.ciphertext_sha256", |p| {
            original(p).ciphertext_sha256 = vec![1; 33].into();
        });
        refuse("original.plaintext_len", |p| original(p).plaintext_len = 0);
        refuse("original.plaintext_len", |p| {
            original(p).plaintext_len = limits::BLOB_BYTES + 1;
        });
        refuse("thumbnail", |p| p.thumbnail.clear());
        refuse("thumbnail", |p| {
            p.thumbnail = b"<svg onload=alert(1)>".to_vec().into()
        });
        refuse("thumbnail", |p| {
            let mut large = JPEG_MAGIC.to_vec();
            large.resize(limits::THUMBNAIL_BYTES + 1, 0);
            p.thumbnail = large.into();
        });
        refuse("width", |p| p.width = 0);
        refuse("height", |p| p.height = 8_001);
        refuse("height", |p| p.height = u32::MAX);
        refuse("caption", |p| p.caption = "c".repeat(501));
        refuse("body_site", |p| p.body_site = "s".repeat(101));
        refuse("laterality", |p| p.laterality = 4);
        refuse("wound_id", |p| p.wound_id = vec![1; 15].into());
    }

    #[test]
    fn a_photo_may_be_of_no_side() {
        let mut plain = samples::photo();
        plain.laterality = 0;
        plain.wound_id.clear();
        plain.caption.clear();
        plain.body_site.clear();
        assert_eq!(photo(&plain), Ok(()));
    }

    #[test]
    fn a_read_marker_names_an_entry() {
        assert_eq!(read_marker(ReadMarker { seq: u64::MAX }), Ok(()));
        assert!(read_marker(ReadMarker { seq: 0 }).is_err());
    }
}
