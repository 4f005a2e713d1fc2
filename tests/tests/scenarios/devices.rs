//! People whose devices come and go: links, lost phones, revocations, departures.

use relais_core::commands::NewThread;
use relais_core::engine::Trouble;
use relais_core::identity::Enrolment;
use relais_core::query::ThreadState;
use relais_core::{Error, Event};
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::RefusalCode;

/// A coordinator (0) and a nurse.
pub async fn practice() -> (World, Who) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    (world, nurse)
}

/// Another device of the same person, linked by a link that is shown.
pub async fn linked(world: &mut World, owner: Who) -> Who {
    let link = world.devices[owner].engine.link_device().expect("link");
    world.settle().await;
    let tablet = world.add_device("tablet");
    let engine = &mut world.devices[tablet].engine;
    engine.join(&link.link, None).expect("join");
    world.settle().await;
    tablet
}

fn names(world: &World, who: Who) -> Vec<String> {
    let people = world.devices[who].engine.people().expect("people");
    let card = |c: &relais_content::v1::Card| c.given_name.clone();
    let mut names: Vec<_> = people
        .iter()
        .filter_map(|p| p.card.as_ref().map(card))
        .collect();
    names.sort();
    names
}

// proves: I2
#[tokio::test]
async fn a_tablet_is_linked_by_a_link_and_sees_the_names() {
    let (mut world, nurse) = practice().await;
    let tablet = linked(&mut world, nurse).await;
    let me = world.devices[tablet].engine.whoami().expect("enrolled");
    assert_eq!(me.professional, world.devices[nurse].professional());
    assert_ne!(me.device, world.devices[nurse].device());
    assert!(me.confirmed);
    assert_eq!(names(&world, tablet), ["Claire", "Nadia"]);
    // It cannot let others in: the person's key stays where it was made.
    let refused = world.devices[tablet].engine.link_device();
    assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
}

// proves: I2
#[tokio::test]
async fn a_device_link_is_used_once_and_within_its_minutes() {
    let (mut world, nurse) = practice().await;
    let link = world.devices[nurse]
        .engine
        .link_device()
        .expect("link")
        .link;
    world.settle().await;
    let tablet = world.add_device("tablet");
    world.devices[tablet]
        .engine
        .join(&link, None)
        .expect("join");
    world.settle().await;
    let thief = world.add_device("thief");
    world.devices[thief].engine.join(&link, None).expect("join");
    world.settle().await;
    let void = Enrolment::Refused(RefusalCode::InvitationInvalid.into());
    assert_eq!(*world.devices[thief].engine.enrolment(), void);

    let late = world.devices[nurse]
        .engine
        .link_device()
        .expect("link")
        .link;
    world.settle().await;
    world.advance(15 * 60_000);
    world.devices[thief]
        .engine
        .join(&late, None)
        .expect("again");
    world.settle().await;
    assert_eq!(*world.devices[thief].engine.enrolment(), void);
}

// proves: I2
#[tokio::test]
async fn a_scanned_tablet_is_linked_after_the_code_was_compared() {
    let (mut world, nurse) = practice().await;
    let tablet = world.add_device("tablet");
    let request = world.devices[tablet]
        .engine
        .join_by_scan("http://relais.invalid/")
        .expect("request");
    for _ in 0..20 {
        world.turn().await;
        world.advance(500);
    }
    assert_eq!(
        *world.devices[tablet].engine.enrolment(),
        Enrolment::Joining
    );

    let mistyped = request.replace(&request[20..24], "AAAA");
    let refused = world.devices[nurse].engine.accept_device(&mistyped);
    assert!(matches!(refused, Err(Error::Link(_))), "{refused:?}");
    let engine = &mut world.devices[nurse].engine;
    let code = engine.accept_device(&request).expect("accepted");
    for _ in 0..200 {
        world.turn().await;
        world.advance(250);
        if *world.devices[tablet].engine.enrolment() == Enrolment::Comparing {
            break;
        }
    }
    assert!(world.devices[tablet].events.contains(&Event::CompareCode));
    world.crash(tablet);
    let engine = &mut world.devices[tablet].engine;
    // A refusal would take what is done before with it.
    let early = engine.create_thread(&NewThread::default());
    assert!(matches!(early, Err(Error::NotEnrolled)), "{early:?}");
    let wrong = engine.confirm_link("0000 0000");
    assert!(matches!(wrong, Err(Error::Invalid { .. })), "{wrong:?}");
    engine.confirm_link(&code).expect("the same code");
    world.settle().await;
    assert_eq!(names(&world, tablet), ["Claire", "Nadia"]);
}

