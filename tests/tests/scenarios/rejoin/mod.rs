//! No device stays in a dead end: whatever was lost, it comes back to its threads by
//! itself, and nothing that anybody wrote is lost or said twice.

mod past;
mod reboot;

use relais_core::engine::Trouble;
use relais_core::query::{EventState, ThreadState};
use relais_tests::world::{Cut, StoreKind, Who, World};
use relais_wire::ids::ChannelId;
use relais_wire::v1::server_frame::Frame;
use relais_wire::v1::{
    CaughtUp, ChannelCursor, GroupState, LogHead, ServerFrame, Trimmed, caught_up, delivery, group,
};

/// Turns in which a device that is refused gives up coming back: it waits longer each time.
const UNTIL_GIVEN_UP: usize = 6_000;

async fn trio() -> (World, Who, Who, ChannelId) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    world.say(nurse, channel, "avant");
    world.settle().await;
    (world, nurse, doctor, channel)
}

fn state(world: &World, who: Who, channel: ChannelId) -> ThreadState {
    let thread = world.devices[who].engine.thread(channel).expect("thread");
    thread.state
}

/// The device's MLS state of the channel is gone.
pub(crate) fn lose_group(world: &mut World, who: Who, channel: ChannelId) {
    let now = world.now_ms();
    world.devices[who].go_offline();
    world.devices[who].edit_database(now, |db| {
        // A row's key names the group by the numbers of its bytes.
        let id = channel.0.map(|byte| byte.to_string()).join(",");
        let group = "DELETE FROM mls WHERE instr(CAST(key AS TEXT), ?1) > 0";
        assert!(db.execute(group, [id]).expect("deleted") > 0);
    });
}

/// The device cannot decrypt what commits of others tell it, as if their path
/// secrets were garbage.
fn lose_path_keys(world: &mut World, who: Who) {
    let now = world.now_ms();
    world.devices[who].go_offline();
    world.devices[who].edit_database(now, |db| {
        let keys = "DELETE FROM mls WHERE CAST(key AS TEXT) LIKE 'EpochKeyPairs%'";
        assert!(db.execute(keys, []).expect("deleted") > 0);
    });
}

/// The server trims the channel before the device reads on.
fn trim(world: &mut World, who: Who, channel: ChannelId) {
    let mut trimmed = false;
    world.devices[who].faults.rewrite(move |frame| match frame {
        Frame::Delivery(d) if !trimmed && of_channel(&d.item, channel) => None,
        Frame::CaughtUp(CaughtUp {
            log: Some(caught_up::Log::Channel(cursor)),
        }) if !trimmed && cursor.channel_id == channel.to_bytes() => {
            trimmed = true;
            let log = caught_up::Log::Trimmed(Trimmed {
                channel_id: channel.to_bytes(),
                head: Some(LogHead::default()),
            });
            Some(Frame::CaughtUp(CaughtUp { log: Some(log) }))
        }
        frame => Some(frame),
    });
}

fn of_channel(item: &Option<delivery::Item>, channel: ChannelId) -> bool {
    matches!(item, Some(delivery::Item::Channel(e)) if e.channel_id == channel.to_bytes())
}

/// Everybody writes and is read by everybody.
async fn goes_on(world: &mut World, channel: ChannelId, people: &[Who]) {
    for who in people {
        let text = format!("{who} écrit encore");
        world.say(*who, channel, &text);
        world.settle().await;
        for reader in people {
            let texts = world.texts(*reader, channel);
            assert_eq!(
                texts.iter().filter(|t| **t == text).count(),
                1,
                "{reader}: {texts:?}"
            );
        }
    }
    for who in people {
        assert_eq!(state(world, *who, channel), ThreadState::Joined);
    }
}

fn came_back(world: &World, who: Who, channel: ChannelId) -> usize {
    let notices = world.notices(who, channel);
    notices.iter().filter(|n| *n == "rejoined").count()
}

