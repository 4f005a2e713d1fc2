//! Every length, count and range of the content, each with its reason.
//! [`TABLE`] is what the documentation and a test print. Sizes of frames,
//! blobs and rosters on the way belong to `relais-wire`.

macro_rules! limits {
    ($($name:ident: $type:ty = $value:expr, $unit:literal, $reason:literal;)*) => {
        $(#[doc = concat!($reason, " Unit: ", $unit, ".")]
        pub const $name: $type = $value;)*

        /// Name, value, unit and reason of every limit.
        pub const TABLE: &[(&str, u64, &str, &str)] =
            &[$((stringify!($name), $name as u64, $unit, $reason),)*];
    };
}

limits! {
    MESSAGE_CHARS: usize = 8_000, "characters",
        "Text of a message: two dense pages; what is longer is a document.";
    TITLE_CHARS: usize = 120, "characters",
        "Title of a thread or task, label of an alert: two lines of a phone.";
    NAME_CHARS: usize = 100, "characters",
        "A name, role, relation or body site: the longest civil names fit.";
    DETAIL_CHARS: usize = 4_000, "characters",
        "Detail of a task: one page of instructions.";
    SAED_CHARS: usize = 4_000, "characters",
        "One of the four SAED fields: one page each, and the four together stay one event.";
    CAPTION_CHARS: usize = 500, "characters",
        "Caption of a photo: read beside the image, not instead of it.";
    REASON_CHARS: usize = 500, "characters",
        "Why a task was declined: a few sentences.";
    SYNTHESIS_CHARS: usize = 4_000, "characters",
        "The receiver's restatement of a handover: as long as one of its fields.";
    CARE_AIM_CHARS: usize = 500, "characters",
        "One aim of care: a few sentences.";
    PHONE_CHARS: usize = 32, "characters",
        "A phone number with spaces and punctuation.";
    PHONE_DIGITS_LEAST: usize = 2, "digits",
        "The shortest number that can be dialled is an emergency number such as 15.";
    PHONE_DIGITS_MOST: usize = 17, "digits",
        "E.164 allows 15; the prefix 00 may stand for the plus sign.";
    DRESSING_CHARS: usize = 500, "characters",
        "The dressing that was put on a wound: products, layers and fixation.";
    WOUND_MM: u32 = 1_000, "mm",
        "A length, width, depth, undermining or tunnel of a wound: longer than a limb's wound.";
    WOUND_MM2: u32 = 1_000_000, "mm²",
        "Area of a wound: the longest by the widest.";
    PAIN: u32 = 10, "points",
        "Pain on the numerical scale: 10 is the worst imaginable.";
    BODY_MAP: u32 = 1_000, "‰",
        "A place on the body map: per mille of its width or height.";
    SNOMED_DIGITS_LEAST: usize = 6, "digits",
        "The shortest SNOMED CT identifier (Release File Specification §2.4.3).";
    SNOMED_DIGITS_MOST: usize = 18, "digits",
        "The longest SNOMED CT identifier (Release File Specification §2.4.3).";
    GIVEN_NAMES: usize = 16, "names",
        "Given names at birth: the civil registry seldom has more than five.";
    ALERTS: usize = 32, "alerts",
        "Alerts of a patient: more would hide the one that matters.";
    CONTACTS: usize = 16, "contacts",
        "People to call for a patient: family, guardian, carers at home.";
    CARE_AIMS: usize = 16, "aims",
        "Aims of care: a circle follows a handful.";
    RECEIVERS: usize = 64, "professionals",
        "Receivers of a handover: as many as a channel can have members.";
    ROSTERS: usize = 1_024, "rosters",
        "Rosters that open a thread: one for each change of the circle, over years.";
    ROSTER_BYTES: usize = 16 * 1024, "bytes",
        "One encoded roster: 64 members of about 40 bytes, and its signature.";
    THUMBNAIL_BYTES: usize = 24 * 1024, "bytes",
        "A JPEG of 320 px at ordinary quality takes 10 to 20 KiB and travels inside the event.";
    PHOTO_SIDE: u32 = 8_000, "pixels",
        "One side of a photo: what a device decodes without exhausting its memory (requirement S4).";
    BLOB_BYTES: u64 = 64 * 1024 * 1024, "bytes",
        "Plaintext of one blob: the same bound as the blob store's.";
    ID_BYTES: usize = 16, "bytes",
        "Every identifier: 128 random bits never meet.";
    KEY_BYTES: usize = 32, "bytes",
        "Key of a blob's encryption (ChaCha20-Poly1305, RFC 8439 §2.8).";
    SHA256_BYTES: usize = 32, "bytes",
        "Digest of a blob's ciphertext (FIPS 180-4).";
    YEAR_FIRST: u32 = 1890, "year",
        "Earliest year of a civil date: the oldest people alive were born after it.";
    YEAR_LAST: u32 = 2100, "year",
        "Latest year of a civil date; there is no clock here to refuse tomorrow.";
    TIME_MS_FIRST: u64 = 1_577_836_800_000, "ms since 1970",
        "Earliest due time, deadline or end: 2020-01-01, before the first thread.";
    TIME_MS_LAST: u64 = 4_102_444_800_000, "ms since 1970",
        "Latest due time, deadline or end: 2100-01-01; every calendar can show it.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_reason() {
        for (name, value, unit, reason) in TABLE {
            assert!(
                *value > 0 && !unit.is_empty() && reason.len() > 20,
                "{name}"
            );
        }
    }

    #[test]
    fn the_longest_event_fits_into_one_encrypted_message() {
        // 128 KiB by `relais-wire`; a character takes at most four bytes.
        const MESSAGE_BYTES: usize = 128 * 1024;
        const HEADROOM: usize = 8 * 1024;
        const ROOM: usize = MESSAGE_BYTES - HEADROOM;
        const HANDOVER: usize = 4 * 4 * SAED_CHARS + RECEIVERS * (ID_BYTES + 2);
        const HEADER: usize = 4
            * ((GIVEN_NAMES + 2) * NAME_CHARS
                + ALERTS * TITLE_CHARS
                + CONTACTS * (2 * NAME_CHARS + PHONE_CHARS)
                + CARE_AIMS * CARE_AIM_CHARS);
        const { assert!(4 * MESSAGE_CHARS < ROOM) };
        const { assert!(HANDOVER < ROOM) };
        const { assert!(HEADER < ROOM) };
        const { assert!(THUMBNAIL_BYTES + 4 * (CAPTION_CHARS + NAME_CHARS) < ROOM) };
        const { assert!(4 * (TITLE_CHARS + DETAIL_CHARS) < ROOM) };
    }
}
