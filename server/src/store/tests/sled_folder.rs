//! What only a folder on disk can show.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use relais_wire::{RefusalCode, limits};

use super::Folder;
use crate::store::conformance::{
    Device, Ground, NOW, appended, channel_id, commit, device_id, durability, message, public,
};
use crate::store::kv::{Backend, Batch, PIECE_BYTES};
use crate::store::{NewChannel, Operation, SledBackend, Write, keyspaces as keys};

/// Files under `blobs/` are not synced, so whatever is in one is lost with the power.
#[tokio::test]
async fn nothing_goes_to_files_that_sled_never_syncs() {
    let folder = Folder::new();
    durability::large_values_come_back_whole(&folder).await;
    let store = folder.open();
    let sender = Device::new(&store, 1);
    let channel = channel_id(2);
    sender.prepare(Operation::Refuse(RefusalCode::Malformed));
    let longest = [PIECE_BYTES, 128 * 1024, PIECE_BYTES - 200, 30_000];
    for n in 0..300 {
        let mut sender = Device::new(&store, 1000 + n);
        sender.id = device_id(1000 + n % 20);
        let write = Write {
            send_counter: u64::from(n) + 1,
            ..sender.prepare(match n {
                0 => Operation::CreateChannel(NewChannel {
                    channel,
                    state: public(0),
                    structure_seq: 0,
                    named: Vec::new(),
                }),
                _ => {
                    let Operation::AppendCommit(mut new) =
                        commit(channel, u64::from(n) - 1, &[], &[])
                    else {
                        unreachable!();
                    };
                    new.payload = vec![n as u8; longest[usize::from(n) % 4]].into();
                    new.state.ratchet_tree = vec![n as u8; 777 * usize::from(n)].into();
                    Operation::AppendCommit(new)
                }
            })
        };
        appended(&store.write(write).await.expect("writes"));
        if n % 50 == 49 {
            let late = NOW + limits::RETENTION_MS;
            store.expire(late).await.expect("trims");
        }
    }
    let blobs = std::fs::read_dir(folder.0.join("blobs")).expect("lists");
    assert_eq!(blobs.count(), 0);
}

#[test]
fn no_piece_of_a_large_value_is_left_behind() {
    let folder = Folder::new();
    let backend = SledBackend::open(&folder.0).expect("opens");
    let key = keys::channel(keys::RATCHET_TREE, channel_id(1));
    let value = |length| Some(Bytes::from(vec![7; length]));
    for written in [
        value(5 * PIECE_BYTES + 1),
        value(2 * PIECE_BYTES),
        value(PIECE_BYTES),
        value(PIECE_BYTES + 1),
        None,
        value(3 * PIECE_BYTES),
    ] {
        let mut batch = Batch::default();
        match &written {
            Some(value) => batch.put(key.clone(), value.clone()),
            None => batch.delete(key.clone()),
        }
        backend.commit(&batch).expect("writes");
        assert_eq!(backend.get(&key).expect("reads"), written);
        let last = written.map(|value| value.len().div_ceil(PIECE_BYTES) as u32);
        let last = last.filter(|pieces| *pieces > 1);
        let left = backend.last_before(&[keys::PIECE], &keys::after(&[keys::PIECE]));
        let expected = last.map(|pieces| keys::piece(&key, pieces - 1));
        assert_eq!(left.expect("reads"), expected);
    }
}

#[tokio::test]
async fn a_half_made_snapshot_does_not_keep_the_store_from_opening() {
    let folder = Folder::new();
    let store = folder.open();
    Device::new(&store, 1).create(channel_id(1)).await;
    drop(store);
    let generating = folder.0.join("snap.0000000000000001.generating");
    std::fs::write(generating, b"half").expect("writes");
    let store = folder.open();
    assert!(store.channel(channel_id(1)).await.expect("reads").is_some());
}

/// Run with `RELAIS_SMALL_DISK` naming a folder on a file system of some 40 MB.
#[tokio::test]
#[ignore = "needs a small file system"]
async fn a_full_disk_is_not_fatal() {
    let disk = PathBuf::from(std::env::var_os("RELAIS_SMALL_DISK").expect("a small disk"));
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![1; 16 << 20]).expect("room for the ballast");
    let folder = Folder(disk.join("store"));
    let store = folder.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    let mut counter = 0;
    let refused = loop {
        counter += 1;
        let Operation::AppendMessage(mut new) = message(channel, 0, counter) else {
            unreachable!();
        };
        new.payload = vec![counter as u8; 60_000].into();
        let write = nurse.prepare(Operation::AppendMessage(new));
        match store.write(write.clone()).await {
            Ok(applied) => assert_eq!(appended(&applied).seq, counter + 1),
            Err(error) => {
                println!("full after {counter} messages: {error}");
                break write;
            }
        }
    };
    assert!(store.write(refused.clone()).await.is_err());
    std::fs::remove_file(&ballast).expect("removes");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let applied = store.write(refused).await.expect("there is room again");
    assert_eq!(appended(&applied).seq, counter + 1);
    drop(store);
    let store = folder.cut().open();
    let reader = Device::new(&store, 1);
    let mut after = 0;
    while after < counter + 1 {
        let entries = reader.read(channel, after).await.entries;
        assert_eq!(entries.first().map(|entry| entry.seq), Some(after + 1));
        after += entries.len() as u64;
    }
}