#[tokio::test]
async fn a_device_whose_log_was_trimmed_comes_back_and_keeps_what_it_had() {
    let (mut world, nurse, doctor, channel) = trio().await;
    world.devices[nurse].go_offline();
    world.say(doctor, channel, "pendant son absence");
    world.settle().await;
    trim(&mut world, nurse, channel);
    world.say(nurse, channel, "écrit hors ligne");
    world.devices[nurse].go_online();
    world.settle().await;
    for who in [0, nurse, doctor] {
        assert_eq!(came_back(&world, who, channel), 1);
    }
    // What was trimmed for it, a colleague has.
    let expected = ["avant", "pendant son absence", "écrit hors ligne"];
    assert_eq!(world.texts(doctor, channel), expected);
    assert_eq!(world.texts(nurse, channel), expected);
    world.devices[nurse].faults.tell_the_truth();
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

#[tokio::test]
async fn a_device_that_lost_its_encryption_state_comes_back_once_it_writes_or_reads() {
    for writes in [true, false] {
        let (mut world, nurse, doctor, channel) = trio().await;
        lose_group(&mut world, nurse, channel);
        let writer = if writes { nurse } else { doctor };
        world.say(writer, channel, "après la perte");
        world.settle().await;
        world.devices[nurse].go_online();
        world.settle().await;
        assert_eq!(came_back(&world, doctor, channel), 1);
        assert_eq!(world.texts(doctor, channel), ["avant", "après la perte"]);
        goes_on(&mut world, channel, &[0, nurse, doctor]).await;
    }
}

// proves: D4
#[tokio::test]
async fn a_commit_that_only_its_author_can_process_is_healed_by_coming_back() {
    let (mut world, nurse, doctor, channel) = trio().await;
    for who in [nurse, doctor] {
        lose_path_keys(&mut world, who);
        world.devices[who].go_online();
    }
    world.promote(0, channel, nurse);
    world.settle().await;
    assert_eq!(came_back(&world, 0, channel), 2);
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
    let members = world.devices[doctor]
        .engine
        .members(channel)
        .expect("members");
    let managers = members
        .iter()
        .filter(|m| m.role == relais_wire::v1::ChannelRole::Manager);
    assert_eq!(managers.count(), 2);
}

#[tokio::test]
async fn a_welcome_that_cannot_be_opened_is_replaced_by_an_external_commit() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let now = world.now_ms();
    world.devices[nurse].go_offline();
    world.devices[nurse].edit_database(now, |db| {
        db.execute("DELETE FROM mls", [])
            .expect("key packages lost");
    });
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.devices[nurse].go_online();
    world.settle().await;
    assert_eq!(came_back(&world, 0, channel), 1);
    goes_on(&mut world, channel, &[0, nurse]).await;
}

