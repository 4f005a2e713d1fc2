//! Leaves follow the truth: memberships that end at their hour, devices whose chain no
//! longer holds, circles whose managers are gone.

use relais_content::v1::Laterality;
use relais_core::commands::NewMember;
use relais_core::engine::Trouble;
use relais_core::identity::Enrolment;
use relais_core::query::{ThreadState, TimelineBody};
use relais_core::{BlobState, Error};
use relais_tests::world::{StoreKind, Who, World, card, photo};
use relais_wire::ids::ChannelId;
use relais_wire::v1::ChannelRole;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn until(world: &mut World, manager: Who, channel: ChannelId, member: Who, end: u64) {
    let mut new = NewMember::care_team(world.devices[member].professional());
    new.expires_at_ms = Some(end);
    let engine = &mut world.devices[manager].engine;
    engine.add_member(channel, &new).expect("added until then");
}

/// A thread of the coordinator (0), a nurse and a locum whose time ends in an hour.
async fn with_locum() -> (World, Who, Who, ChannelId, u64) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let locum = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    let end = world.now_ms() + HOUR;
    until(&mut world, 0, channel, locum, end);
    world.settle().await;
    world.say(nurse, channel, "avant la fin");
    world.settle().await;
    assert_eq!(world.texts(locum, channel), ["avant la fin"]);
    (world, nurse, locum, channel, end)
}

fn state(world: &World, who: Who, channel: ChannelId) -> ThreadState {
    let thread = world.devices[who].engine.thread(channel).expect("thread");
    thread.state
}

fn is_member(world: &World, who: Who, channel: ChannelId, of: Who) -> bool {
    let id = world.devices[of].professional();
    let members = world.devices[who].engine.members(channel).expect("members");
    members.iter().any(|member| member.professional == id)
}

/// The hour strikes; somebody writes before anybody could remove the locum.
async fn the_hour_strikes(world: &mut World, writer: Who, channel: ChannelId, end: u64) {
    world.advance(end - world.now_ms());
    world.say(writer, channel, "après la fin");
    for _ in 0..20 {
        world.turn().await;
    }
}

/// A minute passes, in which somebody who may acts.
async fn somebody_acts(world: &mut World) {
    world.settle().await;
    world.advance(60_000);
    world.settle().await;
}

// proves: M8
#[tokio::test]
async fn nothing_dated_after_the_end_reaches_who_had_a_time_even_after_the_removal() {
    let (mut world, nurse, locum, channel, end) = with_locum().await;
    the_hour_strikes(&mut world, nurse, channel, end).await;
    assert_eq!(world.texts(0, channel), ["avant la fin", "après la fin"]);
    assert_eq!(world.texts(locum, channel), ["avant la fin"]);
    assert_eq!(state(&world, locum, channel), ThreadState::Ended);
    let epoch = world.devices[0]
        .engine
        .thread(channel)
        .expect("thread")
        .epoch;
    somebody_acts(&mut world).await;
    // Usually exactly one removes them, although everybody may.
    let now = world.devices[0]
        .engine
        .thread(channel)
        .expect("thread")
        .epoch;
    assert_eq!(now, epoch + 1);
    assert_eq!(state(&world, locum, channel), ThreadState::Removed);
    world.say(nurse, channel, "entre nous");
    world.settle().await;
    world.crash(locum);
    world.settle().await;
    assert_eq!(world.texts(locum, channel), ["avant la fin"]);
    let notices = world.notices(nurse, channel);
    let told = ["removed", "device_removed"];
    assert!(
        notices.iter().any(|n| told.contains(&n.as_str())),
        "{notices:?}"
    );
}

// proves: M8
#[tokio::test]
async fn who_was_offline_at_the_end_reads_up_to_it_and_no_further() {
    let (mut world, nurse, locum, channel, end) = with_locum().await;
    world.devices[locum].go_offline();
    world.say(nurse, channel, "juste avant");
    world.settle().await;
    the_hour_strikes(&mut world, nurse, channel, end).await;
    somebody_acts(&mut world).await;
    world.devices[locum].go_online();
    world.settle().await;
    assert_eq!(world.texts(locum, channel), ["avant la fin", "juste avant"]);
    assert_eq!(state(&world, locum, channel), ThreadState::Removed);
}

