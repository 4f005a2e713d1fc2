//! What a device reads from a socket.
#![no_main]

use libfuzzer_sys::fuzz_target;
use relais_fuzz::{PRACTICE, decode};
use relais_wire::chain::{GENESIS, channel_entry};
use relais_wire::v1::ServerFrame;
use relais_wire::v1::delivery::Item;
use relais_wire::v1::server_frame::Frame;

fuzz_target!(|data: &[u8]| {
    let Some(frame) = decode::<ServerFrame>(data).and_then(|frame| frame.frame) else {
        return;
    };
    let Frame::Delivery(delivery) = frame else {
        return;
    };
    match delivery.item {
        Some(Item::Structure(mut entry)) => {
            let before = &*PRACTICE;
            entry.seq = before.head().seq + 1;
            let mut structure = before.clone();
            if structure.apply(&entry).is_err() {
                assert!(structure == *before, "a refusal changes nothing");
            }
        }
        Some(Item::Channel(entry)) => {
            assert_ne!(channel_entry(&GENESIS, &entry), GENESIS);
        }
        Some(Item::Inbox(_)) | None => {}
    }
});
