//! The founding record, the structure log and the blobs' records.

use relais_wire::ids::{BlobId, StructureId};
use relais_wire::limits;
use relais_wire::v1::StructureEntry;

use super::super::{Blob, Founding};
use super::*;

fn entry(seq: u64) -> StructureEntry {
    StructureEntry {
        seq,
        time_ms: NOW,
        statement: format!("statement {seq}").into(),
        seal: Default::default(),
    }
}

pub async fn a_structure_is_founded_once(ground: &dyn Ground) {
    let store = ground.open();
    assert_eq!(store.founding().await.expect("reads"), None);
    let founding = Founding {
        structure: StructureId([1; 16]),
        setup_key: [2; 32],
        token_key: [3; 32],
    };
    store.found(founding.clone()).await.expect("writes");
    let other = Founding {
        setup_key: [9; 32],
        ..founding.clone()
    };
    assert!(store.found(other).await.is_err());
    drop(store);
    let store = ground.cut().open();
    assert_eq!(store.founding().await.expect("reads"), Some(founding));
}

pub async fn the_structure_log_is_a_compare_and_set(ground: &dyn Ground) {
    let store = ground.open();
    let read = async |after, max| store.read_structure(after, max).await.expect("reads");
    assert!(read(0, 10).await.is_empty());
    assert!(
        store
            .enrol(0, vec![entry(1), entry(2)])
            .await
            .expect("writes")
    );
    assert!(!store.enrol(0, vec![entry(1)]).await.expect("writes"));
    assert!(store.enrol(2, vec![entry(4)]).await.is_err(), "never a gap");

    let coordinator = Device::new(&store, 1);
    let append = |expected_head, entries| Operation::AppendStatements {
        expected_head,
        entries,
    };
    let write = coordinator.prepare(append(1, vec![entry(2)]));
    let moved = store.write(write.clone()).await.expect("writes");
    assert!(moved.conflict && moved.effects.is_empty());
    // Rebuilt on the new head, the same request is carried out.
    let rebuilt = Write {
        operation: append(2, vec![entry(3), entry(4)]),
        ..write.clone()
    };
    let applied = store.write(rebuilt).await.expect("writes");
    assert!(!applied.conflict);
    let [Effect::Structure(told)] = applied.effects.as_slice() else {
        panic!("one effect: the entries");
    };
    assert_eq!(*told, [entry(3), entry(4)]);
    let again = store.write(write).await.expect("writes");
    assert!(!again.conflict && again.effects.is_empty());
    assert_eq!(again.answer, applied.answer);

    assert_eq!(read(0, 10).await, [entry(1), entry(2), entry(3), entry(4)]);
    assert_eq!(read(1, 2).await, [entry(2), entry(3)]);
    assert!(read(4, 10).await.is_empty());

    // Of racing appends one follows the head.
    let races = (10..20).map(|n| {
        let device = Device::new(&store, n);
        tokio::spawn(async move {
            let race = Operation::AppendStatements {
                expected_head: 4,
                entries: vec![entry(5)],
            };
            !device.send(race).await.conflict
        })
    });
    let mut won = 0;
    for race in races.collect::<Vec<_>>() {
        won += usize::from(race.await.expect("no panic"));
    }
    assert_eq!((won, read(4, 10).await.len()), (1, 1));
}

fn blob(created_ms: u64) -> Blob {
    Blob {
        channel: channel_id(1),
        uploader: device_id(1),
        length: 1000,
        complete: false,
        created_ms,
        referenced: false,
    }
}

pub async fn blobs_are_known_by_their_first_upload(ground: &dyn Ground) {
    let store = ground.open();
    let id = BlobId([1; 16]);
    assert_eq!(store.blob(id).await.expect("reads"), None);
    store.complete_blob(id).await.expect("ignored");
    assert!(store.create_blob(id, blob(NOW)).await.expect("writes"));
    assert!(
        store
            .create_blob(id, blob(NOW + 1))
            .await
            .expect("a repetition")
    );
    let other = Blob {
        uploader: device_id(2),
        ..blob(NOW)
    };
    assert!(!store.create_blob(id, other).await.expect("writes"));
    store.complete_blob(id).await.expect("writes");
    let found = store.blob(id).await.expect("reads").expect("is there");
    assert_eq!(
        found,
        Blob {
            complete: true,
            ..blob(NOW)
        }
    );
}

pub async fn a_message_keeps_its_blobs_even_before_their_upload(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    nurse.create(channel_id(1)).await;
    nurse.create(channel_id(2)).await;
    let [early, late, elsewhere, forgotten, unsent] = [1, 2, 3, 4, 5].map(|n| BlobId([n; 16]));
    for id in [early, elsewhere, forgotten] {
        assert!(store.create_blob(id, blob(NOW)).await.expect("writes"));
    }
    for (channel, blobs) in [
        (channel_id(1), vec![early, late, unsent]),
        (channel_id(2), vec![elsewhere]),
    ] {
        let Operation::AppendMessage(mut new) = message(channel, 0, 1) else {
            unreachable!();
        };
        new.blobs = blobs;
        appended(&nurse.send(Operation::AppendMessage(new)).await);
    }
    assert!(store.create_blob(late, blob(NOW)).await.expect("writes"));
    // Whoever named it may send it, also when they are no member any more.
    let wanted = async |id, channel| store.blob_wanted_of(id, channel).await.expect("reads");
    assert_eq!(wanted(early, channel_id(1)).await, Some(blob(NOW).uploader));
    assert_eq!(wanted(unsent, channel_id(1)).await, Some(nurse.id));
    for (id, channel) in [
        (early, channel_id(2)),
        (unsent, channel_id(2)),
        (elsewhere, channel_id(1)),
        (forgotten, channel_id(1)),
    ] {
        assert_eq!(wanted(id, channel).await, None);
    }
    let referenced = async |id| store.blob(id).await.expect("reads").map(|b| b.referenced);
    assert_eq!(referenced(early).await, Some(true));
    assert_eq!(referenced(late).await, Some(true));
    assert_eq!(referenced(elsewhere).await, Some(false));

    let soon = store.expire(NOW + limits::BLOB_UNREFERENCED_MS).await;
    assert!(soon.expect("writes").is_empty());
    let gone = store.expire(NOW + limits::BLOB_UNREFERENCED_MS + 1).await;
    assert_eq!(gone.expect("writes"), [elsewhere, forgotten]);
    assert_eq!(referenced(forgotten).await, None);
    assert_eq!(referenced(late).await, Some(true));
}
