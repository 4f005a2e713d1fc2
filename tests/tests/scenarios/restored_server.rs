//! A server that is put back from an older backup: devices notice, and give back
//! what it lost.

use relais_core::Event;
use relais_core::engine::Trouble;
use relais_tests::world::{StoreKind, World};

// proves: I5
#[tokio::test]
async fn people_who_enrolled_after_the_backup_are_not_lost() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let backup = world.backup_server();
    let doctor = world.add_user("Denis").await;
    let head = world.devices[0].engine.structure_seq();
    world.restore_server(&backup).await;
    world.settle().await;
    for who in [0, nurse, doctor] {
        let device = &world.devices[who];
        assert_eq!(device.engine.structure_seq(), head, "{}", device.name);
        assert_eq!(device.engine.troubles(), &[], "{}", device.name);
        assert!(
            device.events.contains(&Event::ServerRestored),
            "{}",
            device.name
        );
    }
    // Everybody can go on: new people, a new thread.
    let coordinator = 0;
    let locum = world.add_user("Lucie").await;
    let channel = world
        .thread(coordinator, "Suivi", &[nurse, doctor, locum])
        .await;
    world.say(doctor, channel, "Bonjour");
    world.settle().await;
    assert_eq!(world.texts(locum, channel), ["Bonjour"]);
}

#[tokio::test]
async fn an_enrolment_that_only_the_new_device_knows_is_made_again() {
    let mut world = World::new(StoreKind::Memory).await;
    let invitation = world.devices[0]
        .engine
        .invite(&relais_tests::world::card(
            "Denis",
            "Martin",
            60,
            "99700218896",
        ))
        .expect("invite");
    world.settle().await;
    let backup = world.backup_server();
    for who in 0..1 {
        world.devices[who].go_offline();
    }
    let doctor = world.add_device("Denis");
    world.devices[doctor]
        .engine
        .join(&invitation.link, None)
        .expect("join");
    // The server takes the enrolment; before the device has connected, it is lost.
    while *world.devices[doctor].engine.enrolment() != relais_core::identity::Enrolment::Enrolled {
        world.turn().await;
    }
    world.restore_server(&backup).await;
    world.devices[0].go_online();
    world.settle().await;
    let me = world.devices[doctor].engine.whoami().expect("enrolled");
    assert!(me.confirmed);
}

// proves: I5
#[tokio::test]
async fn a_server_that_forgets_without_having_been_restored_gets_nothing_more() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    world.hostile = true;
    let seal = |db: &rusqlite::Connection| {
        db.execute("UPDATE structure_log SET seal = x''", [])
            .expect("edited");
    };
    let backup = world.backup_server();
    let _doctor = world.add_user("Denis").await;
    let now = world.now_ms();
    for who in 0..3 {
        world.devices[who].edit_database(now, seal);
    }
    world.restore_server(&backup).await;
    for _ in 0..200 {
        world.turn().await;
        world.advance(50);
    }
    // Nobody holds a seal: the devices know more than the server shows, and say so.
    for who in [0, nurse] {
        let device = &world.devices[who];
        assert_eq!(device.engine.troubles(), &[Trouble::StructureWithheld]);
        assert!(!device.engine.sync_state().expect("state").caught_up);
    }
}
