//! The conformance suite on both backends, with and without a thread, and what only one of them can show.

mod groups;
mod measure;
mod sled_folder;
mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::conformance::{Ground, NOW, conformance, device_id};
use super::kv::{Backend, Batch};
use super::state::{ChannelState, Head, Member};
use super::{LogStore, MemoryDisk, Store, StoreError, keyspaces as keys};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "relais-store-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl Ground for Folder {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_sled(&self.0).expect("opens"))
    }

    fn cut(&self) -> Box<dyn Ground> {
        let copy = Folder::new();
        for entry in std::fs::read_dir(&self.0).expect("lists") {
            let entry = entry.expect("lists");
            if entry.path().is_file() {
                std::fs::copy(entry.path(), copy.0.join(entry.file_name())).expect("copies");
            }
        }
        Box::new(copy)
    }
}

impl Ground for MemoryDisk {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_memory(self).expect("opens"))
    }

    fn cut(&self) -> Box<dyn Ground> {
        let copy = self.snapshot();
        Box::new(copy)
    }
}

/// A [`MemoryDisk`] whose store has no thread.
struct Inline(MemoryDisk);

impl Ground for Inline {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_inline(&self.0).expect("opens"))
    }

    fn cut(&self) -> Box<dyn Ground> {
        Box::new(Self(self.0.snapshot()))
    }
}

mod on_sled {
    super::conformance!(super::Folder::new());
}

mod in_memory {
    super::conformance!(super::MemoryDisk::default());
}

mod inline {
    super::conformance!(super::Inline(super::MemoryDisk::default()));
}

#[test]
fn a_store_of_another_layout_is_not_opened() {
    let disk = MemoryDisk::default();
    let mut batch = Batch::default();
    batch.put(
        keys::single(keys::FORMAT),
        Bytes::from_static(&[0, 0, 0, 9]),
    );
    disk.open().commit(&batch).expect("writes");
    let opened = LogStore::open_memory(&disk);
    assert!(matches!(opened.err(), Some(StoreError::Corrupt(_))));
}

#[test]
fn what_is_on_disk_keeps_its_form() {
    let head = Head {
        incarnation: 1,
        epoch: 2,
        seq: 300,
        hash: [0xAB; 32],
        time_ms: NOW,
        first_seq: 4,
        hash_before: Some([0xCD; 32]),
    };
    let hash = "ab".repeat(32);
    let before = "4220".to_owned() + &"cd".repeat(32);
    let expected = format!("0801100218ac022220{hash}2880d8c1a28c343004");
    let mut channel = ChannelState::new(head);
    assert_eq!(
        hex::encode(channel.encode_head()),
        expected.clone() + &before
    );
    channel.members.insert(device_id(1), Member::default());
    channel.count_event(device_id(1), 5);
    let counter = "3a140a10".to_owned() + "0001" + &"d0".repeat(14) + "1005";
    assert_eq!(
        hex::encode(channel.encode_head()),
        expected + &counter + &before
    );
    let again = ChannelState::restore(channel.encode_head(), channel.members.clone());
    assert_eq!(again.expect("decodes").head, head);
    let mut member = Member {
        event_counter: 5,
        cursor: 6,
        ..Member::default()
    };
    member.open(1);
    member.close(3);
    member.open(9);
    assert_eq!(
        hex::encode(member.encode()),
        "0a0408011003".to_owned() + "0a0208091005" + "1806"
    );
    assert_eq!(Member::decode(member.encode()).expect("decodes"), member);
}

impl MemoryDisk {
    fn open_store(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_memory(self).expect("opens"))
    }
}
