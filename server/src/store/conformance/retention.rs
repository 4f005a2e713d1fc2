//! What is trimmed, and what a device that comes too late is told.

use relais_wire::{chain, limits};

use super::super::Next;
use super::*;

pub async fn entries_go_once_all_have_passed(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, doctor) = (Device::new(&store, 1), Device::new(&store, 2));
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.commit(channel, 0, &[doctor.id], &[]).await;
    for counter in 1..=4 {
        nurse.message(channel, 1, counter).await;
    }
    let all: Vec<u64> = (1..=6).collect();
    let hashes = store.entry_hashes(channel, all).await.expect("reads");
    // The hash before the first that is kept stays known.
    let first = async || {
        store.expire(NOW).await.expect("writes");
        let now = store.channel(channel).await.expect("reads");
        let now = now.expect("is there");
        let before = now.first_seq.checked_sub(2).map(|at| at as usize);
        match before.and_then(|at| hashes.get(at)) {
            Some(known) => assert_eq!(now.hash_before.expect("kept").as_slice(), known.hash),
            None => assert!(now.hash_before.is_some()),
        }
        now.first_seq
    };
    assert_eq!(first().await, 1);
    // Entries 1 and 2 are the nurse's alone.
    store
        .acknowledge(channel, nurse.id, 2)
        .await
        .expect("notes");
    assert_eq!(first().await, 3);
    store
        .acknowledge(channel, nurse.id, 6)
        .await
        .expect("notes");
    assert_eq!(first().await, 3);
    store
        .acknowledge(channel, doctor.id, 4)
        .await
        .expect("notes");
    assert_eq!(first().await, 5);

    for (after, next, entries) in [(1, Next::Trimmed, vec![]), (4, Next::Head, vec![5, 6])] {
        let page = nurse.read(channel, after).await;
        assert_eq!((page.next, seqs(&page.entries)), (next, entries));
    }
    assert_eq!(doctor.read(channel, 0).await.next, Next::NoSpan);
    assert_eq!(doctor.read(channel, 2).await.next, Next::Trimmed);

    // Who was removed counts until it has read its removal.
    nurse.commit(channel, 1, &[], &[doctor.id]).await;
    nurse.message(channel, 2, 5).await;
    store
        .acknowledge(channel, nurse.id, 8)
        .await
        .expect("notes");
    assert_eq!(first().await, 5);
    store
        .acknowledge(channel, doctor.id, 7)
        .await
        .expect("notes");
    assert_eq!(first().await, 9);
    assert_eq!(doctor.read(channel, 5).await.next, Next::Trimmed);
    assert_eq!(doctor.read(channel, 7).await.next, Next::Closed);
}

pub async fn old_entries_go_even_unread(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let (channel, quiet) = (channel_id(1), channel_id(2));
    nurse.create(channel).await;
    nurse.create(quiet).await;
    // More than one step of the trimming.
    for counter in 1..=5000 {
        nurse.at(NOW + counter).message(channel, 0, counter).await;
    }
    nurse.at(NOW + 9000).message(quiet, 0, 1).await;
    let late = NOW + 4900 + limits::RETENTION_MS;
    store.expire(late).await.expect("writes");
    let cut = ground.cut().open();
    for store in [store, cut] {
        let now = store
            .channel(channel)
            .await
            .expect("reads")
            .expect("is there");
        // Entry 1 is the creation, entry n + 1 the message n.
        assert_eq!((now.first_seq, now.head_seq), (4902, 5001));
        let reader = Device::new(&store, 1);
        assert_eq!(reader.read(channel, 4900).await.next, Next::Trimmed);
        let page = reader.read(channel, 4901).await;
        assert_eq!((page.entries.len(), page.next), (100, Next::Head));
        assert_eq!(reader.read(quiet, 1).await.entries.len(), 1);
    }
}

pub async fn a_log_goes_on_after_all_was_trimmed(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.message(channel, 0, 1).await;
    store
        .acknowledge(channel, nurse.id, 2)
        .await
        .expect("notes");
    store.expire(NOW).await.expect("writes");
    let store = ground.cut().open();
    let before = store
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!((before.first_seq, before.head_seq), (3, 2));
    let nurse = Device::new(&store, 1);
    assert_eq!(nurse.read(channel, 2).await.next, Next::Head);
    nurse.prepare(Operation::Refuse(RefusalCode::Malformed));
    nurse.prepare(Operation::Refuse(RefusalCode::Malformed));
    nurse.message(channel, 0, 2).await;
    let page = nurse.read(channel, 2).await;
    assert_eq!((seqs(&page.entries), page.next), (vec![3], Next::Head));
    let now = store
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(
        now.head_hash,
        chain::channel_entry(&before.head_hash, &page.entries[0])
    );
}
