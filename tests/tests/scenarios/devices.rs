//! People whose devices come and go: links, lost phones, revocations, departures.

use relais_core::commands::NewMember;
use relais_core::engine::Trouble;
use relais_core::engine::http::HttpResponse;
use relais_core::identity::Enrolment;
use relais_core::{Engine, Error, Event};
use relais_tests::world::{StoreKind, Who, World, card};
use relais_wire::RefusalCode;

/// A coordinator (0) and a nurse.
async fn practice() -> (World, Who) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    (world, nurse)
}

/// Another device of the same person, linked by a link that is shown.
async fn linked(world: &mut World, owner: Who) -> Who {
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
                .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
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

// proves: M1
#[tokio::test]
async fn a_restored_device_returns_under_another_id_and_keeps_what_it_had() {
    let (mut world, nurse) = practice().await;
    world.hostile = true;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "avant");
    world.settle().await;
    let (now, id) = (world.now_ms(), world.devices[nurse].device());
    let backup = world.devices[nurse].backup(now);
    world.settle().await;
    let copy = world.add_device("copie");
    let now = world.now_ms();
    world.devices[copy].restore_as_own(&backup, now);
    world.say(copy, channel, "écrit sur la copie");
    world.settle().await;
    assert!(world.devices[copy].engine.is_frozen());
    let engine = &mut world.devices[nurse].engine;
    assert!(engine.return_device().is_err(), "it is not frozen");

    let now = world.now_ms();
    let frozen = world.devices[copy].backup(now);
    let engine = &mut world.devices[copy].engine;
    engine.return_device().expect("asked for");
    world.devices[copy].faults.drop_answers(1);
    world.turn().await;
    world.crash(copy);
    // What waits in the thread waits on: the world does not come to rest.
    for _ in 0..400 {
        world.turn().await;
        world.advance(50);
        let wiped = world.devices[nurse].events.contains(&Event::Wiped);
        if wiped
            && world.devices[copy]
                .engine
                .sync_state()
                .expect("state")
                .caught_up
        {
            break;
        }
    }
    assert!(!world.devices[copy].engine.is_frozen());
    assert!(world.devices[copy].events.contains(&Event::Returned));
    assert_ne!(world.devices[copy].device(), id);
    assert!(world.devices[copy].engine.whoami().expect("me").confirmed);
    // History and what waits are kept; the thread waits to be joined again.
    let texts = world.texts(copy, channel);
    assert_eq!(texts, ["avant", "écrit sur la copie"]);
    assert_eq!(world.texts(0, channel), ["avant"]);
    let thread = world.devices[copy].engine.thread(channel).expect("thread");
    assert_ne!(thread.state, relais_core::query::ThreadState::Joined);
    // The other copy held the id that was retired.
    assert!(world.devices[nurse].events.contains(&Event::Wiped));
    // And one that asks for the same later stays frozen.
    world.devices[copy].go_offline();
    let late = world.add_device("copie tardive");
    let now = world.now_ms();
    world.devices[late].restore_as_own(&frozen, now);
    let engine = &mut world.devices[late].engine;
    engine.return_device().expect("asked for");
    world.settle().await;
    assert!(world.devices[late].engine.is_frozen());
    let refused = Event::EnrolmentRefused(RefusalCode::AlreadyExists);
    assert!(world.devices[late].events.contains(&refused));
    assert!(!world.devices[late].events.contains(&Event::Returned));
}

