//! Circles of threads whose server was put back from an older backup: what becomes of a
//! removal that it has lost.

use relais_core::query::{EventState, TimelineBody, TimelineItem};
use relais_tests::world::{ServerBackup, StoreKind, Who, World};
use relais_wire::ids::ChannelId;

/// Claire (0), who manages, Nadia (1), Denis (2) and their thread; a backup of the
/// server; then Denis is removed.
async fn a_removal_after_a_backup() -> (World, ChannelId, ServerBackup) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Denis").await;
    let channel = world.thread(0, "Suivi", &[nurse, doctor]).await;
    // Everybody's leaf is renewed: the group stands still from here on.
    world.advance(20_000);
    world.settle().await;
    let backup = world.backup_server();
    world.remove(0, channel, 2);
    world.settle().await;
    (world, channel, backup)
}

/// The server is put back while Claire is away, and Nadia writes: no manager is there to
/// remove Denis again, and it waits for as long as it takes.
async fn nadia_waits(world: &mut World, channel: ChannelId, backup: &ServerBackup) {
    world.devices[0].go_offline();
    world.restore_server(backup).await;
    world.say(1, channel, "Sans Denis");
    for _ in 0..400 {
        world.turn().await;
        world.advance(1_000);
    }
}

/// The lost removal as a device's thread shows it.
fn lost_removal(world: &World, who: Who, channel: ChannelId) -> Option<TimelineItem> {
    let shown = |item: &TimelineItem| {
        item.state == EventState::Lost && matches!(item.body, TimelineBody::CircleChange { .. })
    };
    world.timeline(who, channel).into_iter().find(shown)
}

// proves: D6, M8
#[tokio::test]
async fn somebody_who_is_added_after_a_lost_removal_was_made_again_silences_nobody() {
    let (mut world, channel, backup) = a_removal_after_a_backup().await;
    for who in [1, 2] {
        world.devices[who].go_offline();
    }
    world.restore_server(&backup).await;
    world.settle().await;
    world.add(0, channel, 2);
    world.settle().await;
    // Nadia reads both changes at once.
    for who in [1, 2] {
        world.devices[who].go_online();
    }
    world.settle().await;
    for (who, text) in [(1, "Denis revient"), (2, "Bonjour à nouveau")] {
        world.say(who, channel, text);
        world.settle().await;
    }
    for who in 0..3 {
        let texts = world.texts(who, channel);
        assert_eq!(texts, ["Denis revient", "Bonjour à nouveau"], "{who}");
        assert_eq!(lost_removal(&world, who, channel), None);
    }
}

// proves: D6, M8
#[tokio::test]
async fn a_thread_that_is_silent_until_a_lost_removal_is_made_again_says_so() {
    let (mut world, channel, backup) = a_removal_after_a_backup().await;
    nadia_waits(&mut world, channel, &backup).await;
    let lost = lost_removal(&world, 1, channel).expect("shown");
    let doctor = world.devices[2].professional();
    let removed = TimelineBody::CircleChange {
        added: Vec::new(),
        removed: vec![doctor],
    };
    assert_eq!(lost.body, removed);
    assert_eq!(
        world.devices[1].engine.sync_state().expect("state").waiting,
        1
    );
    world.devices[0].go_online();
    world.settle().await;
    assert_eq!(lost_removal(&world, 1, channel), None);
    assert_eq!(world.texts(0, channel), ["Sans Denis"]);
    assert!(world.texts(2, channel).is_empty());
}

// proves: D6, M8
#[tokio::test]
async fn a_person_who_accepts_the_circle_as_it_is_goes_on_without_a_manager() {
    let (mut world, channel, backup) = a_removal_after_a_backup().await;
    nadia_waits(&mut world, channel, &backup).await;
    assert!(lost_removal(&world, 1, channel).is_some());
    assert!(world.texts(2, channel).is_empty());
    let nurse = &mut world.devices[1].engine;
    nurse.accept_circle(channel).expect("accepted");
    assert!(nurse.accept_circle(channel).is_err(), "nothing is missing");
    world.settle().await;
    for who in [1, 2] {
        assert_eq!(world.texts(who, channel), ["Sans Denis"], "{who}");
        assert_eq!(lost_removal(&world, who, channel), None);
    }
    // The manager makes the removal again: it was only not waited for.
    world.devices[0].go_online();
    world.settle().await;
    let members = world.devices[1].engine.members(channel).expect("members");
    assert_eq!(members.len(), 2);
}
