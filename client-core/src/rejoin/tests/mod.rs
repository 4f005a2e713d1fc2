//! The pace of coming back, and what is remembered meanwhile. That devices do come back is
//! shown by the scenarios.

mod group;
mod listing;

use prost::Message;
use relais_wire::v1::{ClientFrame, GroupState};
use relais_wire::{RefusalCode, limits};
use rusqlite::Connection;

use super::*;
use crate::testing::{BEGUN, CHANNEL, put, read};

const A_DAY_MS: u64 = 86_400_000;

fn engine() -> Engine {
    let db = Connection::open_in_memory().expect("database");
    Engine::open(db, BEGUN).expect("engine")
}

/// A channel that comes back.
fn returning(joined: u64, cursor: u64) -> Engine {
    let mut engine = engine();
    put(&engine, CHANNEL, "joined", joined, cursor);
    engine.begin_rejoin(CHANNEL, "lost", 0).expect("begun");
    engine
}

fn next_ms(engine: &Engine) -> u64 {
    read(engine, "SELECT next_ms FROM rejoins")
}

fn state(engine: &Engine) -> Option<String> {
    let row = engine.channel_row(CHANNEL).expect("read");
    row.map(|row| row.state)
}

/// Channels whose group is asked for now.
fn asked(engine: &mut Engine) -> Vec<ChannelId> {
    engine.pump_rejoins().expect("pumped");
    let frames = engine.take_frames().into_iter();
    let asked = frames.filter_map(|frame| match ClientFrame::decode(frame).ok()?.frame? {
        client_frame::Frame::AskGroup(ask) => ChannelId::try_from(&ask.channel_id).ok(),
        _ => None,
    });
    asked.collect()
}

#[test]
fn attempts_are_counted_by_the_day_and_put_off_ever_longer_up_to_an_hour() {
    let mut engine = engine();
    let row = "INSERT INTO rejoins (channel, since_ms, next_ms, was_out) VALUES (?1, ?2, ?2, 0)";
    let row = engine.db.execute(row, params![CHANNEL.0, BEGUN]);
    row.expect("a pace");
    let mut pauses = Vec::new();
    for attempt in 1..=14 {
        engine.set_time(next_ms(&engine));
        let counted = engine.count_attempt(CHANNEL).expect("counted");
        assert_eq!(counted, attempt);
        pauses.push(next_ms(&engine) - engine.now_ms);
    }
    assert_eq!(pauses[..3], [2_000, 4_000, 8_000]);
    assert_eq!(pauses[10..], [2_048_000, 3_600_000, 3_600_000, 3_600_000]);
    engine.set_time(BEGUN + A_DAY_MS);
    assert_eq!(engine.count_attempt(CHANNEL).expect("counted"), 15);
    engine.set_time(BEGUN + A_DAY_MS + 1);
    assert_eq!(engine.count_attempt(CHANNEL).expect("counted"), 1);
    assert_eq!(next_ms(&engine) - engine.now_ms, 2_000);
    // The day begins anew with it.
    engine.set_time(BEGUN + 2 * A_DAY_MS);
    assert_eq!(engine.count_attempt(CHANNEL).expect("counted"), 2);
}

#[test]
fn who_was_outside_when_a_return_began_was_outside_until_it_is_over() {
    for (before, was_out) in [("removed", true), ("joined", false), ("stopped", false)] {
        let mut engine = engine();
        put(&engine, CHANNEL, before, 3, 9);
        for _ in 0..3 {
            engine.begin_rejoin(CHANNEL, "again", 0).expect("begun");
            assert_eq!(engine.was_out(CHANNEL).expect("read"), was_out, "{before}");
        }
    }
    assert!(!engine().was_out(CHANNEL).expect("nothing is known of it"));
}

