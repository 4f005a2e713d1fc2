//! A server that is put back from a backup loses statements, and somebody states
//! something new before those who hold the lost ones give them back.

use relais_core::Event;
use relais_core::engine::Trouble;
use relais_core::query::ThreadState;
use relais_tests::world::{ServerBackup, StoreKind, Who, World};
use relais_wire::ids::DeviceId;

const COORDINATOR: Who = 0;

/// The nurse's new tablet is stated by a server that was put back to the backup, while
/// those who know what it lost are away.
async fn restored_and_gone_on(world: &mut World, backup: &ServerBackup, nurse: Who) -> Who {
    for who in (0..world.devices.len()).filter(|who| *who != nurse) {
        world.devices[who].go_offline();
    }
    world.restore_server(backup).await;
    world.devices[nurse].go_online();
    world.settle().await;
    let link = world.devices[nurse].engine.link_device().expect("link");
    world.settle().await;
    let tablet = world.add_device("Nadia's tablet");
    let engine = &mut world.devices[tablet].engine;
    engine.join(&link.link, None).expect("join");
    world.settle().await;
    tablet
}

/// Whether a device is revoked, as another one knows it; `None` for one that it does not
/// know.
fn revoked(world: &World, by: Who, device: DeviceId) -> Option<bool> {
    let people = world.devices[by].engine.people().expect("people");
    let mut devices = people.into_iter().flat_map(|person| person.devices);
    let found = devices.find(|known| known.device == device);
    found.map(|known| known.revoked)
}

/// Takes from a device what proves to the server that it was restored.
fn take_proofs(world: &mut World, who: Who) {
    let now = world.now_ms();
    world.devices[who].edit_database(now, |db| {
        for sql in [
            "UPDATE structure_log SET seal = x''",
            "UPDATE channels SET cursor_seal = x''",
            "DELETE FROM meta WHERE key = 'receipt'",
        ] {
            db.execute(sql, []).expect("edited");
        }
    });
}

/// Nothing proves to the server what the coordinator holds; that it was restored, the
/// receipt for a connection does.
async fn take_seals(world: &mut World) {
    world.crash(COORDINATOR);
    world.settle().await;
    let now = world.now_ms();
    world.devices[COORDINATOR].edit_database(now, |db| {
        db.execute("UPDATE structure_log SET seal = x''", [])
            .expect("edited");
    });
}

async fn many_turns(world: &mut World) {
    for _ in 0..200 {
        world.turn().await;
        world.advance(50);
    }
}

// proves: I5, D6
#[tokio::test]
async fn what_a_restored_server_lost_is_stated_again_after_what_was_stated_meanwhile() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(COORDINATOR, "Suivi", &[nurse]).await;
    let backup = world.backup_server();
    world.devices[nurse].go_offline();
    let doctor = world.add_user("Denis").await;
    world.add(COORDINATOR, channel, doctor);
    world.settle().await;
    world.say(doctor, channel, "Bonjour");
    world.settle().await;

    let tablet = restored_and_gone_on(&mut world, &backup, nurse).await;
    world.devices[COORDINATOR].go_online();
    world.devices[doctor].go_online();
    world.settle().await;

    let everybody = [COORDINATOR, nurse, doctor, tablet];
    let head = world.devices[COORDINATOR].engine.structure_seq();
    for who in everybody {
        let device = &world.devices[who];
        assert_eq!(device.engine.troubles(), &[], "{}", device.name);
        assert_eq!(device.engine.structure_seq(), head, "{}", device.name);
        for other in everybody {
            let other = world.devices[other].device();
            assert_eq!(revoked(&world, who, other), Some(false), "{who}");
        }
        assert!(world.devices[who].engine.whoami().expect("known").confirmed);
    }
    let over = &world.devices[COORDINATOR].events;
    assert!(over.contains(&Event::ServerRestored));
    // The thread goes on, with those who were added in the log that was lost.
    world.say(nurse, channel, "Bien reçu");
    world.settle().await;
    for who in everybody {
        let texts = world.texts(who, channel);
        assert!(texts.contains(&"Bien reçu".to_owned()), "{who}: {texts:?}");
    }
    for who in [COORDINATOR, nurse, doctor] {
        assert!(world.texts(who, channel).contains(&"Bonjour".to_owned()));
    }
}

