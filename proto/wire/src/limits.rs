//! Every size, count and interval that both sides keep, each with its reason.
//! [`TABLE`] is what the documentation and a test print.

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
    FRAME_BYTES: usize = 1024 * 1024, "bytes",
        "One WebSocket frame: a commit that adds 128 devices with X-Wing is 353 kB, its GroupInfo and Welcome as much again.";
    MESSAGE_BYTES: usize = 128 * 1024, "bytes",
        "One encrypted event: a photo's thumbnail and a long note fit, an original does not.";
    STATEMENT_BYTES: usize = 8 * 1024, "bytes",
        "One structure statement: keys and ids; an encrypted card is below 1 kB.";
    RESTORE_BYTES: usize = 4 * 1024 * 1024, "bytes",
        "Structure entries given back to a restored server at once: some 2,000 new devices.";
    LANDMARKS: usize = 64, "entries",
        "Named of a structure log to find where two part: each step back is twice as long as the one before.";
    COMPARED: usize = 32, "hashes",
        "Asked for at once when two logs are compared: four questions find a place in a million entries.";
    STATEMENTS_PER_REQUEST: usize = 64, "statements",
        "An enrolment needs 3; re-issuing the cards of a practice needs one each.";
    BLOB_BYTES: u64 = 64 * 1024 * 1024, "bytes",
        "One encrypted blob: a wound photo is 1 MB; documents later.";
    BLOB_CHUNK_BYTES: usize = 64 * 1024, "bytes",
        "Plaintext of one encrypted chunk: small enough for a phone, large enough that tags cost nothing.";
    BLOB_TRANSFER_BYTES: usize = 512 * 1024, "bytes",
        "One PATCH or ranged GET: what a device holds in memory at a time.";
    MEMBERS: usize = 64, "professionals",
        "Circle of one channel: a large care team is below 30.";
    DEVICES_PER_PROFESSIONAL: usize = 6, "devices",
        "Phone, tablet, two desks and two spares.";
    DEVICES: usize = 256, "devices",
        "Leaves of one channel's group: bounds the size of a Welcome's tree.";
    KEY_PACKAGES: usize = 64, "key packages",
        "Published at once per device: three a day for three weeks offline; 2.7 kB each with X-Wing.";
    KEY_PACKAGE_BYTES: usize = 8 * 1024, "bytes",
        "One key package: 2.7 kB with X-Wing and our credential.";
    CLAIMS_PER_REQUEST: usize = 64, "devices",
        "Key packages claimed in one request: their answer stays within one frame.";
    CLAIMS_PER_HOUR: usize = 256, "key packages",
        "Claimed by one device in an hour, so that nobody drains the others.";
    IN_FLIGHT: usize = 64, "requests",
        "Sends of one device without an answer; as many answers are remembered for repetitions.";
    INBOX_ITEMS: usize = 1024, "items",
        "Waiting for one device: Welcomes and sealed items, not messages.";
    SEALED_BYTES: usize = 16 * 1024, "bytes",
        "One item sealed from device to device: a key and its X-Wing encapsulation.";
    RETENTION_MS: u64 = 90 * 24 * 3_600_000, "ms",
        "A channel entry that a device has not acknowledged by then is trimmed (architecture D6).";
    BLOB_UNREFERENCED_MS: u64 = 7 * 24 * 3_600_000, "ms",
        "A blob that no message names by then is deleted.";
    INVITATION_MS: u64 = 72 * 3_600_000, "ms",
        "Life of an invitation: a weekend.";
    ROOT_REPLACEMENT_MS: u64 = 7 * 24 * 3_600_000, "ms",
        "Life of an agreement to replace the root's key: every coordinator is back from a weekend.";
    DEVICE_INVITATION_MS: u64 = 15 * 60_000, "ms",
        "Life of a device link: both devices lie on the same table.";
    SEALING_KEY_MS: u64 = 30 * 24 * 3_600_000, "ms",
        "A device replaces its sealing key so often: what a stolen key opens is a month's.";
    SEALING_KEY_KEPT_MS: u64 = 14 * 24 * 3_600_000, "ms",
        "A replaced sealing key still opens for so long what was under way to it.";
    UNCONFIRMED_MS: u64 = 7 * 24 * 3_600_000, "ms",
        "An enrolment that no coordinator confirmed by then no longer counts.";
    TOKEN_MS: u64 = 15 * 60_000, "ms",
        "Life of a bearer token for the blob routes; every connection brings a new one.";
    HELLO_MS: u64 = 10_000, "ms",
        "A connection that has not authenticated by then is closed.";
    IDLE_MS: u64 = 90_000, "ms",
        "A connection that answers no ping for so long is closed.";
    CONNECTIONS: usize = 4096, "connections",
        "Open sockets of one server: 6 KiB each.";
    UNAUTHENTICATED_PER_MINUTE: usize = 600, "requests",
        "Enrolment and log requests without a device, for the whole server: a practice enrols a few people a day.";
    UNAUTHENTICATED_CONNECTIONS: usize = 512, "connections",
        "Sockets that have not said hello: a practice that comes back after an outage fits, a flood does not.";
    BLOBS_PER_HOUR: usize = 600, "blobs",
        "Uploads that one device begins in an hour: a day of wound photos at once.";
    PAGE_BYTES: usize = 128 * 1024, "bytes",
        "What a connection reads of one log before it looks at the others: bounds what a slow reader holds.";
    RECENT_ENTRIES: usize = 64, "entries",
        "Entries of a followed channel kept in memory for connected devices; one further behind reads the store.";
    RECENT_BYTES: usize = 128 * 1024, "bytes",
        "The same, by size: a channel of large commits keeps fewer.";
    CURSORS_MS: u64 = 200, "ms",
        "Delivery cursors of a channel are summarised so often at most.";
    WRITE_MS: u64 = 30_000, "ms",
        "A connection that takes no bytes for so long is closed; its device reads on from its own cursors.";
    EXPIRE_MS: u64 = 10 * 60_000, "ms",
        "Between two rounds of trimming logs and deleting blobs.";
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
        const { assert!(MESSAGE_BYTES < FRAME_BYTES) };
        const { assert!(KEY_PACKAGES * KEY_PACKAGE_BYTES <= FRAME_BYTES) };
        const { assert!(CLAIMS_PER_REQUEST * KEY_PACKAGE_BYTES <= FRAME_BYTES) };
    }
}