// proves: I2
#[tokio::test]
async fn a_server_that_shows_another_structure_is_noticed_by_the_code() {
    let (mut world, nurse) = practice().await;
    let tablet = world.add_device("tablet");
    let engine = &mut world.devices[tablet].engine;
    let request = engine
        .join_by_scan("http://relais.invalid")
        .expect("request");
    let engine = &mut world.devices[nurse].engine;
    engine.accept_device(&request).expect("accepted");
    for _ in 0..200 {
        world.turn().await;
        world.advance(250);
        if *world.devices[tablet].engine.enrolment() == Enrolment::Comparing {
            break;
        }
    }
    // The nurse's own device belongs to another practice: its code is another one.
    let mut other = World::new(StoreKind::Memory).await;
    let engine = &mut other.devices[0].engine;
    let code = engine.accept_device(&request).expect("accepted there");
    let engine = &mut world.devices[tablet].engine;
    for _ in 0..2 {
        let wrong = engine.confirm_link(&code);
        assert!(matches!(wrong, Err(Error::Invalid { .. })), "{wrong:?}");
    }
    let third = engine.confirm_link(&code);
    assert!(
        matches!(third, Err(Error::EnrolmentRefused(_))),
        "{third:?}"
    );
    assert!(matches!(engine.enrolment(), Enrolment::Refused(_)));
}

#[tokio::test]
async fn a_code_that_nobody_scans_is_given_up_for_a_link() {
    let (mut world, nurse) = practice().await;
    let link = world.devices[nurse].engine.link_device().expect("a link");
    world.settle().await;
    let tablet = world.add_device("tablet");
    let engine = &mut world.devices[tablet].engine;
    for server in ["http://nobody.invalid", "http://relais.invalid"] {
        engine.join_by_scan(server).expect("a request");
        assert_eq!(*engine.enrolment(), Enrolment::Joining);
    }
    engine.join(&link.link, None).expect("instead");
    // What was asked for the code before is answered now.
    world.settle().await;
    let me = world.devices[tablet].engine.whoami().expect("enrolled");
    assert_eq!(me.professional, world.devices[nurse].professional());
    let engine = &mut world.devices[tablet].engine;
    let late = engine.join_by_scan("http://relais.invalid");
    assert!(matches!(late, Err(Error::AlreadyEnrolled)), "{late:?}");
}

#[tokio::test]
async fn a_scan_that_nobody_accepts_ends() {
    let (mut world, _) = practice().await;
    let tablet = world.add_device("tablet");
    let engine = &mut world.devices[tablet].engine;
    engine
        .join_by_scan("http://relais.invalid")
        .expect("request");
    world.turn().await;
    world.advance(16 * 60_000);
    world.settle().await;
    let void = Enrolment::Refused(RefusalCode::InvitationInvalid.into());
    assert_eq!(*world.devices[tablet].engine.enrolment(), void);
}

// proves: I2, I3
#[tokio::test]
async fn a_lost_phone_is_replaced_and_the_person_stays_who_they_are() {
    let (mut world, nurse) = practice().await;
    let tablet = linked(&mut world, nurse).await;
    let person = world.devices[nurse].professional();
    let lost = world.devices[nurse].device();
    world.devices[nurse].go_offline();
    let invitation = world.devices[0]
        .engine
        .invite_again(person, &[lost])
        .expect("invited again");
    world.settle().await;
    let revoked = |world: &World| {
        let people = world.devices[0].engine.people().expect("people");
        let nurse = people.into_iter().find(|p| p.professional == person);
        let mut devices = nurse.expect("known").devices;
        devices.sort_by_key(|d| d.device != lost);
        devices.iter().map(|d| d.revoked).collect::<Vec<_>>()
    };
    assert_eq!(revoked(&world), [true, false], "at once");
    let phone = world.add_device("new phone");
    let engine = &mut world.devices[phone].engine;
    engine.join(&invitation.link, None).expect("join");
    world.settle().await;
    let me = world.devices[phone].engine.whoami().expect("enrolled");
    assert_eq!(me.professional, person);
    assert!(me.confirmed);
    for who in [phone, tablet, 0] {
        assert_eq!(names(&world, who), ["Claire", "Nadia"], "{who}");
    }
    assert_eq!(revoked(&world), [true, false, false]);
    // The person's key is the new phone's: it links and revokes again.
    let old_tablet = world.devices[tablet].device();
    let engine = &mut world.devices[phone].engine;
    engine.revoke_device(old_tablet).expect("revoked");
    world.settle().await;
    linked(&mut world, phone).await;
}

