//! The hash chains that make both logs tamper-evident: an entry's hash covers
//! its predecessor and everything the server says about it.

use crate::label::{Label, hash};
use crate::v1::{ChannelEntry, StructureEntry};

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

/// Hash of a channel entry whose predecessor hashes to `previous`.
pub fn channel_entry(previous: &[u8], entry: &ChannelEntry) -> [u8; 32] {
    hash(
        Label::ChannelChain,
        &[
            previous,
            &entry.channel_id,
            &entry.seq.to_be_bytes(),
            &entry.time_ms.to_be_bytes(),
            &entry.device_id,
            &entry.kind.to_be_bytes(),
            &entry.incarnation.to_be_bytes(),
            &entry.epoch.to_be_bytes(),
            &entry.payload,
        ],
    )
}
