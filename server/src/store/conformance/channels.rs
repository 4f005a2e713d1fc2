//! One order per channel, and compare-and-set on the epoch.

use std::collections::BTreeMap;
use std::sync::Arc;

use relais_wire::v1::{EntryKind, StructureEntry};
use relais_wire::{RefusalCode, chain};

use super::*;

pub async fn a_channel_begins_with_its_creation(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    assert!(store.channel(channel).await.expect("reads").is_none());
    let created = nurse.create(channel).await;
    assert_eq!((created.seq, created.time_ms), (1, NOW));

    let page = nurse.read(channel, 0).await;
    assert_eq!(
        (seqs(&page.entries), page.next),
        (vec![1], super::super::Next::Head)
    );
    let entry = &page.entries[0];
    assert_eq!(entry.kind(), EntryKind::Created);
    assert_eq!((entry.incarnation, entry.epoch), (0, 0));
    assert_eq!(entry.payload, public(0).group_info);
    let now = store
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!((now.epoch, now.head_seq, now.first_seq), (0, 1, 1));
    assert_eq!(now.state, public(0));
    assert_eq!(now.head_hash, chain::channel_entry(&chain::GENESIS, entry));

    let other = Device::new(&store, 2);
    let again = NewChannel {
        channel,
        state: public(7),
        structure_seq: 0,
        named: Vec::new(),
    };
    let again = other.send(Operation::CreateChannel(again)).await;
    assert_eq!(refused(&again.answer), Some(RefusalCode::AlreadyExists));
    assert!(!store.is_member(channel, other.id).await.expect("reads"));
}

pub async fn a_message_follows_the_head_and_chains_to_it(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    let applied = nurse.message(channel, 0, 1).await;
    assert_eq!(appended(&applied).seq, 2);
    let [Effect::Channel(told)] = applied.effects.as_slice() else {
        panic!("one effect: the entry");
    };
    nurse.commit(channel, 0, &[], &[]).await;
    nurse.message(channel, 1, 2).await;

    let entries = nurse.read(channel, 0).await.entries;
    assert_eq!(entries[1], *told);
    let epochs: Vec<_> = entries.iter().map(|entry| entry.epoch).collect();
    assert_eq!(
        epochs,
        [0, 0, 0, 1],
        "a commit carries the epoch that it ends"
    );
    let hash = entries.iter().fold(chain::GENESIS, |hash, entry| {
        chain::channel_entry(&hash, entry)
    });
    let now = store
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!((now.epoch, now.head_seq, now.head_hash), (1, 4, hash));
    assert_eq!(now.state, public(1));
}

pub async fn time_never_goes_back_in_a_channel(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.at(NOW + 500).message(channel, 0, 1).await;
    let behind = nurse.at(NOW - 500).message(channel, 0, 2).await;
    assert_eq!(appended(&behind).time_ms, NOW + 500);
    let commit = nurse.at(NOW + 900).commit(channel, 0, &[], &[]).await;
    assert_eq!(appended(&commit).time_ms, NOW + 900);
}

pub async fn a_message_of_another_epoch_or_counter_is_refused(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.commit(channel, 0, &[], &[]).await;
    let codes = [
        (message(channel, 0, 1), RefusalCode::WrongEpoch),
        (message(channel, 2, 1), RefusalCode::WrongEpoch),
        (message(channel, 1, 0), RefusalCode::WrongEventCounter),
        (message(channel, 1, 2), RefusalCode::WrongEventCounter),
        (message(channel_id(9), 1, 1), RefusalCode::NotFound),
        (commit(channel, 0, &[], &[]), RefusalCode::WrongEpoch),
    ];
    for (operation, code) in codes {
        let applied = nurse.send(operation).await;
        assert_eq!(refused(&applied.answer), Some(code));
        assert!(applied.effects.is_empty());
    }
    let Operation::AppendMessage(mut other_incarnation) = message(channel, 1, 1) else {
        unreachable!();
    };
    other_incarnation.incarnation = 1;
    let applied = nurse
        .send(Operation::AppendMessage(other_incarnation))
        .await;
    assert_eq!(refused(&applied.answer), Some(RefusalCode::WrongEpoch));
    // Nothing was appended and no counter used up.
    assert_eq!(appended(&nurse.message(channel, 1, 1).await).seq, 3);
}

pub async fn who_is_not_a_member_now_cannot_write(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, doctor) = (Device::new(&store, 1), Device::new(&store, 2));
    let channel = channel_id(1);
    nurse.create(channel).await;
    let forbidden = Some(RefusalCode::Forbidden);
    assert_eq!(
        refused(&doctor.message(channel, 0, 1).await.answer),
        forbidden
    );
    nurse.commit(channel, 0, &[doctor.id], &[]).await;

    for (until, expected) in [(NOW, forbidden), (NOW + 1, None)] {
        let Operation::AppendMessage(mut new) = message(channel, 1, 1) else {
            unreachable!();
        };
        new.member_until_ms = Some(until);
        let applied = doctor.send(Operation::AppendMessage(new)).await;
        assert_eq!(refused(&applied.answer), expected);
    }
    nurse.commit(channel, 1, &[], &[doctor.id]).await;
    assert_eq!(
        refused(&doctor.message(channel, 2, 2).await.answer),
        forbidden
    );
    assert!(!store.is_member(channel, doctor.id).await.expect("reads"));
}

