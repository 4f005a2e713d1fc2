//! What is kept for each device: answers, lease, key packages, inbox.

use std::collections::BTreeSet;

use relais_wire::limits;
use relais_wire::v1::inbox_item;

use super::super::{Connected, Presented};
use super::*;

pub async fn a_repetition_gets_the_same_answer_and_has_no_effect(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    let write = nurse.prepare(message(channel, 0, 1));
    let recall = || store.recall(nurse.id, write.send_counter, write.request_hash);
    assert_eq!(recall().await.expect("reads"), None);
    // Two at once, too: the connection broke and the device sent it again.
    let (first, second) = tokio::join!(store.write(write.clone()), store.write(write.clone()));
    let (first, second) = (first.expect("writes"), second.expect("writes"));
    assert_eq!(first.answer, second.answer);
    assert_eq!(first.effects.len() + second.effects.len(), 1);
    assert_eq!(recall().await.expect("reads"), Some(Ok(first.answer)));
    assert_eq!(nurse.read(channel, 0).await.entries.len(), 2);

    let write = nurse.prepare(message(channel, 7, 2));
    let first = store.write(write.clone()).await.expect("writes");
    nurse.message(channel, 0, 2).await;
    let again = store.write(write).await.expect("writes");
    assert_eq!(refused(&first.answer), Some(RefusalCode::WrongEpoch));
    assert_eq!(first.answer, again.answer);

    let refusal = nurse.send(Operation::Refuse(RefusalCode::RuleBroken)).await;
    assert_eq!(refused(&refusal.answer), Some(RefusalCode::RuleBroken));
    assert_eq!(refusal.answer.send_counter, 5);
    let recalled = store.recall(nurse.id, 5, [5; 32]).await.expect("reads");
    assert_eq!(recalled, Some(Ok(refusal.answer)));
}

pub async fn a_counter_is_used_for_one_request_only(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    let mut write = nurse.prepare(message(channel, 0, 1));
    store.write(write.clone()).await.expect("writes");
    write.request_hash = [0xEE; 32];
    let other = store.write(write.clone()).await.expect("writes");
    let stale = RefusalCode::StaleSendCounter;
    assert_eq!(refused(&other.answer), Some(stale));
    let recalled = store.recall(nurse.id, write.send_counter, [0xEE; 32]);
    assert_eq!(recalled.await.expect("reads"), Some(Err(stale)));
    assert_eq!(nurse.read(channel, 0).await.entries.len(), 2);
}

pub async fn the_last_answers_are_remembered_across_gaps(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let kept = limits::IN_FLIGHT as u64;
    let counters: Vec<_> = (1..=kept + 10).map(|n| n * 100).collect();
    for counter in &counters {
        let mut write = nurse.prepare(Operation::Refuse(RefusalCode::Malformed));
        write.send_counter = *counter;
        write.request_hash = [7; 32];
        store.write(write).await.expect("writes");
    }
    for store in [store.clone(), ground.cut().open()] {
        for (index, counter) in counters.iter().enumerate() {
            let recalled = store.recall(nurse.id, *counter, [7; 32]).await;
            let recalled = recalled.expect("reads").expect("not above the highest");
            assert_eq!(recalled.is_ok(), index >= 10, "{counter}");
            let skipped = store.recall(nurse.id, counter - 1, [7; 32]).await;
            let stale = Some(Err(RefusalCode::StaleSendCounter));
            assert_eq!(skipped.expect("reads"), stale);
        }
        let next = store.recall(nurse.id, kept * 100 + 1001, [7; 32]).await;
        assert_eq!(next.expect("reads"), None);
    }
}

pub async fn a_lease_is_passed_on_and_a_clone_is_noticed(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let connect = |lease: &'static str, previous: &'static str, counter| {
        store.connect(nurse.id, presented(lease, previous, counter))
    };
    let accepted = |send_counter, connection| Connected::Accepted {
        send_counter,
        connection,
        restored: false,
    };
    assert_eq!(connect("a", "", 0).await.expect("writes"), accepted(0, 1));
    // The answer was lost: the same lease again.
    assert_eq!(connect("a", "", 0).await.expect("writes"), accepted(0, 1));
    assert_eq!(connect("b", "a", 0).await.expect("writes"), accepted(0, 2));
    for (lease, previous) in [("c", "a"), ("a", ""), ("", "")] {
        let clone = connect(lease, previous, 5).await.expect("writes");
        assert_eq!(clone, Connected::CloneSuspected);
    }
    nurse.send(Operation::Refuse(RefusalCode::Malformed)).await;
    nurse.send(Operation::Refuse(RefusalCode::Malformed)).await;
    let behind = connect("c", "b", 1).await.expect("writes");
    assert_eq!(behind, Connected::CloneSuspected);
    assert_eq!(connect("c", "b", 9).await.expect("writes"), accepted(2, 3));
    drop(store);

    let store = ground.cut().open();
    let clone = store.connect(nurse.id, presented("d", "b", 9)).await;
    assert_eq!(clone.expect("writes"), Connected::CloneSuspected);
    let next = store.connect(nurse.id, presented("d", "c", 2)).await;
    assert_eq!(next.expect("writes"), accepted(2, 4));
}

