//! The hash chains that make both logs tamper-evident: an entry's hash covers
//! its predecessor and everything the server says about it.

use crate::label::{Label, hash};
use crate::v1::{ChannelEntry, EntryHeader, EntryKind, StructureEntry, entry_header};

/// Hash before the first entry of a log.
pub const GENESIS: [u8; 32] = [0; 32];

/// Hash of a structure-log entry whose predecessor hashes to `previous`.
pub fn structure_entry(previous: &[u8], entry: &StructureEntry) -> [u8; 32] {
    hash(
        Label::StructureChain,
        &[
            previous,
            &entry.seq.to_be_bytes(),
            &entry.time_ms.to_be_bytes(),
            &entry.statement,
        ],
    )
}

/// What the chain covers of an entry: of a message its authenticated data, which
/// binds the signed event by hash, so that a device that holds the event and not
/// the ciphertext can check the chain (architecture D6, D9); of anything else, and
/// of a message that is no PrivateMessage, the whole payload.
pub fn header(entry: &ChannelEntry) -> EntryHeader {
    use entry_header::Payload;
    let authenticated = match entry.kind() {
        EntryKind::Message => authenticated_data(&entry.payload),
        _ => None,
    };
    EntryHeader {
        seq: entry.seq,
        time_ms: entry.time_ms,
        device_id: entry.device_id.clone(),
        kind: entry.kind,
        incarnation: entry.incarnation,
        epoch: entry.epoch,
        payload: Some(match authenticated {
            Some(data) => Payload::AuthenticatedData(entry.payload.slice_ref(data)),
            None => Payload::Digest(
                hash(Label::PayloadDigest, &[&entry.payload])
                    .to_vec()
                    .into(),
            ),
        }),
    }
}

/// Hash of a channel entry, by its header, whose predecessor hashes to `previous`.
pub fn channel_header(previous: &[u8], channel: &[u8], header: &EntryHeader) -> [u8; 32] {
    use entry_header::Payload;
    let (form, payload): (u8, &[u8]) = match &header.payload {
        Some(Payload::AuthenticatedData(data)) => (1, data),
        Some(Payload::Digest(digest)) => (2, digest),
        None => (0, &[]),
    };
    hash(
        Label::ChannelChain,
        &[
            previous,
            channel,
            &header.seq.to_be_bytes(),
            &header.time_ms.to_be_bytes(),
            &header.device_id,
            &header.kind.to_be_bytes(),
            &header.incarnation.to_be_bytes(),
            &header.epoch.to_be_bytes(),
            &[form],
            payload,
        ],
    )
}

/// Hash of a channel entry whose predecessor hashes to `previous`.
pub fn channel_entry(previous: &[u8], entry: &ChannelEntry) -> [u8; 32] {
    channel_header(previous, &entry.channel_id, &header(entry))
}

/// The authenticated data of an encoded MLSMessage that holds a PrivateMessage
/// (RFC 9420 §6 and §6.3); `None` for any other bytes.
pub fn authenticated_data(message: &[u8]) -> Option<&[u8]> {
    const MLS_10: [u8; 2] = [0, 1];
    const PRIVATE_MESSAGE: [u8; 2] = [0, 2];
    let rest = message
        .strip_prefix(&MLS_10)?
        .strip_prefix(&PRIVATE_MESSAGE)?;
    let (_group_id, rest) = vector(rest)?;
    let (_epoch, rest) = rest.split_at_checked(8)?;
    let (_content_type, rest) = rest.split_at_checked(1)?;
    vector(rest).map(|(data, _)| data)
}

/// A vector with a variable-size length in front (RFC 9420 §2.1.2), and the rest.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = match bytes.first()? >> 6 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return None,
    };
    let (prefix, rest) = bytes.split_at_checked(size)?;
    let length = prefix
        .iter()
        .fold(0, |length: usize, byte| (length << 8) | usize::from(*byte));
    // The two highest bits of the prefix say its size.
    rest.split_at_checked(length & !(0b11 << (8 * size - 2)))
}
