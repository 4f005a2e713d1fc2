//! Every key prefix of the one tree, with its purpose, and the key encoders.
//! One tree, because a batch is atomic only within a tree. Numbers are
//! big-endian, so that the order of keys is the order of sequences.

use relais_wire::ids::{BlobId, ChannelId, DeviceId, ProfessionalId};

macro_rules! keyspaces {
    ($($name:ident = $prefix:literal, $size:ident, $purpose:literal;)*) => {
        $(#[doc = $purpose]
        pub const $name: u8 = $prefix;)*

        /// Name, prefix and purpose of every keyspace.
        pub const TABLE: &[(&str, u8, &str)] = &[$((stringify!($name), $prefix, $purpose),)*];

        /// Whether values under this prefix may exceed [`super::kv::PIECE_BYTES`].
        pub const fn may_be_cut(prefix: u8) -> bool {
            match prefix {
                $($prefix => keyspaces!(@$size),)*
                _ => false,
            }
        }
    };
    (@small) => { false };
    (@large) => { true };
}

keyspaces! {
    FORMAT = 0x00, small, "Version of this layout: a store of another one is not opened.";
    FOUNDING = 0x01, small, "The founding record; written once.";
    GROUP_NUMBER = 0x02, small, "Number of the last group commit: tells after a failed flush whether the group is there.";
    RESTORES = 0x04, small, "How often this store was found to have been restored from a backup.";
    STRUCTURE = 0x03, large, "+ seq: entries of the structure log.";
    HEAD = 0x10, small, "+ channel: epoch, head and first entry kept. Small, for every append rewrites it.";
    MEMBER = 0x11, small, "+ channel + device: spans, event counter, cursor. Stays after removal: the counter goes on.";
    GROUP_INFO = 0x12, large, "+ channel: GroupInfo of the present epoch; rewritten by commits only.";
    RATCHET_TREE = 0x13, large, "+ channel: ratchet tree of the present epoch; rewritten by commits only.";
    ENTRY = 0x14, large, "+ channel + seq: the channel's log.";
    WELCOME = 0x15, large, "+ channel + seq of the commit: its Welcome, once for all who join.";
    WELCOME_TREE = 0x16, large, "+ channel + seq of the commit: the tree of exactly that Welcome's epoch.";
    WELCOME_USES = 0x17, small, "+ channel + seq of the commit: how many inbox items still need the two above.";
    NAMED = 0x18, small, "+ professional + channel: whom each channel's roster names, to list their channels.";
    DEVICE = 0x20, small, "+ device: lease and its number, bounds of the inbox, claim budget.";
    ANSWER = 0x21, large, "+ device + slot: remembered answers, a ring of `limits::IN_FLIGHT` slots.";
    KEY_PACKAGE = 0x22, large, "+ device + index: one-time key packages, handed out from the front.";
    LAST_RESORT = 0x23, large, "+ device: the key package for when no other is left.";
    INBOX = 0x24, large, "+ device + seq: waiting items; a Welcome's bytes are under WELCOME.";
    BLOB = 0x30, small, "+ blob: its channel, uploader, length and how far it came.";
    BLOB_WAITING = 0x31, small, "+ creation time + blob: blobs that no message names yet, oldest first.";
    BLOB_NAMED = 0x32, small, "+ blob + channel: named by a message before its upload began; value: when, and by whose.";
    PIECE = 0xFF, small, "+ key + number: pieces of a value that is too large for one item.";
}

fn key<const N: usize>(prefix: u8, parts: [&[u8]; N]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(prefix);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// Key of a single record.
pub fn single(prefix: u8) -> Vec<u8> {
    vec![prefix]
}

/// Key of a structure entry.
pub fn structure(seq: u64) -> Vec<u8> {
    key(STRUCTURE, [&seq.to_be_bytes()])
}

/// Key of a channel's record under `prefix`.
pub fn channel(prefix: u8, channel: ChannelId) -> Vec<u8> {
    key(prefix, [&channel.0])
}

/// Key of a channel's record under `prefix` at a sequence.
pub fn channel_seq(prefix: u8, channel: ChannelId, seq: u64) -> Vec<u8> {
    key(prefix, [&channel.0, &seq.to_be_bytes()])
}

/// Key of a member's record.
pub fn member(channel: ChannelId, device: DeviceId) -> Vec<u8> {
    key(MEMBER, [&channel.0, &device.0])
}

/// Key of a channel in the index of those that name a professional.
pub fn named(professional: ProfessionalId, channel: ChannelId) -> Vec<u8> {
    key(NAMED, [&professional.0, &channel.0])
}

/// What the keys of a professional's channels begin with.
pub fn named_by(professional: ProfessionalId) -> Vec<u8> {
    key(NAMED, [&professional.0])
}

/// Key of a device's record under `prefix`.
pub fn device(prefix: u8, device: DeviceId) -> Vec<u8> {
    key(prefix, [&device.0])
}

/// Key of a remembered answer.
pub fn answer(device: DeviceId, slot: u8) -> Vec<u8> {
    key(ANSWER, [&device.0, &[slot]])
}

/// Key of a one-time key package.
pub fn key_package(device: DeviceId, index: u32) -> Vec<u8> {
    key(KEY_PACKAGE, [&device.0, &index.to_be_bytes()])
}

/// Key of an inbox item.
pub fn inbox(device: DeviceId, seq: u64) -> Vec<u8> {
    key(INBOX, [&device.0, &seq.to_be_bytes()])
}

/// Key of a blob's record.
pub fn blob(blob: BlobId) -> Vec<u8> {
    key(BLOB, [&blob.0])
}

/// Key of a blob in the index of those that no message names.
pub fn blob_waiting(created_ms: u64, blob: BlobId) -> Vec<u8> {
    key(BLOB_WAITING, [&created_ms.to_be_bytes(), &blob.0])
}

/// Key of the note that a message names a blob not yet created.
pub fn blob_named(blob: BlobId, channel: ChannelId) -> Vec<u8> {
    key(BLOB_NAMED, [&blob.0, &channel.0])
}

/// Key of one piece of the value under `key`.
pub fn piece(of: &[u8], number: u32) -> Vec<u8> {
    key(PIECE, [of, &number.to_be_bytes()])
}

/// First key after all that begin with `prefix`.
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Nothing but 0xFF: no key of ours is longer than 64 bytes.
    vec![u8::MAX; 64]
}

/// The last 16 bytes of a key: the identifier that ends it.
pub fn trailing_id(key: &[u8]) -> Option<[u8; 16]> {
    key.last_chunk().copied()
}

/// The last 8 bytes of a key as a sequence.
pub fn trailing_seq(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_keyspace_has_its_own_prefix_and_a_purpose() {
        let prefixes: BTreeSet<_> = TABLE.iter().map(|(_, prefix, _)| prefix).collect();
        assert_eq!(prefixes.len(), TABLE.len());
        assert!(TABLE.iter().all(|(_, _, purpose)| purpose.len() > 20));
    }

    #[test]
    fn keys_sort_like_their_sequences() {
        let id = ChannelId([0xFF; 16]);
        let keys: Vec<_> = [0, 1, 255, 256, u64::MAX]
            .map(|seq| channel_seq(ENTRY, id, seq))
            .into();
        assert!(keys.is_sorted());
        assert!(keys.iter().all(|k| *k < after(&channel(ENTRY, id))));
        assert_eq!(trailing_seq(&keys[3]), Some(256));
        assert_eq!(after(&[0x14, 0xFF]), vec![0x15]);
    }
}