fn presented(lease: &'static str, previous: &'static str, send_counter: u64) -> Presented {
    Presented {
        lease: lease.into(),
        previous_lease: previous.into(),
        send_counter,
        proved: 0,
    }
}

pub async fn a_proved_connection_that_is_unknown_shows_a_restored_store(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let connect = |lease: &'static str, previous: &'static str, proved| {
        let presented = Presented {
            proved,
            ..presented(lease, previous, 0)
        };
        store.connect(nurse.id, presented)
    };
    let accepted = |connection, restored| Connected::Accepted {
        send_counter: 0,
        connection,
        restored,
    };
    assert_eq!(
        connect("a", "", 0).await.expect("writes"),
        accepted(1, false)
    );
    assert_eq!(
        connect("b", "a", 1).await.expect("writes"),
        accepted(2, false)
    );
    // An older receipt, or the present one under another lease, is a copy's.
    for proved in [0, 1, 2] {
        let clone = connect("d", "c", proved).await.expect("writes");
        assert_eq!(clone, Connected::CloneSuspected);
    }
    // One that this store never gave, and the server did: it was restored.
    assert_eq!(
        connect("z", "y", 7).await.expect("writes"),
        accepted(8, true)
    );
    assert_eq!(
        connect("z", "y", 7).await.expect("writes"),
        accepted(8, false)
    );
    assert_eq!(store.restores().await.expect("reads"), 0);
    assert_eq!(store.note_restore(0).await.expect("writes"), 1);
    drop(store);

    let store = ground.cut().open();
    assert_eq!(store.restores().await.expect("reads"), 1);
    assert_eq!(store.note_restore(0).await.expect("writes"), 2);
    let known = store.connect(nurse.id, presented("za", "z", 0)).await;
    assert_eq!(known.expect("writes"), accepted(9, false));
}

async fn publish(device: &Device, packages: impl IntoIterator<Item = String>, last: &'static str) {
    let packages = packages.into_iter().map(Bytes::from).collect();
    let last_resort = Bytes::from_static(last.as_bytes());
    let operation = Operation::PublishKeyPackages {
        packages,
        last_resort,
    };
    assert_eq!(refused(&device.send(operation).await.answer), None);
}

async fn claim(device: &Device, of: &[DeviceId]) -> Vec<Bytes> {
    let applied = device.send(Operation::ClaimKeyPackages(of.to_vec())).await;
    let Some(answer::Result::KeyPackages(claimed)) = applied.answer.result else {
        panic!("no key packages: {:?}", applied.answer);
    };
    let named: Vec<_> = claimed
        .packages
        .iter()
        .map(|p| p.device_id.clone())
        .collect();
    assert_eq!(named, of.iter().map(|id| id.to_bytes()).collect::<Vec<_>>());
    claimed
        .packages
        .into_iter()
        .map(|p| p.key_package)
        .collect()
}

// proves: D1
pub async fn no_key_package_is_handed_out_twice(ground: &dyn Ground) {
    let store = ground.open();
    let owner = Device::new(&store, 1);
    publish(&owner, (0..50).map(|n| format!("package {n}")), "last").await;
    let claims = (100..164).map(|n| {
        let device = Device::new(&store, n);
        let owner = owner.id;
        tokio::spawn(async move { claim(&device, &[owner]).await })
    });
    let mut claimed = Vec::new();
    for claims in claims.collect::<Vec<_>>() {
        claimed.extend(claims.await.expect("no panic"));
    }
    let last = claimed.iter().filter(|package| *package == "last").count();
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), last, distinct.len()), (64, 14, 51));
    // Nor after a power cut.
    let store = ground.cut().open();
    let late = Device::new(&store, 200);
    assert_eq!(claim(&late, &[owner.id]).await, ["last"]);
}