#[tokio::test]
async fn a_membership_that_is_prolonged_before_the_removal_goes_on_without_loss() {
    let (mut world, nurse, locum, channel, end) = with_locum().await;
    the_hour_strikes(&mut world, nurse, channel, end).await;
    until(&mut world, 0, channel, locum, end + DAY);
    world.settle().await;
    assert_eq!(state(&world, locum, channel), ThreadState::Joined);
    let texts = ["avant la fin", "après la fin"];
    assert_eq!(world.texts(locum, channel), texts);
    world.say(locum, channel, "je reste");
    world.settle().await;
    assert_eq!(
        world.texts(nurse, channel).last().expect("text"),
        "je reste"
    );
}

#[tokio::test]
async fn who_is_let_in_again_after_the_removal_comes_back_and_counts_on() {
    let (mut world, nurse, locum, channel, end) = with_locum().await;
    world.say(locum, channel, "de Luc");
    world.settle().await;
    the_hour_strikes(&mut world, nurse, channel, end).await;
    somebody_acts(&mut world).await;
    assert_eq!(state(&world, locum, channel), ThreadState::Removed);
    until(&mut world, 0, channel, locum, end + DAY);
    world.settle().await;
    world.devices[locum].go_offline();
    world.devices[locum].go_online();
    world.settle().await;
    assert_eq!(state(&world, locum, channel), ThreadState::Joined);
    world.say(locum, channel, "de retour");
    world.settle().await;
    assert_eq!(
        world.texts(nurse, channel).last().expect("text"),
        "de retour"
    );
    assert!(
        !world
            .texts(locum, channel)
            .contains(&"après la fin".to_owned())
    );
}

/// Somebody who enrolled and whom no coordinator has confirmed yet.
async fn unconfirmed(world: &mut World, name: &str) -> Who {
    let card = card(name, "Martin", 60, "99700218896");
    let invitation = world.devices[0].engine.invite(&card).expect("invite");
    world.settle().await;
    world.devices[0].go_offline();
    let who = world.add_device(name);
    let engine = &mut world.devices[who].engine;
    engine.join(&invitation.link, None).expect("join");
    world.settle().await;
    who
}

// proves: M6
#[tokio::test]
async fn the_device_of_an_enrolment_that_lapsed_is_removed_and_the_thread_goes_on() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Luc").await;
    let late = unconfirmed(&mut world, "Inès").await;
    let channel = world.thread(nurse, "Mme Durand", &[doctor, late]).await;
    world.say(late, channel, "présente");
    world.settle().await;
    assert_eq!(world.texts(doctor, channel), ["présente"]);
    world.devices[late].go_offline();
    world.advance(8 * DAY);
    somebody_acts(&mut world).await;
    // The device goes, the person stays in the circle.
    let notices = world.notices(doctor, channel);
    assert_eq!(notices.last().map(String::as_str), Some("device_removed"));
    assert!(is_member(&world, doctor, channel, late));
    world.say(nurse, channel, "sans elle");
    world.settle().await;
    assert_eq!(world.texts(doctor, channel), ["présente", "sans elle"]);
}

