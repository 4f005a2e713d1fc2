//! The format of an archive: records one behind the other, each behind its length
//! (content.proto, "archives"). Bounds for whoever writes and for whoever reads.

use prost::Message;
use prost::encoding::decode_varint;
use relais_content::v1::{ArchiveRecord, archive_record::Record};
use relais_wire::limits;

/// One record: an event of the largest size, its header and its notices.
pub(super) const RECORD_BYTES: usize = 2 * limits::MESSAGE_BYTES;

/// What one step reads or writes of an archive, beside one record.
pub(super) const STEP_BYTES: usize = 256 * 1024;

/// Entries that one step moves at most.
pub(super) const STEP_ENTRIES: usize = 512;

/// Rosters of one archive: those nearest to its entries when there are more.
pub(super) const ROSTERS_BYTES: usize = 1024 * 1024;

/// One archive: what is longer travels as several, the newest first.
pub(super) const ARCHIVE_BYTES: u64 = 32 * 1024 * 1024;

const _: () =
    assert!(ARCHIVE_BYTES + (ROSTERS_BYTES + 4 * RECORD_BYTES) as u64 <= limits::BLOB_BYTES);

/// Of a message without its event: it was not promised.
pub(super) const NOT_SHARED: &str = "not shared";
/// Of a message without its event: the sharer does not have it either.
pub(super) const NOT_HELD: &str = "the sharer does not have it";

/// What a thread shows of an entry that follows from headers and rosters, or is this
/// device's own: never taken from a sharer's word.
const DERIVED: &[&str] = &["created", "added", "removed", "role", "joined", "omitted"];

/// Whether a sharer's word about an entry may be shown: a kind of few small letters
/// that does not follow from something proved, and one line.
pub(super) fn may_tell(kind: &str, detail: &str) -> bool {
    let word = kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    (1..=32).contains(&kind.len())
        && word
        && !DERIVED.contains(&kind)
        && detail.len() <= 500
        && !detail.chars().any(char::is_control)
}

/// Writes a record behind the others.
pub(super) fn append(out: &mut Vec<u8>, record: Record) {
    let record = ArchiveRecord {
        record: Some(record),
    };
    out.extend_from_slice(&record.encode_length_delimited_to_vec());
}

/// The archive is not one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes the next whole record from the front; `None` when the rest has not arrived.
pub(super) fn take(bytes: &mut &[u8]) -> Result<Option<Record>, Malformed> {
    /// Longest encoding of a length (protobuf varint).
    const LENGTH_BYTES: usize = 10;
    let mut rest = *bytes;
    let length = match decode_varint(&mut rest) {
        Ok(length) => usize::try_from(length).map_err(|_| Malformed)?,
        Err(_) if bytes.len() < LENGTH_BYTES => return Ok(None),
        Err(_) => return Err(Malformed),
    };
    if length > RECORD_BYTES {
        return Err(Malformed);
    }
    let Some((record, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    *bytes = rest;
    let record = ArchiveRecord::decode(record).map_err(|_| Malformed)?;
    record.record.map(Some).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::bytes::Bytes;

    #[test]
    fn records_come_back_whole_however_they_are_cut() {
        let mut written = Vec::new();
        for length in [0, 1, 130, 70_000] {
            append(&mut written, Record::Roster(Bytes::from(vec![7; length])));
        }
        for step in [1, 2, 127, 4096, written.len()] {
            let (mut rest, mut read) = (Vec::new(), Vec::new());
            for part in written.chunks(step) {
                rest.extend_from_slice(part);
                let mut bytes = rest.as_slice();
                while let Some(record) = take(&mut bytes).expect("well formed") {
                    let Record::Roster(roster) = record else {
                        panic!("another record");
                    };
                    read.push(roster.len());
                }
                rest = bytes.to_vec();
            }
            assert_eq!(
                (read.as_slice(), rest.len()),
                ([0, 1, 130, 70_000].as_slice(), 0)
            );
        }
    }

    #[test]
    fn what_is_no_record_is_refused_before_it_is_waited_for() {
        let mut huge = Vec::new();
        prost::encoding::encode_varint(RECORD_BYTES as u64 + 1, &mut huge);
        for bad in [huge.as_slice(), &[0xFF; 11], &[1, 0xFF], &[0]] {
            let mut bytes = bad;
            assert_eq!(take(&mut bytes), Err(Malformed), "{bad:?}");
        }
        let mut unfinished: &[u8] = &[0xFF];
        assert_eq!(take(&mut unfinished), Ok(None));
    }

    #[test]
    fn a_sharer_tells_nothing_that_is_proved_otherwise() {
        for kind in DERIVED {
            assert!(!may_tell(kind, ""), "{kind}");
        }
        assert!(may_tell("device_added", "0a0b"));
        for (kind, detail) in [
            ("", ""),
            ("Added", ""),
            ("a b", ""),
            ("device_added", "a\nb"),
        ] {
            assert!(!may_tell(kind, detail), "{kind:?} {detail:?}");
        }
    }
}