pub async fn the_last_resort_comes_last_and_a_publication_replaces(ground: &dyn Ground) {
    let store = ground.open();
    let (owner, other, claimer) = (
        Device::new(&store, 1),
        Device::new(&store, 2),
        Device::new(&store, 3),
    );
    assert_eq!(claim(&claimer, &[owner.id]).await, [""]);
    publish(&owner, ["a", "b", "c"].map(String::from), "last").await;
    publish(&other, ["x"].map(String::from), "other last").await;
    let both = claim(&claimer, &[other.id, owner.id, other.id]).await;
    assert_eq!(both, ["x", "a", "other last"]);
    publish(&owner, ["d"].map(String::from), "new last").await;
    let all = claim(&claimer, &[owner.id, owner.id, owner.id]).await;
    assert_eq!(all, ["d", "new last", "new last"]);
}

pub async fn nobody_drains_the_others_key_packages(ground: &dyn Ground) {
    let store = ground.open();
    let (owner, claimer) = (Device::new(&store, 1), Device::new(&store, 2));
    publish(&owner, ["a"].map(String::from), "last").await;
    let named = vec![device_id(9); 32];
    for _ in 0..limits::CLAIMS_PER_HOUR / 32 {
        claim(&claimer, &named).await;
    }
    let over = claimer
        .send(Operation::ClaimKeyPackages(vec![owner.id]))
        .await;
    assert_eq!(refused(&over.answer), Some(RefusalCode::TooManyRequests));
    let other = Device::new(&store, 3);
    assert_eq!(claim(&other, &[owner.id]).await, ["a"]);
    claimer.at(NOW + 3_600_000);
    assert_eq!(claim(&claimer, &[owner.id]).await, ["last"]);
}

pub async fn welcomes_share_one_tree_until_all_have_it(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    let joined = [device_id(2), device_id(3), device_id(4)];
    let applied = nurse.commit(channel, 0, &joined, &[]).await;
    assert_eq!(told(&applied), joined);
    let commit_hash = store
        .channel(channel)
        .await
        .expect("reads")
        .expect("is there");
    // A later epoch's tree must not reach who was welcomed to this one.
    nurse.commit(channel, 1, &[device_id(5)], &[]).await;

    let check = async |device, epoch: u64| {
        let items = store.read_inbox(device, 0, 10).await.expect("reads");
        let [item] = items.as_slice() else {
            panic!("one item");
        };
        assert_eq!((item.seq, item.time_ms), (1, NOW));
        let Some(inbox_item::Item::Welcome(welcome)) = &item.item else {
            panic!("a welcome");
        };
        assert_eq!((welcome.incarnation, welcome.epoch), (0, epoch));
        assert_eq!(welcome.channel_id, channel.to_bytes());
        assert_eq!(welcome.welcome, format!("welcome to epoch {epoch}"));
        assert_eq!(welcome.ratchet_tree, public(epoch).ratchet_tree);
        welcome.joined_at.clone().expect("where it joined")
    };
    let joined_at = check(joined[0], 1).await;
    assert_eq!(joined_at.seq, 2);
    assert_eq!(joined_at.hash, commit_hash.head_hash.to_vec());
    for (index, device) in joined.into_iter().enumerate() {
        for later in &joined[index..] {
            check(*later, 1).await;
        }
        let acknowledged = store.acknowledge_inbox(device, 1).await;
        acknowledged.expect("writes");
        let left = store.read_inbox(device, 0, 10).await.expect("reads");
        assert!(left.is_empty());
    }
    check(device_id(5), 2).await;
}

pub async fn an_inbox_counts_on_and_is_bounded(ground: &dyn Ground) {
    let store = ground.open();
    let (sender, receiver) = (Device::new(&store, 1), device_id(2));
    let item = || Operation::SendToDevice {
        device: receiver,
        kem_output: "kem".into(),
        ciphertext: "sealed".into(),
    };
    assert_eq!(told(&sender.send(item()).await), [receiver]);
    sender.send(item()).await;
    let read = async |after, max| {
        let items = store.read_inbox(receiver, after, max).await.expect("reads");
        items.iter().map(|item| item.seq).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 10).await, [1, 2]);
    assert_eq!(read(0, 1).await, [1]);
    assert_eq!(read(1, 10).await, [2]);
    store.acknowledge_inbox(receiver, 99).await.expect("writes");
    store.acknowledge_inbox(receiver, 1).await.expect("writes");
    assert!(read(0, 10).await.is_empty());
    sender.send(item()).await;
    assert_eq!(read(0, 10).await, [3]);

    for _ in 1..limits::INBOX_ITEMS {
        assert_eq!(refused(&sender.send(item()).await.answer), None);
    }
    let full = sender.send(item()).await;
    assert_eq!(refused(&full.answer), Some(RefusalCode::TooManyRequests));
    store.acknowledge_inbox(receiver, 3).await.expect("writes");
    assert_eq!(refused(&sender.send(item()).await.answer), None);
}
