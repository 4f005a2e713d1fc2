//! A channel whose group cannot go on gets a new one, and everybody comes back to it.

use relais_core::query::ThreadState;

use super::{comes_back, goes_on, last_group, lose_group, shown, state, trio};

// proves: D4
#[tokio::test]
async fn a_manager_begins_a_new_group_and_everybody_comes_back_to_it() {
    let (mut world, nurse, doctor, channel) = trio().await;
    world.devices[doctor].go_offline();
    world.say(doctor, channel, "écrit hors ligne");
    world.devices[0]
        .engine
        .reboot_thread(channel)
        .expect("asked");
    world.say(0, channel, "tout de suite après");
    world.settle().await;
    world.devices[doctor].go_online();
    world.settle().await;
    for who in [0, nurse, doctor] {
        let notices = world.notices(who, channel);
        assert_eq!(
            notices.iter().filter(|n| *n == "rebooted").count(),
            1,
            "{notices:?}"
        );
    }
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
    // Who came back later is told by colleagues that others did: nothing is missing.
    for who in [nurse, doctor] {
        let record = world.devices[who].engine.history(channel);
        assert_eq!(record.expect("record").missing, []);
    }
    let texts = world.texts(0, channel);
    assert_eq!(
        texts[..3],
        ["avant", "tout de suite après", "écrit hors ligne"]
    );
    // Only a manager can.
    let refused = world.devices[nurse].engine.reboot_thread(channel);
    refused.expect_err("a contributor begins no new group");
}

#[tokio::test]
async fn a_manager_who_cannot_enter_the_group_begins_a_new_one() {
    let (mut world, nurse, doctor, channel) = trio().await;
    lose_group(&mut world, 0, channel);
    world.devices[0]
        .engine
        .reboot_thread(channel)
        .expect("asked");
    world.devices[0].go_online();
    world.settle().await;
    assert_eq!(
        world.notices(nurse, channel).last().map(String::as_str),
        Some("rejoined")
    );
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

// proves: D4
#[tokio::test]
async fn a_manager_who_is_shut_out_begins_a_new_group() {
    let (mut world, nurse, doctor, channel) = trio().await;
    comes_back(&mut world, 0, channel).await;
    let mut elsewhere = last_group(&world, 0, channel);
    elsewhere.epoch += 7;
    shown(&mut world, 0, channel, elsewhere).await;
    assert!(matches!(state(&world, 0, channel), ThreadState::Stopped(_)));
    world.devices[0].faults.tell_the_truth();
    let engine = &mut world.devices[0].engine;
    engine.reboot_thread(channel).expect("asked");
    assert!(engine.is_rebooting(channel).expect("read"));
    world.settle().await;
    assert!(!world.devices[0].engine.is_rebooting(channel).expect("read"));
    for who in [0, nurse, doctor] {
        let notices = world.notices(who, channel);
        let rebooted = notices.iter().filter(|n| *n == "rebooted");
        assert_eq!(rebooted.count(), 1, "{notices:?}");
    }
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

#[tokio::test]
async fn a_new_group_that_loses_the_race_against_a_commit_is_begun_again() {
    let (mut world, nurse, doctor, channel) = trio().await;
    world.promote(0, channel, nurse);
    world.settle().await;
    for who in [0, nurse] {
        world.devices[who]
            .engine
            .reboot_thread(channel)
            .expect("asked");
    }
    world.settle().await;
    let notices = world.notices(doctor, channel);
    assert!(notices.iter().any(|n| n == "rebooted"), "{notices:?}");
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}
