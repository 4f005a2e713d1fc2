//! Devices whose database was restored or copied, and that come back under another id.

use relais_core::commands::NewMember;
use relais_core::engine::http::HttpResponse;
use relais_core::{Engine, Error, Event};
use relais_tests::world::{Who, World, card};
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;

use super::devices::{linked, practice};

/// A nurse, and a copy of her device that was noticed when it wrote.
async fn copied() -> (World, Who, Who, ChannelId) {
    let (mut world, nurse) = practice().await;
    world.hostile = true;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "avant");
    world.settle().await;
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    world.settle().await;
    let copy = world.add_device("copie");
    let now = world.now_ms();
    world.devices[copy].restore_as_own(&backup, now);
    world.say(copy, channel, "écrit sur la copie");
    world.settle().await;
    assert!(world.devices[copy].engine.is_frozen());
    (world, nurse, copy, channel)
}

// proves: M1
#[tokio::test]
async fn a_restored_device_returns_under_another_id_and_keeps_what_it_had() {
    let (mut world, nurse, copy, channel) = copied().await;
    let id = world.devices[nurse].device();
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
    let (mut world, _, copy, _) = copied().await;
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