#[tokio::test]
async fn a_device_that_lost_the_thread_itself_finds_it_on_the_servers_list() {
    let (mut world, nurse, doctor, channel) = trio().await;
    world.devices[nurse].go_offline();
    let now = world.now_ms();
    world.devices[nurse].edit_database(now, |db| {
        for table in ["channels", "mls", "events", "notices", "rosters", "entries"] {
            db.execute(&format!("DELETE FROM {table}"), [])
                .expect("deleted");
        }
    });
    world.say(doctor, channel, "où es-tu ?");
    world.devices[nurse].go_online();
    world.settle().await;
    assert_eq!(came_back(&world, doctor, channel), 1);
    // Its event counter goes on where the server knows it.
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

#[tokio::test]
async fn a_device_that_the_server_counted_out_by_mistake_comes_back() {
    let (mut world, nurse, doctor, channel) = trio().await;
    let mut closed = false;
    world.devices[nurse].go_offline();
    world.devices[nurse]
        .faults
        .rewrite(move |frame| match frame {
            Frame::CaughtUp(CaughtUp {
                log: Some(caught_up::Log::Channel(cursor)),
            }) if !closed => {
                closed = true;
                let log = caught_up::Log::Closed(ChannelCursor { ..cursor });
                Some(Frame::CaughtUp(CaughtUp { log: Some(log) }))
            }
            frame => Some(frame),
        });
    world.devices[nurse].go_online();
    world.settle().await;
    assert_eq!(came_back(&world, doctor, channel), 1);
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

#[tokio::test]
async fn what_was_in_flight_when_the_state_was_lost_is_said_once() {
    let (mut world, nurse, doctor, channel) = trio().await;
    // It reaches the server, the answer and the log's entry do not come back.
    world.devices[nurse].faults.rewrite(|frame| match frame {
        Frame::Answer(_) | Frame::Delivery(_) => None,
        frame => Some(frame),
    });
    for text in ["un", "deux"] {
        world.say(nurse, channel, text);
    }
    for _ in 0..10 {
        world.turn().await;
    }
    assert_eq!(world.texts(doctor, channel), ["avant", "un", "deux"]);
    world.devices[nurse].go_offline();
    world.say(nurse, channel, "trois");
    trim(&mut world, nurse, channel);
    world.devices[nurse].go_online();
    world.settle().await;
    assert_eq!(
        world.texts(doctor, channel),
        ["avant", "un", "deux", "trois"]
    );
    // Their place is where a colleague's archive shows it.
    assert_eq!(world.texts(nurse, channel), world.texts(doctor, channel));
    let items = world.timeline(nurse, channel);
    let sent = |state: &EventState| matches!(state, EventState::Sent { .. });
    assert!(items.iter().all(|item| sent(&item.state)));
    world.devices[nurse].faults.tell_the_truth();
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

#[tokio::test]
async fn it_may_be_killed_after_any_frame_on_its_way_back() {
    let (mut world, nurse, doctor, channel) = trio().await;
    for kill_after in 0..9 {
        lose_group(&mut world, nurse, channel);
        let text = format!("perdu {kill_after}");
        world.say(nurse, channel, &text);
        world.devices[nurse].go_online();
        world.devices[nurse].pause_after(kill_after);
        for _ in 0..30 {
            world.turn().await;
        }
        world.crash(nurse);
        world.devices[nurse].go_on();
        // A day's attempts are not what is tried here.
        world.advance(25 * 3_600_000);
        world.settle().await;
        let texts = world.texts(doctor, channel);
        assert_eq!(texts.iter().filter(|t| **t == text).count(), 1, "{texts:?}");
    }
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

#[tokio::test]
async fn its_connection_may_be_cut_at_any_byte_on_its_way_back() {
    let (mut world, nurse, doctor, channel) = trio().await;
    for at in (0..30_000).step_by(3_001) {
        lose_group(&mut world, nurse, channel);
        let text = format!("coupé {at}");
        world.say(nurse, channel, &text);
        world.devices[nurse].faults.cut_next(Cut {
            sent: usize::MAX,
            received: at,
        });
        world.devices[nurse].go_online();
        world.advance(25 * 3_600_000);
        world.settle().await;
        let texts = world.texts(doctor, channel);
        assert_eq!(texts.iter().filter(|t| **t == text).count(), 1, "{texts:?}");
    }
}

#[tokio::test]
async fn two_devices_come_back_at_once_while_a_third_writes() {
    let (mut world, nurse, doctor, channel) = trio().await;
    for who in [nurse, doctor] {
        lose_group(&mut world, who, channel);
        world.say(who, channel, &format!("de {who}"));
        world.devices[who].go_online();
    }
    for number in 0..20 {
        world.say(0, channel, &format!("message {number}"));
        world.turn().await;
    }
    world.settle().await;
    assert_eq!(came_back(&world, 0, channel), 2);
    assert_eq!(world.texts(0, channel).len(), 1 + 2 + 20);
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

// proves: M2
#[tokio::test]
async fn a_removed_person_does_not_come_back() {
    let (mut world, nurse, doctor, channel) = trio().await;
    world.hostile = true;
    world.remove(0, channel, nurse);
    world.settle().await;
    assert_eq!(state(&world, nurse, channel), ThreadState::Removed);
    world.devices[nurse]
        .engine
        .rejoin_thread(channel)
        .expect("asked");
    world.settle_within(UNTIL_GIVEN_UP).await;
    let ThreadState::Stopped(_) = state(&world, nurse, channel) else {
        panic!("{:?}", state(&world, nurse, channel));
    };
    let stopped = [Trouble::ChannelStopped(channel)];
    assert_eq!(world.devices[nurse].engine.troubles(), stopped);
    assert_eq!(came_back(&world, doctor, channel), 0);
    goes_on(&mut world, channel, &[0, doctor]).await;
}

/// The server answers the nurse's question for the group with that other answer.
async fn shown(world: &mut World, who: Who, channel: ChannelId, told: GroupState) {
    world.hostile = true;
    lose_group(world, who, channel);
    world.say(who, channel, "perdu");
    world.devices[who].faults.rewrite(move |frame| match frame {
        Frame::Group(mut group) => {
            group.result = Some(group::Result::State(told.clone()));
            Some(Frame::Group(group))
        }
        frame => Some(frame),
    });
    world.devices[who].go_online();
    world.settle_within(UNTIL_GIVEN_UP).await;
}

/// What the server last told `who` of a channel's group.
fn last_group(world: &World, who: Who, channel: ChannelId) -> GroupState {
    use prost::Message;
    let frames = world.devices[who].received.iter().rev();
    let told = frames.filter_map(|bytes| ServerFrame::decode(bytes.clone()).ok()?.frame);
    let mut states = told.filter_map(|frame| match frame {
        Frame::Group(group) if group.channel_id == channel.to_bytes() => group.result,
        _ => None,
    });
    match states.next() {
        Some(group::Result::State(state)) => state,
        other => panic!("no group was told: {other:?}"),
    }
}

async fn comes_back(world: &mut World, who: Who, channel: ChannelId) {
    lose_group(world, who, channel);
    world.say(who, channel, "je reviens");
    world.devices[who].go_online();
    world.settle().await;
}

// proves: M2
#[tokio::test]
async fn a_group_that_is_over_or_of_another_thread_is_not_entered() {
    let (mut world, nurse, doctor, channel) = trio().await;
    let other = world.thread(0, "M. Petit", &[nurse]).await;
    comes_back(&mut world, nurse, other).await;
    let foreign = last_group(&world, nurse, other);
    comes_back(&mut world, nurse, channel).await;
    let over = last_group(&world, nurse, channel);
    // Another number beside it does not make it another group.
    let renumbered = GroupState {
        incarnation: over.incarnation + 1,
        ..over.clone()
    };
    for told in [over, foreign, renumbered] {
        shown(&mut world, nurse, channel, told).await;
        let stopped = state(&world, nurse, channel);
        assert!(matches!(stopped, ThreadState::Stopped(_)), "{stopped:?}");
        let trouble = [Trouble::ChannelStopped(channel)];
        assert_eq!(world.devices[nurse].engine.troubles(), trouble);
        world.devices[nurse].faults.tell_the_truth();
        let engine = &mut world.devices[nurse].engine;
        engine.rejoin_thread(channel).expect("asked");
        world.settle().await;
        assert_eq!(world.devices[nurse].engine.troubles(), []);
    }
    goes_on(&mut world, channel, &[0, nurse, doctor]).await;
}

// proves: M2
#[tokio::test]
async fn an_external_commit_of_somebody_whom_the_roster_does_not_name_stops_the_thread() {
    let (mut world, nurse, doctor, channel) = trio().await;
    world.hostile = true;
    // As if a lying server had let a stranger in: the doctor's roster has no nurse.
    let gone = world.devices[nurse].professional();
    let now = world.now_ms();
    world.devices[doctor].go_offline();
    world.devices[doctor].edit_database(now, |db| {
        use prost::Message;
        use relais_wire::roster::{CheckedRoster, sign_roster};
        let bytes: Vec<u8> = db
            .query_row(
                "SELECT signed FROM rosters ORDER BY version DESC",
                [],
                |r| r.get(0),
            )
            .expect("roster");
        let signed = relais_wire::v1::SignedRoster::decode(bytes.as_slice()).expect("roster");
        let roster = CheckedRoster::read(&signed).expect("roster");
        let mut members = roster.members.clone();
        members.remove(&gone);
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let next = sign_roster(channel, Some(&roster), &members, 1, roster.device, &key);
        db.execute(
            "INSERT INTO rosters (channel, version, signed) VALUES (?1, ?2, ?3)",
            (channel.0, roster.version + 1, next.encode_to_vec()),
        )
        .expect("inserted");
    });
    lose_group(&mut world, nurse, channel);
    world.say(nurse, channel, "intruse");
    world.devices[nurse].go_online();
    world.devices[doctor].go_online();
    world.settle().await;
    let ThreadState::Stopped(reason) = state(&world, doctor, channel) else {
        panic!("{:?}", state(&world, doctor, channel));
    };
    // By the nurse's own commit, or by another one that finds her leaf in the group.
    let rules = ["not a member", "leaf outside the roster"];
    assert!(rules.contains(&reason.as_str()), "{reason}");
    // By rule: it does not come back by itself, whatever time passes.
    world.advance(25 * 3_600_000);
    world.crash(doctor);
    world.settle().await;
    assert!(matches!(
        state(&world, doctor, channel),
        ThreadState::Stopped(_)
    ));
}
