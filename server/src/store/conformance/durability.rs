//! Acknowledged means on disk.

use std::time::Duration;

use super::*;

/// Random enough not to be compressed away, and different in each piece.
fn bulk(length: usize, salt: u8) -> Bytes {
    let byte = |i: usize| (i.wrapping_mul(31) >> 3) as u8 ^ (i >> 16) as u8 ^ salt;
    (0..length).map(byte).collect()
}

// proves: D3
pub async fn what_was_acknowledged_survives_a_power_cut(ground: &dyn Ground) {
    let store = ground.open();
    let channel = channel_id(1);
    let founder = Device::new(&store, 0);
    founder.create(channel).await;
    let ids: Vec<_> = (1..=8).map(device_id).collect();
    founder.commit(channel, 0, &ids, &[]).await;
    let writers = (1..=8).map(|n| {
        let device = Device::new(&store, n);
        tokio::spawn(async move {
            for counter in 1..=20 {
                appended(&device.message(channel, 1, counter).await);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic");
    }
    let before = founder.read(channel, 0).await.entries;
    assert_eq!(before.len(), 162);
    let channel_before = store.channel(channel).await.expect("reads");

    // The store is neither closed nor dropped.
    let cut = ground.cut();
    let after = cut.open();
    let reader = Device::new(&after, 0);
    assert_eq!(reader.read(channel, 0).await.entries, before);
    assert_eq!(after.channel(channel).await.expect("reads"), channel_before);
    let inbox = after.read_inbox(ids[0], 0, 10).await.expect("reads");
    assert_eq!(inbox.len(), 1);
    // It goes on where it stopped.
    let Operation::AppendMessage(new) = message(channel, 1, 21) else {
        unreachable!();
    };
    let write = Write {
        send_counter: 21,
        ..Device::new(&after, 1).prepare(Operation::AppendMessage(new))
    };
    let applied = after.write(write).await.expect("writes");
    assert_eq!(appended(&applied).seq, 163);
}

pub async fn answers_and_refusals_survive_a_power_cut(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    let mut sent = Vec::new();
    for operation in [
        message(channel, 0, 1),
        message(channel, 5, 2),
        Operation::ClaimKeyPackages(vec![device_id(2)]),
        Operation::Refuse(RefusalCode::InvalidCommit),
    ] {
        let write = nurse.prepare(operation);
        let answer = store.write(write.clone()).await.expect("writes").answer;
        sent.push((write, answer));
    }
    let store = ground.cut().open();
    for (write, answer) in sent {
        let (counter, hash) = (write.send_counter, write.request_hash);
        let recalled = store.recall(nurse.id, counter, hash).await.expect("reads");
        assert_eq!(recalled, Some(Ok(answer.clone())));
        let again = store.write(write).await.expect("writes");
        assert_eq!(again.answer, answer);
        assert!(again.effects.is_empty());
    }
    let head = store
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(head.head_seq, 2);
}

pub async fn close_writes_what_is_lazy(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.message(channel, 0, 1).await;
    store
        .acknowledge(channel, nurse.id, 1)
        .await
        .expect("notes");
    // The first one may be written at once, the second has to wait.
    tokio::time::sleep(Duration::from_millis(50)).await;
    store
        .acknowledge(channel, nurse.id, 2)
        .await
        .expect("notes");
    store.close().await.expect("closes");
    assert!(store.channel(channel).await.is_err());
    assert!(store.acknowledge(channel, nurse.id, 2).await.is_err());
    let write = nurse.prepare(message(channel, 0, 2));
    assert!(store.write(write).await.is_err());
    assert!(store.close().await.is_err());

    let store = ground.open();
    let cursors = store.cursors(channel).await.expect("reads");
    assert_eq!(cursors, [(nurse.id, 2)]);
}

pub async fn large_values_come_back_whole(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let (channel, joiner) = (channel_id(1), device_id(2));
    nurse.create(channel).await;
    let sizes = [
        (353_000, 200_000),
        (65_536, 65_537),
        (70_000, 500),
        (10, 131_072),
    ];
    for (epoch, (payload, tree)) in (0..).zip(sizes) {
        let Operation::AppendCommit(mut new) = commit(channel, epoch, &[joiner], &[joiner]) else {
            unreachable!();
        };
        new.payload = bulk(payload, 1);
        new.welcome = bulk(payload, 2);
        new.state.group_info = bulk(tree, 3);
        new.state.ratchet_tree = bulk(tree, 4);
        appended(&nurse.send(Operation::AppendCommit(new)).await);
    }
    let packages = (0..64).map(|n| bulk(8 * 1024, n)).collect::<Vec<_>>();
    let publish = Operation::PublishKeyPackages {
        packages: packages.clone(),
        last_resort: bulk(8 * 1024, 99),
    };
    nurse.send(publish).await;
    let claim = nurse.prepare(Operation::ClaimKeyPackages(vec![nurse.id; 64]));
    let answer = store.write(claim.clone()).await.expect("writes").answer;

    let cut = ground.cut().open();
    let reader = Device::new(&cut, 1);
    let mut entries = Vec::new();
    while entries.len() < 5 {
        let page = reader.read(channel, entries.len() as u64).await.entries;
        assert!(!page.is_empty());
        entries.extend(page);
    }
    let inbox = cut.read_inbox(joiner, 0, 10).await.expect("reads");
    for (index, (payload, tree)) in sizes.into_iter().enumerate() {
        assert_eq!(entries[index + 1].payload, bulk(payload, 1));
        let Some(relais_wire::v1::inbox_item::Item::Welcome(welcome)) = &inbox[index].item else {
            panic!("a welcome");
        };
        assert_eq!(welcome.welcome, bulk(payload, 2));
        assert_eq!(welcome.ratchet_tree, bulk(tree, 4));
    }
    let now = cut
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(now.state.group_info, bulk(131_072, 3));
    assert_eq!(now.state.ratchet_tree, bulk(131_072, 4));
    let recalled = cut.recall(nurse.id, claim.send_counter, claim.request_hash);
    assert_eq!(recalled.await.expect("reads"), Some(Ok(answer)));
}