#[test]
fn what_was_in_flight_in_a_channel_waits_again_and_is_not_sent_as_it_was() {
    let mut engine = engine();
    let other = ChannelId([6; 16]);
    for (id, channel, kind) in [
        (1, CHANNEL, "sent"),
        (2, CHANNEL, "failed"),
        (3, other, "sent"),
    ] {
        let intent = "INSERT INTO intents (id, channel, kind, payload, state, created_ms)
                      VALUES (?1, ?2, 'event', x'', ?3, 1)";
        let row = params![id, channel.0, kind];
        engine.db.execute(intent, row).expect("intent");
        let send = "INSERT INTO sends (counter, intent, channel, bytes, payload_hash)
                    VALUES (?1, ?1, ?2, x'', x'')";
        engine
            .db
            .execute(send, params![id, channel.0])
            .expect("send");
    }
    engine.recall_sends(CHANNEL).expect("recalled");
    let states = "SELECT group_concat(state, ' ') FROM (SELECT state FROM intents ORDER BY id)";
    assert_eq!(read::<String>(&engine, states), "waiting failed sent");
    let live = "SELECT group_concat(live, ' ') FROM (SELECT live FROM sends ORDER BY counter)";
    assert_eq!(read::<String>(&engine, live), "0 0 1");
    assert_eq!(engine.link.in_flight, 1);
}

#[test]
fn a_group_is_asked_for_when_it_is_due_and_four_at_a_time() {
    let mut engine = engine();
    let channels: Vec<_> = (1..=7).map(|number| ChannelId([number; 16])).collect();
    // Put into this state by a device that came back with other keys.
    for channel in &channels {
        put(&engine, *channel, "rejoin", 3, 9);
    }
    let first = asked(&mut engine);
    assert_eq!(first, channels[..4]);
    assert_eq!(asked(&mut engine), []);
    // An answer makes room, and a return that is staged takes it.
    engine.link.asked.clear();
    let staged = "INSERT INTO sends (counter, intent, channel, bytes, payload_hash)
                  SELECT id, id, channel, x'', x'' FROM intents WHERE channel IN (?1, ?2)";
    let staged = engine.db.execute(staged, [channels[0].0, channels[1].0]);
    assert_eq!(staged.expect("staged"), 2);
    assert_eq!(asked(&mut engine), channels[2..4]);

    let mut engine = returning(3, 9);
    engine.rejoin_later(CHANNEL).expect("later");
    assert_eq!(asked(&mut engine), []);
    let due = next_ms(&engine);
    assert_eq!(engine.link.rejoin_at_ms, Some(due));
    engine.set_time(due - 1);
    assert_eq!(asked(&mut engine), []);
    engine.set_time(due);
    assert_eq!(asked(&mut engine), [CHANNEL]);
    assert_eq!(engine.link.rejoin_at_ms, None);
}

#[test]
fn a_group_that_comes_while_nothing_may_be_sent_is_no_attempt() {
    let attempts = "SELECT attempts FROM rejoins";
    let ready = || {
        let mut engine = returning(3, 9);
        engine.link.structure_caught_up = true;
        engine.link.to_resend = Some(Default::default());
        engine.link.in_flight = limits::IN_FLIGHT - 1;
        engine.hold_until_ms = engine.now_ms;
        engine
    };
    let nothing = GroupState::default();
    let mut engine = ready();
    engine.enter(CHANNEL, &nothing).expect("tried");
    assert_eq!(read::<u32>(&engine, attempts), 1);
    let not_yet: [fn(&mut Engine); 4] = [
        |engine| engine.link.structure_caught_up = false,
        |engine| engine.link.to_resend = None,
        |engine| engine.link.in_flight = limits::IN_FLIGHT,
        |engine| engine.hold_until_ms = engine.now_ms + 1,
    ];
    for (number, make) in not_yet.into_iter().enumerate() {
        let mut engine = ready();
        make(&mut engine);
        engine.enter(CHANNEL, &nothing).expect("put off");
        assert_eq!(read::<u32>(&engine, attempts), 0, "{number}");
        assert!(next_ms(&engine) > engine.now_ms, "{number}");
    }
}