// proves: I2
#[tokio::test]
async fn an_enrolment_that_lapsed_stops_visibly_and_goes_on_by_a_new_link() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let late = unconfirmed(&mut world, "Inès").await;
    let channel = world.thread(nurse, "Mme Durand", &[late]).await;
    world.say(late, channel, "présente");
    world.settle().await;
    world.devices[late].go_offline();
    world.say(late, channel, "jamais parti");
    world.advance(8 * DAY);
    somebody_acts(&mut world).await;
    world.devices[late].go_online();
    for restart in [false, true] {
        if restart {
            world.crash(late);
        }
        for _ in 0..50 {
            world.turn().await;
            world.advance(500);
        }
        let engine = &world.devices[late].engine;
        assert_eq!(*engine.enrolment(), Enrolment::Lapsed);
        assert_eq!(engine.troubles(), [Trouble::Lapsed]);
        assert!(!engine.wants_connection(), "it does not try for ever");
        assert_eq!(world.texts(late, channel), ["présente", "jamais parti"]);
    }

    // Another person's link does not take over what is here.
    world.devices[0].go_online();
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    let other = engine.invite(&card("Paul", "Martin", 60, "99700218896"));
    let other = other.expect("invited").link;
    let person = world.devices[late].professional();
    let engine = &mut world.devices[0].engine;
    let again = engine
        .invite_again(person, &[])
        .expect("invited again")
        .link;
    world.settle().await;
    let engine = &mut world.devices[late].engine;
    engine.join(&other, None).expect("tried");
    world.settle().await;
    let engine = &mut world.devices[late].engine;
    assert_eq!(*engine.enrolment(), Enrolment::Lapsed);
    assert_eq!(engine.troubles(), [Trouble::Lapsed]);

    engine.join(&again, None).expect("joins");
    world.settle().await;
    let engine = &world.devices[late].engine;
    assert!(engine.whoami().expect("enrolled").confirmed);
    assert_eq!(engine.troubles(), []);
    assert_eq!(state(&world, late, channel), ThreadState::Joined);
    for who in [nurse, late] {
        assert_eq!(world.texts(who, channel), ["présente", "jamais parti"]);
    }
}

// proves: I3
#[tokio::test]
async fn who_is_sent_away_after_the_enrolment_lapsed_keeps_nothing() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let other = card("Paul", "Martin", 60, "99700218896");
    let other = world.devices[0]
        .engine
        .invite(&other)
        .expect("invited")
        .link;
    let late = unconfirmed(&mut world, "Inès").await;
    let channel = world.thread(nurse, "Mme Durand", &[late]).await;
    world.devices[late].go_offline();
    world.advance(30 * DAY);
    somebody_acts(&mut world).await;
    world.devices[late].go_online();
    turn(&mut world, 50).await;
    // A link that is no more is refused, and changes nothing.
    let device = world.devices[late].device();
    let engine = &mut world.devices[late].engine;
    assert_eq!(*engine.enrolment(), Enrolment::Lapsed);
    engine.join(&other, None).expect("tried");
    turn(&mut world, 50).await;
    let engine = &world.devices[late].engine;
    assert_eq!(*engine.enrolment(), Enrolment::Lapsed);
    assert_eq!(engine.troubles(), [Trouble::Lapsed]);
    assert_eq!(world.devices[late].device(), device);
    assert_eq!(state(&world, late, channel), ThreadState::Joined);

    world.devices[0].go_online();
    world.settle().await;
    let coordinator = &mut world.devices[0].engine;
    coordinator.revoke_device(device).expect("revoked");
    turn(&mut world, 50).await;
    world.advance(HOUR);
    turn(&mut world, 50).await;
    let engine = &world.devices[late].engine;
    assert_eq!(engine.troubles(), [Trouble::Wiped]);
    assert!(matches!(engine.threads(), Err(Error::NotEnrolled)));
}

/// Of a world that does not rest.
async fn turn(world: &mut World, times: usize) {
    for _ in 0..times {
        world.turn().await;
        world.advance(500);
    }
}

#[tokio::test]
async fn a_circle_whose_only_manager_is_gone_is_led_on_by_a_contributor() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Luc").await;
    let late = unconfirmed(&mut world, "Inès").await;
    let channel = world.thread(late, "Mme Durand", &[nurse]).await;
    let add = |world: &mut World| {
        let new = NewMember::care_team(world.devices[doctor].professional());
        world.devices[nurse].engine.add_member(channel, &new)
    };
    add(&mut world).expect_err("a contributor changes nothing while there is a manager");
    world.devices[late].go_offline();
    world.advance(8 * DAY);
    world.settle().await;
    let mut lead = NewMember::care_team(world.devices[nurse].professional());
    lead.role = ChannelRole::Manager;
    world.devices[nurse]
        .engine
        .add_member(channel, &lead)
        .expect("leads on");
    world.settle().await;
    add(&mut world).expect("a manager");
    world.settle().await;
    world.say(doctor, channel, "bien arrivé");
    world.settle().await;
    assert_eq!(world.texts(nurse, channel), ["bien arrivé"]);
}