// proves: D2
pub async fn of_racing_commits_one_wins_and_no_losers_welcome_is_seen(ground: &dyn Ground) {
    let store = ground.open();
    let channel = channel_id(1);
    let founder = Device::new(&store, 0);
    founder.create(channel).await;
    let committers: Vec<_> = (1..=16).map(|n| Arc::new(Device::new(&store, n))).collect();
    let ids: Vec<_> = committers.iter().map(|device| device.id).collect();
    founder.commit(channel, 0, &ids, &[]).await;

    let races = committers.into_iter().zip(100..).map(|(device, joiner)| {
        tokio::spawn(async move {
            let joiner = device_id(joiner);
            let applied = device.commit(channel, 1, &[joiner], &[]).await;
            match refused(&applied.answer) {
                None => assert_eq!(told(&applied), [joiner]),
                Some(code) => {
                    assert_eq!(code, RefusalCode::WrongEpoch);
                    assert!(applied.effects.is_empty());
                }
            }
            (joiner, refused(&applied.answer).is_none())
        })
    });
    let mut winners = 0;
    for race in races.collect::<Vec<_>>() {
        let (joiner, won) = race.await.expect("no panic");
        let inbox = store.read_inbox(joiner, 0, 10).await.expect("reads");
        assert_eq!(inbox.len(), usize::from(won));
        assert_eq!(store.is_member(channel, joiner).await.expect("reads"), won);
        winners += usize::from(won);
    }
    assert_eq!(winners, 1);
    let now = store
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!((now.epoch, now.head_seq), (2, 3));
}

pub async fn a_commit_or_channel_judged_by_an_old_structure_head_is_refused(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    let entry = StructureEntry {
        seq: 1,
        time_ms: NOW,
        statement: "revoked".into(),
        seal: Default::default(),
    };
    assert!(store.enrol(0, vec![entry]).await.expect("writes"));
    let stale = Some(RefusalCode::StaleStructure);
    assert_eq!(
        refused(&nurse.commit(channel, 0, &[], &[]).await.answer),
        stale
    );
    let new = NewChannel {
        channel: channel_id(2),
        state: public(0),
        structure_seq: 0,
        named: Vec::new(),
    };
    let created = nurse.send(Operation::CreateChannel(new)).await;
    assert_eq!(refused(&created.answer), stale);
    assert!(store.channel(channel_id(2)).await.expect("reads").is_none());

    let Operation::AppendCommit(mut new) = commit(channel, 0, &[], &[]) else {
        unreachable!();
    };
    new.structure_seq = 1;
    let applied = nurse.send(Operation::AppendCommit(new)).await;
    assert_eq!(appended(&applied).seq, 2);
}

pub async fn concurrent_appends_are_dense_and_in_order(ground: &dyn Ground) {
    const CHANNELS: u8 = 4;
    const DEVICES: u16 = 16;
    const MESSAGES: u64 = 500;
    let store = ground.open();
    let founder = Device::new(&store, 0);
    let devices: Vec<_> = (1..=DEVICES).map(device_id).collect();
    for channel in 0..CHANNELS {
        founder.create(channel_id(channel)).await;
        founder.commit(channel_id(channel), 0, &devices, &[]).await;
    }
    let writers = (1..=DEVICES).map(|n| {
        let device = Device::new(&store, n);
        tokio::spawn(async move {
            let mut counters = BTreeMap::<u8, u64>::new();
            for turn in 0..MESSAGES / u64::from(DEVICES) + 1 {
                let channel = (u64::from(n) + turn) as u8 % CHANNELS;
                let counter = counters.entry(channel).or_default();
                *counter += 1;
                let applied = device.message(channel_id(channel), 1, *counter).await;
                let [Effect::Channel(told)] = applied.effects.as_slice() else {
                    panic!("one effect: the entry");
                };
                // What was answered can be read at once.
                let seq = appended(&applied).seq;
                let page = device.read(channel_id(channel), seq - 1).await;
                assert_eq!(page.entries.first(), Some(told));
            }
            counters
        })
    });
    let mut expected = BTreeMap::<u8, u64>::new();
    for writer in writers.collect::<Vec<_>>() {
        for (channel, count) in writer.await.expect("no panic") {
            *expected.entry(channel).or_default() += count;
        }
    }
    for channel in 0..CHANNELS {
        let (mut entries, mut after) = (Vec::new(), 0);
        loop {
            let page = store.read_channel(channel_id(channel), founder.id, after, 500);
            let page = page.await.expect("reads");
            entries.extend(page.entries);
            after = entries.last().map_or(0, |entry| entry.seq);
            if page.next == super::super::Next::Head {
                break;
            }
        }
        let last = 2 + expected.get(&channel).copied().unwrap_or(0);
        assert_eq!(seqs(&entries), (1..=last).collect::<Vec<_>>());
        let mut of_device = BTreeMap::<Vec<u8>, u64>::new();
        for entry in &entries[2..] {
            let count = of_device.entry(entry.device_id.to_vec()).or_default();
            *count += 1;
            assert_eq!(entry.payload, format!("message {count}"));
        }
    }
}