#[test]
fn whoever_was_slower_tries_again_within_a_second_and_not_all_at_once() {
    let mut engine = returning(3, 9);
    let mut pauses = Vec::new();
    for _ in 0..200 {
        engine.rejoin_later(CHANNEL).expect("later");
        pauses.push(next_ms(&engine) - engine.now_ms);
    }
    assert!(pauses.iter().all(|pause| (100..1_000).contains(pause)));
    assert!(pauses.iter().any(|pause| *pause < 400));
    assert!(pauses.iter().any(|pause| *pause > 600));
}

#[test]
fn a_refusal_counts_unless_somebody_else_was_faster() {
    let attempts = "SELECT attempts FROM rejoins";
    for (code, counted) in [
        (RefusalCode::WrongEpoch, 0),
        (RefusalCode::StaleStructure, 0),
        (RefusalCode::StaleSendCounter, 0),
        (RefusalCode::TooManyRequests, 0),
        (RefusalCode::Forbidden, 1),
        (RefusalCode::RuleBroken, 1),
    ] {
        let mut engine = returning(3, 9);
        let intent = engine.comeback(CHANNEL).expect("read").expect("an intent");
        let sent = "UPDATE intents SET state = 'sent' WHERE id = ?1";
        engine.db.execute(sent, [intent.id]).expect("sent");
        engine
            .rejoin_refused(CHANNEL, intent.id, code, "why")
            .expect("refused");
        assert_eq!(read::<u32>(&engine, attempts), counted, "{code:?}");
        assert!(next_ms(&engine) > engine.now_ms, "{code:?}");
        let intent = engine.comeback(CHANNEL).expect("read").expect("an intent");
        assert!(!intent.sent, "{code:?}");
    }
}

#[test]
fn the_eighth_failure_of_a_day_stops_the_channel() {
    let mut engine = returning(3, 9);
    for attempt in 1..=8 {
        assert_eq!(state(&engine).as_deref(), Some("rejoin"), "{attempt}");
        engine.rejoin_failed(CHANNEL, "not now").expect("failed");
    }
    assert_eq!(state(&engine).as_deref(), Some("stopped"));
    assert!(engine.comeback(CHANNEL).expect("read").is_none());
}

#[test]
fn whoever_is_not_let_in_forgets_only_what_was_never_read() {
    for (joined, cursor, known) in [(0, 0, false), (0, 9, true), (3, 0, true), (3, 9, true)] {
        let mut engine = returning(joined, cursor);
        engine.link.asked.insert(CHANNEL);
        engine.not_let_in(CHANNEL).expect("answered");
        assert_eq!(state(&engine).is_some(), known, "{joined} {cursor}");
        let waits = engine.comeback(CHANNEL).expect("read").is_some();
        assert_eq!(waits, known, "{joined} {cursor}");
        assert_eq!(engine.link.asked.contains(&CHANNEL), known);
    }
}

#[test]
fn whoever_was_outside_stays_so_where_the_server_had_forgotten_it() {
    let rolled_back = "INSERT INTO rollbacks (channel, seq, at_ms, events) VALUES (?1, 4, 1, 2)";
    let other_life = "UPDATE channels SET life = 7 WHERE channel = ?1";
    for (before, forgot, becomes) in [
        ("removed", Some(rolled_back), "removed"),
        ("removed", Some(other_life), "removed"),
        ("removed", None, "rejoin"),
        ("joined", Some(rolled_back), "rejoin"),
    ] {
        let mut engine = engine();
        put(&engine, CHANNEL, before, 3, 9);
        engine.begin_rejoin(CHANNEL, "lost", 0).expect("begun");
        if let Some(forgot) = forgot {
            engine.db.execute(forgot, [CHANNEL.0]).expect("forgot");
        }
        engine.not_let_in(CHANNEL).expect("answered");
        assert_eq!(
            state(&engine).as_deref(),
            Some(becomes),
            "{before} {forgot:?}"
        );
    }
}