// proves: I2
#[tokio::test]
async fn a_new_phone_comes_into_its_persons_threads_though_nobody_of_them_is_online() {
    let (mut world, nurse) = practice().await;
    let doctor = world.add_user("Denis").await;
    let channel = world.thread(nurse, "Mme Durand", &[doctor]).await;
    let away = world.thread(nurse, "M. Petit", &[doctor]).await;
    world.remove(nurse, away, doctor);
    world.settle().await;
    let person = world.devices[doctor].professional();
    let lost = world.devices[doctor].device();
    world.devices[doctor].go_offline();
    world.devices[nurse].go_offline();
    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite_again(person, &[lost]).expect("invited again");
    world.settle().await;
    let phone = world.add_device("new phone");
    let engine = &mut world.devices[phone].engine;
    engine.join(&invitation.link, None).expect("join");
    world.settle().await;
    // The server knows whom the commits brought in and sent away.
    let threads = world.devices[phone].engine.threads().expect("threads");
    let states: Vec<_> = threads.into_iter().map(|t| (t.channel, t.state)).collect();
    assert_eq!(states, [(channel, ThreadState::Joined)]);
}

// proves: I3
#[tokio::test]
async fn each_revocation_replaces_the_directory_key_and_who_is_revoked_never_gets_it() {
    let (mut world, nurse) = practice().await;
    let doctor = world.add_user("Denis").await;
    let gone = world.devices[doctor].professional();
    world.devices[doctor].go_offline();
    let engine = &mut world.devices[0].engine;
    engine.revoke_professional(gone).expect("sent away");
    world.settle().await;
    // Someone who comes later is given the new key alone and reads every name.
    let late = world.add_user("Lucie").await;
    for who in [0, nurse, late] {
        assert_eq!(names(&world, who), ["Claire", "Denis", "Lucie", "Nadia"]);
    }
    let lucie = world.devices[late].professional();
    let engine = &mut world.devices[nurse].engine;
    let refused = engine.revoke_professional(lucie);
    assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
    let engine = &mut world.devices[0].engine;
    let again = engine.revoke_professional(gone);
    assert!(matches!(again, Err(Error::NotAllowed(_))), "{again:?}");
    let coordinator = engine.whoami().expect("enrolled").professional;
    let oneself = engine.revoke_professional(coordinator);
    assert!(matches!(oneself, Err(Error::NotAllowed(_))), "{oneself:?}");
}

// proves: I3
#[tokio::test]
async fn the_directory_key_is_replaced_though_the_first_coordinators_device_is_away() {
    for away in [true, false] {
        let (mut world, nurse) = practice().await;
        let desk = linked(&mut world, 0).await;
        let tablet = linked(&mut world, nurse).await;
        let tablet = world.devices[tablet].device();
        let keys = |world: &World, who: Who| world.devices[who].engine.directory_versions();
        assert_eq!(keys(&world, nurse), (1, Some(1)));
        let engine = &mut world.devices[nurse].engine;
        engine.revoke_device(tablet).expect("revoked");
        // One of the two is the first in turn; the other waits for it, and then does
        // it itself.
        let other = if away { 0 } else { desk };
        world.devices[other].go_offline();
        world.settle().await;
        world.advance(60_000);
        world.turn().await;
        world.settle().await;
        world.devices[other].go_online();
        world.settle().await;
        for who in [0, desk, nurse] {
            assert_eq!(keys(&world, who), (2, Some(2)), "{who}");
            assert_eq!(names(&world, who), ["Claire", "Nadia"]);
        }
    }
}