// proves: M10
#[tokio::test]
async fn a_change_of_role_is_told_to_everybody() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    let person = world.devices[nurse].professional();
    let mut wanted = Vec::new();
    for (role, text) in [
        (ChannelRole::Manager, "manager"),
        (ChannelRole::Reader, "reader"),
        (ChannelRole::Contributor, "contributor"),
    ] {
        let mut changed = NewMember::care_team(person);
        changed.role = role;
        let manager = &mut world.devices[0].engine;
        manager.add_member(channel, &changed).expect("changed");
        world.settle().await;
        wanted.push(text.to_owned());
    }
    for who in [0, nurse] {
        let items = world.timeline(who, channel).into_iter();
        let told = items.filter_map(|item| match item.body {
            TimelineBody::Notice {
                kind,
                subject,
                detail,
            } if kind == "role" && subject == person => Some(detail),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), wanted, "{who}");
    }
}

#[tokio::test]
async fn the_last_manager_neither_gets_an_end_nor_another_role_by_mistake() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    let me = world.devices[0].professional();
    let end = world.now_ms() + DAY;
    let mut ending = NewMember::care_team(me);
    ending.role = ChannelRole::Manager;
    ending.expires_at_ms = Some(end);
    let mut lesser = NewMember::care_team(me);
    for mistake in [&ending, &lesser] {
        let refused = world.devices[0].engine.add_member(channel, mistake);
        assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
    }
    // With somebody else who manages for good, both are a decision.
    world.promote(0, channel, nurse);
    world.settle().await;
    lesser.expires_at_ms = Some(end);
    for wish in [&ending, &lesser] {
        let engine = &mut world.devices[0].engine;
        engine.add_member(channel, wish).expect("wanted");
        world.settle().await;
    }
    let members = world.devices[nurse]
        .engine
        .members(channel)
        .expect("members");
    let mine = members.iter().find(|member| member.professional == me);
    let mine = mine.map(|member| (member.role, member.expires_at_ms));
    assert_eq!(mine, Some((ChannelRole::Contributor, Some(end))));
}

#[tokio::test]
async fn what_failed_in_a_thread_that_is_closed_here_cannot_be_tried_again() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Denis").await;
    let channel = world.thread(0, "Suivi", &[nurse]).await;
    world.promote(0, channel, nurse);
    world.settle().await;
    world.devices[nurse].go_offline();
    world.add(nurse, channel, doctor);
    world.remove(0, channel, nurse);
    world.settle().await;
    world.devices[nurse].go_online();
    world.settle().await;
    let engine = &mut world.devices[nurse].engine;
    let failed = engine.failed_acts().expect("failed").remove(0);
    assert_eq!(failed.act, "members");
    let tried = engine.retry(failed.number);
    assert!(matches!(tried, Err(relais_core::Error::NotAllowed(_))));
    // It is still there to be let go of, and nothing waits for ever.
    assert_eq!(engine.sync_state().expect("state").waiting, 0);
    engine.discard(failed.number).expect("discarded");
    assert!(engine.failed_acts().expect("failed").is_empty());
}

#[tokio::test]
async fn who_was_removed_before_a_photo_was_sent_whole_finishes_it() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.settle().await;
    world.devices[nurse].faults.drop_requests(usize::MAX);
    let engine = &mut world.devices[nurse].engine;
    engine
        .send_photo(
            channel,
            &photo(),
            "Escarre",
            "sacrum",
            Laterality::Midline,
            None,
        )
        .expect("photo");
    for _ in 0..100 {
        world.turn().await;
        world.advance(100);
        if world.original(0, channel).is_some() {
            break;
        }
    }
    world.remove(0, channel, nurse);
    for _ in 0..100 {
        world.turn().await;
        world.advance(100);
        if state(&world, nurse, channel) == ThreadState::Removed {
            break;
        }
    }
    assert_ne!(world.original(0, channel), Some(BlobState::Here));
    world.devices[nurse].faults.drop_requests(0);
    for _ in 0..5 {
        world.settle().await;
        world.advance(60_000);
    }
    assert_eq!(state(&world, nurse, channel), ThreadState::Removed);
    assert_eq!(world.original(0, channel), Some(BlobState::Here));
}