/// A channel at an epoch, which the server refuses.
fn doubtful(now_ms: u64) -> Engine {
    let mut engine = engine();
    put(&engine, CHANNEL, "joined", 3, 9);
    engine.set_time(now_ms);
    engine.doubt_epoch(CHANNEL).expect("doubted");
    engine
}

#[test]
fn a_refused_epoch_is_come_back_from_where_the_log_does_not_end_it_in_time() {
    let now = BEGUN + 7;
    assert_eq!(engine().link.doubts.next_ms(), None);
    let mut engine = doubtful(now);
    let due = engine.link.doubts.next_ms().expect("looked at");
    assert_eq!(due, now + 20_000);
    // Another refusal of the same does not put it off.
    engine.set_time(now + 5_000);
    engine.doubt_epoch(CHANNEL).expect("doubted");
    assert_eq!(engine.link.doubts.next_ms(), Some(due));
    engine.set_time(due - 1);
    engine.settle_doubts().expect("looked at");
    assert_eq!(state(&engine).as_deref(), Some("joined"));
    assert_eq!(engine.link.doubts.next_ms(), Some(due));
    engine.set_time(due);
    engine.settle_doubts().expect("looked at");
    assert_eq!(state(&engine).as_deref(), Some("rejoin"));
    assert_eq!(engine.link.doubts.next_ms(), None);
}

#[test]
fn a_refused_epoch_that_is_over_is_nothing_to_come_back_from() {
    for over in [
        "UPDATE channels SET epoch = 1",
        "UPDATE channels SET incarnation = 1",
        "UPDATE channels SET state = 'removed'",
        // Its log is compared first: the server began a new life.
        "UPDATE channels SET life = 7",
    ] {
        let mut engine = doubtful(BEGUN);
        engine.db.execute(over, []).expect("over");
        let before = state(&engine);
        engine.set_time(BEGUN + 20_000);
        engine.settle_doubts().expect("looked at");
        assert_eq!(state(&engine), before, "{over}");
        assert_eq!(engine.link.doubts.next_ms(), None, "{over}");
    }
    // What waits to be read may end it.
    let mut engine = doubtful(BEGUN);
    let entry = relais_wire::v1::ChannelEntry::default();
    engine.waiting.entry(CHANNEL).or_default().push_back(entry);
    engine.set_time(BEGUN + 20_000);
    engine.settle_doubts().expect("looked at");
    assert_eq!(state(&engine).as_deref(), Some("joined"));
    assert_eq!(engine.link.doubts.next_ms(), Some(BEGUN + 40_000));
    engine.waiting.entry(CHANNEL).or_default().clear();
    engine.set_time(BEGUN + 40_000);
    engine.settle_doubts().expect("looked at");
    assert_eq!(state(&engine).as_deref(), Some("rejoin"));
}

#[test]
fn what_should_stand_where_this_device_has_read_and_does_not_shows_another_log() {
    for (seq, life, becomes) in [
        (8, 0, "rejoin"),
        (9, 0, "rejoin"),
        (10, 0, "joined"),
        (8, 7, "joined"),
    ] {
        let mut engine = engine();
        put(&engine, CHANNEL, "joined", 3, 9);
        let sql = "UPDATE channels SET life = ?1";
        engine.db.execute(sql, [life]).expect("life");
        engine.check_place(CHANNEL, seq).expect("checked");
        assert_eq!(state(&engine).as_deref(), Some(becomes), "{seq} {life}");
    }
    let mut engine = engine();
    put(&engine, CHANNEL, "removed", 3, 9);
    engine.check_place(CHANNEL, 8).expect("checked");
    assert_eq!(state(&engine).as_deref(), Some("removed"));
}