// proves: I5, I3
#[tokio::test]
async fn a_device_whose_revocation_was_lost_is_believed_by_nobody_who_saw_it() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let locum = world.add_user("Lucie").await;
    let channel = world.thread(COORDINATOR, "Suivi", &[nurse, locum]).await;
    let backup = world.backup_server();
    let stolen = world.devices[locum].device();
    world.devices[nurse].go_offline();
    world.devices[locum].go_offline();
    let engine = &mut world.devices[COORDINATOR].engine;
    engine.revoke_device(stolen).expect("revoked");
    world.settle().await;

    restored_and_gone_on(&mut world, &backup, nurse).await;
    // The restored server lets it in again.
    assert_eq!(revoked(&world, nurse, stolen), Some(false));
    world.devices[locum].go_online();
    world.settle().await;
    assert!(!world.devices[locum].events.contains(&Event::Wiped));
    world.say(nurse, channel, "before");
    world.settle().await;

    world.devices[COORDINATOR].go_online();
    world.say(COORDINATOR, channel, "secret");
    for _ in 0..100 {
        world.turn().await;
        assert_eq!(revoked(&world, COORDINATOR, stolen), Some(true));
    }
    world.settle().await;
    assert_eq!(revoked(&world, nurse, stolen), Some(true));
    assert!(world.devices[locum].events.contains(&Event::Wiped));
    assert_eq!(world.devices[COORDINATOR].engine.troubles(), &[]);
    assert!(world.texts(nurse, channel).contains(&"secret".to_owned()));
    assert!(
        world.devices[locum]
            .engine
            .threads()
            .unwrap_or_default()
            .is_empty()
    );
}

// proves: I5
#[tokio::test]
async fn a_server_by_whose_log_a_revoked_device_stands_again_is_not_followed() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let locum = world.add_user("Lucie").await;
    let channel = world.thread(COORDINATOR, "Suivi", &[nurse, locum]).await;
    let backup = world.backup_server();
    let stolen = world.devices[locum].device();
    world.devices[nurse].go_offline();
    world.devices[locum].go_offline();
    let engine = &mut world.devices[COORDINATOR].engine;
    engine.revoke_device(stolen).expect("revoked");
    world.settle().await;
    take_seals(&mut world).await;

    restored_and_gone_on(&mut world, &backup, nurse).await;
    world.devices[COORDINATOR].go_online();
    world.say(COORDINATOR, channel, "secret");
    many_turns(&mut world).await;
    let coordinator = &world.devices[COORDINATOR];
    assert!(coordinator.events.contains(&Event::ServerRestored));
    assert_eq!(coordinator.engine.troubles(), &[Trouble::StructureForked]);
    assert_eq!(revoked(&world, COORDINATOR, stolen), Some(true));
    assert!(world.texts(nurse, channel).is_empty());
    // Once the locum has left by her own word, it is revoked by the other log too.
    world.devices[locum].go_online();
    many_turns(&mut world).await;
    let engine = &mut world.devices[locum].engine;
    let me = engine.whoami().expect("enrolled").professional;
    engine.revoke_professional(me).expect("left");
    many_turns(&mut world).await;
    let coordinator = &world.devices[COORDINATOR];
    assert_eq!(coordinator.engine.troubles(), &[]);
    assert_eq!(world.texts(nurse, channel), ["secret"]);
}

// proves: I5
#[tokio::test]
async fn whoever_was_revoked_by_a_log_that_is_gone_does_not_come_back_by_the_one_that_remains() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let backup = world.backup_server();
    world.devices[nurse].go_offline();
    let locum = world.add_user("Lucie").await;
    let stolen = world.devices[locum].device();
    world.devices[locum].go_offline();
    let engine = &mut world.devices[COORDINATOR].engine;
    engine.revoke_device(stolen).expect("revoked");
    world.settle().await;
    take_seals(&mut world).await;

    restored_and_gone_on(&mut world, &backup, nurse).await;
    world.devices[COORDINATOR].go_online();
    many_turns(&mut world).await;
    // By the log that remains nobody has ever heard of it.
    let coordinator = &world.devices[COORDINATOR];
    assert_eq!(coordinator.engine.troubles(), &[]);
    assert_eq!(revoked(&world, COORDINATOR, stolen), None);
    // It gives its own enrolment back, and not what came after.
    world.devices[locum].go_online();
    many_turns(&mut world).await;
    assert_eq!(revoked(&world, nurse, stolen), Some(false));
    let coordinator = &world.devices[COORDINATOR];
    assert_eq!(coordinator.engine.troubles(), &[Trouble::StructureForked]);
    assert_eq!(revoked(&world, COORDINATOR, stolen), None);
}

// proves: M7, I5
#[tokio::test]
async fn two_structure_logs_without_a_new_life_of_the_server_are_a_fork() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(COORDINATOR, "Suivi", &[nurse]).await;
    let backup = world.backup_server();
    world.devices[nurse].go_offline();
    let _doctor = world.add_user("Denis").await;
    let head = world.devices[COORDINATOR].engine.structure_seq();
    for who in 0..world.devices.len() {
        take_proofs(&mut world, who);
    }
    restored_and_gone_on(&mut world, &backup, nurse).await;
    world.devices[COORDINATOR].go_online();
    world.say(COORDINATOR, channel, "Bonjour");
    many_turns(&mut world).await;
    let coordinator = &world.devices[COORDINATOR];
    assert!(!coordinator.events.contains(&Event::ServerRestored));
    assert_eq!(coordinator.engine.troubles(), &[Trouble::StructureForked]);
    assert_eq!(coordinator.engine.structure_seq(), head);
    let thread = coordinator.engine.thread(channel).expect("thread");
    assert_eq!(thread.state, ThreadState::Joined);
    assert!(world.texts(nurse, channel).is_empty());
}
