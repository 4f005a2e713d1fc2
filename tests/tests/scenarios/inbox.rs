//! What one device seals to another waits for the structure log, which says who sent it.

use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;
use relais_wire::v1::server_frame::Frame;
use relais_wire::v1::{SealedItem, delivery, inbox_item};

/// A thread of a doctor and a nurse alone.
async fn pair() -> (World, Who, Who, ChannelId) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Luc").await;
    let channel = world.thread(doctor, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "avant");
    world.settle().await;
    (world, nurse, doctor, channel)
}

/// Sealed items that wait on a device.
fn waiting(world: &mut World, who: Who) -> u64 {
    let (now, mut count) = (world.now_ms(), 0);
    world.devices[who].edit_database(now, |db| {
        let all = "SELECT count(*) FROM sealed";
        count = db.query_row(all, [], |row| row.get(0)).expect("count");
    });
    count
}

async fn turns(world: &mut World, turns: usize) {
    for _ in 0..turns {
        world.turn().await;
        world.advance(10);
    }
}

#[tokio::test]
async fn a_request_of_a_device_that_is_not_known_yet_is_answered_once_it_is() {
    let (mut world, nurse, doctor, channel) = pair().await;
    // The doctor's device hears nothing of the structure from here on.
    world.devices[doctor].faults.rewrite(|frame| match &frame {
        Frame::Delivery(d) if matches!(d.item, Some(delivery::Item::Structure(_))) => None,
        _ => Some(frame),
    });
    let (person, lost) = (
        world.devices[nurse].professional(),
        world.devices[nurse].device(),
    );
    world.devices[nurse].go_offline();
    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite_again(person, &[lost]).expect("invited again");
    turns(&mut world, 50).await;
    let phone = world.add_device("Nadia's new phone");
    let engine = &mut world.devices[phone].engine;
    engine.join(&invitation.link, None).expect("scanned");
    turns(&mut world, 300).await;
    let asked = world.devices[phone].engine.history(channel);
    let asked = asked.expect("record").missing[0].asked;
    assert_eq!(asked, Some(world.devices[doctor].professional()));
    assert_eq!(waiting(&mut world, doctor), 1);

    // It was asked once, and answers without being asked again.
    let begun = world.now_ms();
    world.devices[doctor].faults.tell_the_truth();
    world.devices[doctor].go_offline();
    world.devices[doctor].go_online();
    turns(&mut world, 300).await;
    assert!(world.now_ms() - begun < 60_000);
    assert_eq!(world.texts(phone, channel), ["avant"]);
    assert_eq!(waiting(&mut world, doctor), 0);
    world.settle().await;
}

// proves: I1
#[tokio::test]
async fn an_item_of_a_device_that_never_was_waits_for_one_connection_and_is_dropped() {
    let (mut world, _, doctor, _) = pair().await;
    world.devices[doctor].go_offline();
    let mut seq = 1_000;
    world.devices[doctor].faults.rewrite(move |frame| {
        let Frame::CaughtUp(caught_up) = &frame else {
            return Some(frame);
        };
        use relais_wire::v1::caught_up::Log;
        if !matches!(caught_up.log, Some(Log::InboxSeq(_))) {
            return Some(frame);
        }
        // The server invents an item instead of the inbox's end.
        seq += 1;
        let item = SealedItem {
            sender_device: vec![9; 16].into(),
            kem_output: vec![1; 1120].into(),
            ciphertext: vec![2; 64].into(),
        };
        let item = relais_wire::v1::InboxItem {
            seq,
            time_ms: 0,
            item: Some(inbox_item::Item::Sealed(item)),
        };
        let item = Some(delivery::Item::Inbox(item));
        Some(Frame::Delivery(relais_wire::v1::Delivery { item }))
    });
    world.devices[doctor].go_online();
    turns(&mut world, 50).await;
    assert_eq!(waiting(&mut world, doctor), 1);
    world.devices[doctor].faults.tell_the_truth();
    turns(&mut world, 50).await;
    assert_eq!(waiting(&mut world, doctor), 0);
    world.settle().await;
}
