//! A server that is put back from an older backup: devices notice, and give back
//! what it lost.

use relais_core::Event;
use relais_core::engine::Trouble;
use relais_core::identity::Enrolment;
use relais_tests::world::{ServerBackup, StoreKind, Who, World, card};
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::limits;
use relais_wire::v1::server_frame::Frame;
use relais_wire::v1::{Delivery, delivery};

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

// proves: I5
#[tokio::test]
async fn what_was_read_of_the_structure_before_the_connection_was_cut_is_given_back() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite(&card("Denis", "Martin", 60, "99700218896"));
    let invitation = invitation.expect("invited");
    world.settle().await;
    let backup = world.backup_server();
    // An enrolment is several statements at once: she reads the first of them.
    let known = world.devices[nurse].engine.structure_seq();
    world.devices[nurse]
        .faults
        .rewrite(move |frame| match frame {
            Frame::Delivery(Delivery {
                item: Some(delivery::Item::Structure(entry)),
            }) if entry.seq > known + 1 => None,
            frame => Some(frame),
        });
    world.devices[0].go_offline();
    let doctor = world.add_device("Denis");
    let engine = &mut world.devices[doctor].engine;
    engine.join(&invitation.link, None).expect("joins");
    for _ in 0..40 {
        world.turn().await;
        world.advance(50);
    }
    assert_eq!(world.devices[nurse].engine.structure_seq(), known + 1);
    world.devices[doctor].go_offline();
    world.restore_server(&backup).await;
    world.devices[nurse].faults.tell_the_truth();
    world.settle().await;
    let engine = &world.devices[nurse].engine;
    assert_eq!(engine.structure_seq(), known + 1);
    assert_eq!(engine.troubles(), []);
    // Whoever has the rest gives it back.
    world.devices[doctor].go_online();
    world.settle().await;
    let engine = &world.devices[nurse].engine;
    assert!(engine.structure_seq() > known + 1);
    assert_eq!(engine.troubles(), []);
}

/// A server that has forgotten that Nadia joined again with a new phone, until her
/// invitation had ended: the phone has lapsed. Also a backup in which she had joined.
async fn forgotten() -> (World, Who, ProfessionalId, ChannelId, ServerBackup) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    let lost = world.devices[nurse].device();
    let person = world.devices[nurse].professional();
    let engine = &mut world.devices[0].engine;
    let again = engine.invite_again(person, &[lost]).expect("invited again");
    world.settle().await;
    let backup = world.backup_server();
    // Nobody but her new phone sees that she joins again, and the server forgets it.
    world.devices[0].go_offline();
    let phone = world.add_device("Nadia's new phone");
    let engine = &mut world.devices[phone].engine;
    engine.join(&again.link, None).expect("joins");
    world.settle().await;
    world.devices[phone].go_offline();
    let newer = world.backup_server();
    world.restore_server(&backup).await;
    // What is stated in the new life is later than the invitation's end.
    world.advance(limits::INVITATION_MS + 1);
    world.devices[0].go_online();
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    engine
        .invite(&card("Denis", "Martin", 60, "99700218896"))
        .expect("invited");
    world.settle().await;

    world.devices[phone].go_online();
    for _ in 0..100 {
        world.turn().await;
        world.advance(500);
    }
    let engine = &world.devices[phone].engine;
    assert_eq!(*engine.enrolment(), Enrolment::Lapsed);
    assert_eq!(engine.troubles(), [Trouble::Lapsed]);
    assert!(!engine.wants_connection(), "it does not try for ever");
    (world, phone, person, channel, newer)
}

// proves: D8
#[tokio::test]
async fn an_enrolment_that_counts_again_goes_on_by_itself() {
    let (mut world, phone, _, _, newer) = forgotten().await;
    world.devices[0].go_offline();
    world.restore_server(&newer).await;
    for _ in 0..40 {
        world.turn().await;
    }
    let lapsed = world.devices[phone].engine.enrolment();
    assert_eq!(*lapsed, Enrolment::Lapsed, "it asks by the hour");
    world.advance(3_600_000);
    world.settle().await;
    let engine = &world.devices[phone].engine;
    assert_eq!(*engine.enrolment(), Enrolment::Enrolled);
    assert_eq!(engine.troubles(), []);
}

// proves: D8, I5
#[tokio::test]
async fn an_enrolment_that_the_server_cannot_take_again_has_lapsed_and_goes_on_by_a_new_link() {
    let (mut world, phone, person, channel, _) = forgotten().await;
    let engine = &mut world.devices[0].engine;
    let again = engine.invite_again(person, &[]).expect("invited again");
    world.settle().await;
    let engine = &mut world.devices[phone].engine;
    engine.join(&again.link, None).expect("joins");
    world.settle().await;
    assert_eq!(world.devices[phone].engine.troubles(), []);
    world.say(phone, channel, "de retour");
    world.settle().await;
    assert_eq!(world.texts(0, channel), ["de retour"]);
}