// proves: I3
#[tokio::test]
async fn a_revoked_device_wipes_itself_at_its_next_contact_and_can_join_again() {
    let (mut world, nurse) = practice().await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "pansement refait");
    world.settle().await;
    for offline in [false, true] {
        let tablet = linked(&mut world, nurse).await;
        assert_eq!(names(&world, tablet), ["Claire", "Nadia"]);
        if offline {
            world.devices[tablet].go_offline();
        }
        let id = world.devices[tablet].device();
        let engine = &mut world.devices[nurse].engine;
        engine.revoke_device(id).expect("revoked");
        world.settle().await;
        if offline {
            assert_eq!(names(&world, tablet), ["Claire", "Nadia"], "not told yet");
            world.devices[tablet].go_online();
            world.settle().await;
        }
        assert!(world.devices[tablet].events.contains(&Event::Wiped));
        assert_eq!(*world.devices[tablet].engine.enrolment(), Enrolment::None);
        world.crash(tablet);
        let now = world.now_ms();
        world.devices[tablet].edit_database(now, |db| {
            let tables: Vec<String> = db
                .prepare(
                    "SELECT name FROM pragma_table_list WHERE schema = 'main'
                     AND name NOT LIKE 'sqlite%' AND name NOT IN ('search_data', 'search_config')",
                )
                .and_then(|mut s| s.query_map([], |row| row.get(0))?.collect())
                .expect("tables");
            assert!(tables.len() > 20);
            for table in tables {
                let count = format!("SELECT count(*) FROM \"{table}\"");
                let rows: u64 = db.query_row(&count, [], |row| row.get(0)).expect("count");
                // Opening writes what the engine remembers of forks: none.
                assert!(rows == 0 || table == "meta", "{table}: {rows}");
            }
        });
        let engine = &mut world.devices[nurse].engine;
        let link = engine.link_device().expect("link").link;
        world.settle().await;
        let engine = &mut world.devices[tablet].engine;
        engine.join(&link, None).expect("joins again");
        world.settle().await;
        assert_eq!(names(&world, tablet), ["Claire", "Nadia"]);
    }
}

// proves: I3
#[tokio::test]
async fn a_device_does_not_wipe_itself_because_the_server_says_so() {
    let (mut world, nurse) = practice().await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "pansement refait");
    world.settle().await;
    let closing = relais_wire::v1::ServerFrame {
        frame: Some(relais_wire::v1::server_frame::Frame::Closing(
            relais_wire::v1::Closing {
                code: RefusalCode::DeviceRevoked.into(),
            },
        )),
    };
    let lie = prost::Message::encode_to_vec(&closing);
    let engine = &mut world.devices[nurse].engine;
    engine.receive(lie.into()).expect("received");
    assert!(engine.troubles().contains(&Trouble::Revoked), "it is shown");
    world.settle().await;
    assert!(!world.devices[nurse].events.contains(&Event::Wiped));
    assert_eq!(world.texts(nurse, channel), ["pansement refait"]);
    // The server took it back.
    assert!(world.devices[nurse].engine.troubles().is_empty());
}

#[tokio::test]
async fn a_sealing_key_is_replaced_each_month_and_items_still_arrive() {
    let (mut world, nurse) = practice().await;
    let tablet = linked(&mut world, nurse).await;
    let version = |world: &World, who: Who| {
        let id = world.devices[who].device();
        let people = world.devices[0].engine.people().expect("people");
        let mut devices = people.into_iter().flat_map(|p| p.devices);
        devices
            .find(|d| d.device == id)
            .expect("known")
            .sealing_version
    };
    assert_eq!(version(&world, nurse), 1);
    for month in 2..4 {
        world.advance(31 * 24 * 3_600_000);
        for who in 0..3 {
            // Something to do at each device.
            world.devices[who].go_offline();
            world.devices[who].go_online();
        }
        world.settle().await;
        for who in [0, nurse, tablet] {
            assert_eq!(version(&world, who), month, "{who}");
        }
    }
    let gone = world.devices[tablet].device();
    let engine = &mut world.devices[nurse].engine;
    engine.revoke_device(gone).expect("revoked");
    world.settle().await;
    // The new directory key was sealed to the newest key.
    let held = world.devices[nurse].engine.directory_versions();
    assert_eq!(held, (2, Some(2)));
}