#[tokio::test]
async fn a_return_is_asked_for_once_and_again_after_a_while_without_the_servers_answer() {
    let (mut world, nurse) = practice().await;
    world.hostile = true;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    world.say(nurse, channel, "avant");
    world.settle().await;
    let copy = world.add_device("copie");
    let now = world.now_ms();
    world.devices[copy].restore_as_own(&backup, now);
    world.say(copy, channel, "écrit sur la copie");
    world.settle().await;
    let (now, engine) = (world.now_ms(), &mut world.devices[copy].engine);
    assert!(engine.is_frozen());
    let asked = |engine: &mut Engine, at_ms: u64| {
        engine.set_time(at_ms);
        engine.step(usize::MAX).expect("step");
        let requests = engine.take_requests().into_iter();
        let requests = requests.filter(|request| request.path == "/v1/enrol");
        requests.collect::<Vec<_>>()
    };
    engine.return_device().expect("asked for");
    let first = asked(engine, now);
    assert_eq!(first.len(), 1);
    assert_eq!(asked(engine, now + 10), []);
    let answer = |status, body: &[u8]| HttpResponse {
        status,
        headers: Vec::new(),
        body: body.to_vec(),
    };
    // Nobody, somebody else's page, a server that is not well.
    let mut id = first[0].id;
    let (mut answered, mut waited) = (now + 10, 100);
    for response in [None, Some(answer(200, b"<html>")), Some(answer(503, b""))] {
        engine.respond(id, response).expect("taken");
        assert!(engine.is_frozen());
        let at = engine.wake_at().expect("tries again");
        assert!(at - answered >= 2 * waited, "ever later");
        (answered, waited) = (at, at - answered);
        assert_eq!(asked(engine, at - 1), []);
        let again = asked(engine, at);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].body, first[0].body);
        id = again[0].id;
    }
}

// proves: M1
#[tokio::test]
async fn what_a_coordinators_restored_phone_had_not_said_is_said_under_its_new_id() {
    let (mut world, nurse) = practice().await;
    world.hostile = true;
    let doctor = world.add_user("Luc").await;
    let gone = world.add_user("Denis").await;
    let gone = world.devices[gone].professional();
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    let now = world.now_ms();
    let backup = world.devices[0].backup(now);
    world.say(0, channel, "avant");
    world.settle().await;
    let copy = world.add_device("copie");
    let now = world.now_ms();
    world.devices[copy].go_offline();
    world.devices[copy].restore_as_own(&backup, now);
    let engine = &mut world.devices[copy].engine;
    let paul = card("Paul", "Martin", 60, "99700218896");
    let invitation = engine.invite(&paul).expect("invited");
    engine.revoke_professional(gone).expect("sent away");
    let new = NewMember::care_team(world.devices[doctor].professional());
    let engine = &mut world.devices[copy].engine;
    engine.add_member(channel, &new).expect("wanted");
    world.devices[copy].go_online();
    world.settle().await;
    assert!(world.devices[copy].engine.is_frozen());

    let engine = &mut world.devices[copy].engine;
    engine.return_device().expect("asked for");
    for _ in 0..200 {
        world.turn().await;
        world.advance(250);
    }
    let engine = &world.devices[copy].engine;
    assert!(!engine.is_frozen());
    // A change of the circle could undo a later one: the person decides.
    let failed = engine.failed_acts().expect("acts");
    let failed: Vec<_> = failed.iter().map(|act| act.act.as_str()).collect();
    assert_eq!(failed, ["members"]);
    // The invitation, its card and the revocation stand.
    let late = world.add_device("Paul");
    let engine = &mut world.devices[late].engine;
    engine.join(&invitation.link, None).expect("join");
    for _ in 0..200 {
        world.turn().await;
        world.advance(250);
    }
    let person = world.devices[late].professional();
    for who in [copy, nurse] {
        let engine = &world.devices[who].engine;
        assert_eq!(engine.name(&person), "Paul Martin");
        let people = engine.people().expect("people");
        let of = |id| people.iter().find(|p| p.professional == id).expect("known");
        assert!(of(person).confirmed);
        assert!(of(gone).devices.iter().all(|device| device.revoked));
        let (named, held) = engine.directory_versions();
        assert_eq!(held.map(|version| version as usize), Some(named));
    }
}

// proves: M1
#[tokio::test]
async fn a_restored_linked_device_cannot_return_by_itself() {
    let (mut world, nurse) = practice().await;
    world.hostile = true;
    let tablet = linked(&mut world, nurse).await;
    let now = world.now_ms();
    let backup = world.devices[tablet].backup(now);
    world.settle().await;
    let copy = world.add_device("copie");
    let now = world.now_ms();
    world.devices[copy].restore_as_own(&backup, now);
    world.settle().await;
    let refused = world.devices[copy].engine.return_device();
    assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
    assert!(world.devices[copy].engine.is_frozen());
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
