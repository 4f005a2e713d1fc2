//! Hostile parties: a member who sends what does not hold, somebody without
//! rights who speaks the protocol perfectly. Nobody else's thread or connection is
//! affected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::SinkExt as _;
use relais_core::engine::Trouble;
use relais_core::query::ThreadState;
use relais_tests::lies::Lie;
use relais_tests::member::{Raw, stranger};
use relais_tests::world::{StoreKind, World};
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{
    AppendCommit, AppendMessage, CaughtUp, ChannelCursor, Refusal, Subscribe, answer, caught_up,
    client_frame, delivery, send, server_frame, subscribe,
};
use tokio_tungstenite::tungstenite::Message;

/// What of a waiting event is falsified.
fn flip(signed: &mut [u8], at: usize) {
    signed[at] ^= 1;
}

async fn poisoned(at: fn(&[u8]) -> usize) {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "avant");
    world.settle().await;
    world.devices[nurse].go_offline();
    world.say(nurse, channel, "falsifié");
    let now = world.now_ms();
    world.devices[nurse].edit_database(now, |db| {
        let (id, mut signed): (i64, Vec<u8>) = db
            .query_row(
                "SELECT id, payload FROM intents WHERE kind = 'event'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .expect("waiting event");
        let position = at(&signed);
        flip(&mut signed, position);
        db.execute(
            "UPDATE intents SET payload = ?2 WHERE id = ?1",
            (id, signed),
        )
        .expect("falsified");
    });
    world.devices[nurse].go_online();
    world.settle().await;
    let state = world.devices[nurse].engine.sync_state().expect("state");
    assert_eq!(state.failed, 1, "its author sees that it failed");
    world.say(0, channel, "après");
    world.settle().await;
    for _ in 0..10 {
        world.crash(0);
        world.settle().await;
        assert_eq!(world.texts(0, channel), ["avant", "après"]);
    }
    let notices = world.notices(0, channel);
    assert_eq!(notices.iter().filter(|n| *n == "quarantined").count(), 1);
    let thread = world.devices[0].engine.thread(channel).expect("thread");
    assert_eq!(thread.state, ThreadState::Joined);
}

// proves: M9, M7
#[tokio::test]
async fn an_event_with_a_false_signature_is_quarantined_and_the_thread_goes_on() {
    poisoned(|signed| signed.len() - 1).await;
}

// proves: M9, M7
#[tokio::test]
async fn one_altered_character_of_a_signed_event_is_caught() {
    poisoned(|signed| {
        let text = "falsifié".as_bytes();
        let found = signed.windows(text.len()).position(|w| w == text);
        found.expect("the text is in the event")
    })
    .await;
}

// proves: W1
#[tokio::test]
async fn a_colleague_outside_the_circle_reads_and_writes_nothing_of_it() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let stranger = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "confidentiel");
    world.settle().await;
    let mut raw = Raw::connect(&mut world, stranger).await;
    raw.subscription_is_closed(channel).await;
    raw.subscription_is_closed(ChannelId([9; 16])).await;
    let message = AppendMessage {
        channel_id: channel.to_bytes(),
        incarnation: 0,
        epoch: 1,
        message: b"garbage".to_vec().into(),
    };
    let code = raw.refused(send::Operation::AppendMessage(message)).await;
    assert_ne!(code, RefusalCode::Unspecified);
    let commit = AppendCommit {
        channel_id: channel.to_bytes(),
        incarnation: 0,
        epoch: 1,
        commit: b"garbage".to_vec().into(),
        welcome: Default::default(),
        group_info: Default::default(),
    };
    let code = raw.refused(send::Operation::AppendCommit(commit)).await;
    assert_ne!(code, RefusalCode::Unspecified);
    // Nobody else noticed.
    world.say(0, channel, "tout va bien");
    world.settle().await;
    assert_eq!(world.texts(nurse, channel).len(), 2);
}

// proves: M8, W1
#[tokio::test]
async fn a_removed_device_that_asks_again_is_given_nothing_new() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let leaver = world.add_user("Luc").await;
    let channel = world.thread(0, "M. Petit", &[nurse, leaver]).await;
    world.remove(0, channel, leaver);
    world.settle().await;
    let last = world.devices[leaver]
        .engine
        .thread(channel)
        .expect("thread")
        .seq;
    world.say(nurse, channel, "sans lui");
    world.settle().await;
    let mut raw = Raw::connect(&mut world, leaver).await;
    raw.push(client_frame::Frame::Subscribe(Subscribe {
        log: Some(subscribe::Log::Channel(ChannelCursor {
            channel_id: channel.to_bytes(),
            after_seq: last,
        })),
    }))
    .await;
    match raw.next().await {
        server_frame::Frame::CaughtUp(c) => {
            assert!(matches!(c.log, Some(caught_up::Log::Closed(_))), "{c:?}");
        }
        other => panic!("a removed device was given {other:?}"),
    }
}

// proves: M7
#[tokio::test]
async fn a_fork_shows_with_the_first_message_across_it_and_stays_shown() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.devices[nurse].go_offline();
    // The nurse was shown another history: her message says so.
    let now = world.now_ms();
    let mut seen = Vec::new();
    let set_hash = |db: &rusqlite::Connection, hash: &[u8]| {
        db.execute("UPDATE channels SET cursor_hash = ?1", [hash])
            .expect("hash");
    };
    world.devices[nurse].edit_database(now, |db| {
        seen = db
            .query_row("SELECT cursor_hash FROM channels", [], |row| row.get(0))
            .expect("hash");
        set_hash(db, &[7; 32]);
    });
    world.say(nurse, channel, "d'une autre histoire");
    world.devices[nurse].edit_database(now, |db| set_hash(db, &seen));
    world.devices[nurse].go_online();
    world.settle().await;
    let forked = [Trouble::ChannelForked(channel)];
    assert_eq!(world.devices[0].engine.troubles(), forked);
    world.crash(0);
    assert_eq!(world.devices[0].engine.troubles(), forked);
}

// proves: I5
#[tokio::test]
async fn a_withheld_structure_entry_is_noticed_by_the_next_message_of_who_knows_it() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    // Her leaf is renewed: what she would commit would wait for the statements.
    world.advance(11_000);
    world.settle().await;
    world.devices[nurse].faults.lie(Lie::WithheldStructure);
    world.add_user("Luc").await;
    assert_eq!(world.devices[nurse].engine.troubles(), []);
    world.say(0, channel, "j'en sais plus");
    // What she would commit waits for the statements: the world does not rest.
    for _ in 0..200 {
        world.turn().await;
        world.advance(250);
    }
    let troubles = world.devices[nurse].engine.troubles();
    assert_eq!(troubles, [Trouble::StructureWithheld]);
    // An honest server again: the trouble is over.
    assert!(world.devices[nurse].faults.tell_the_truth() > 0);
    world.devices[nurse].go_offline();
    world.devices[nurse].go_online();
    world.settle().await;
    assert_eq!(world.devices[nurse].engine.troubles(), []);
}

#[tokio::test]
async fn what_waits_for_the_log_of_one_thread_holds_up_no_other() {
    use server_frame::Frame;
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let held = world.thread(0, "Mme Durand", &[nurse]).await;
    let open = world.thread(0, "M. Petit", &[nurse]).await;
    world.devices[nurse].go_offline();
    for number in 0..300 {
        world.say(nurse, held, &format!("en attente {number}"));
    }
    world.say(nurse, open, "tout de suite");
    // The server never says that it has sent all of the one.
    let id = held.to_bytes();
    world.devices[nurse]
        .faults
        .rewrite(move |frame| match frame {
            Frame::CaughtUp(CaughtUp {
                log: Some(caught_up::Log::Channel(cursor)),
            }) if cursor.channel_id == id => None,
            frame => Some(frame),
        });
    world.devices[nurse].go_online();
    for _ in 0..50 {
        world.turn().await;
        world.advance(250);
    }
    assert_eq!(world.texts(0, open), ["tout de suite"]);
    assert_eq!(world.texts(0, held), [""; 0]);
    world.devices[nurse].faults.tell_the_truth();
    world.devices[nurse].go_offline();
    world.devices[nurse].go_online();
    world.settle().await;
    assert_eq!(world.texts(0, held).len(), 300);
}

// proves: W2
#[tokio::test]
async fn garbage_on_one_connection_disturbs_no_other() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let other = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    let mut raw = Raw::connect(&mut world, other).await;
    raw.socket
        .send(Message::Binary(vec![0xFF; 4096].into()))
        .await
        .expect("sent");
    match raw.next().await {
        server_frame::Frame::Closing(closing) => assert_eq!(closing.code(), RefusalCode::Malformed),
        other => panic!("expected the end of the connection, got {other:?}"),
    }
    let mut raw = stranger(&world).await;
    let oversize = vec![0; relais_wire::limits::FRAME_BYTES + 1];
    let _ = raw.send(Message::Binary(oversize.into())).await;
    world.say(nurse, channel, "rien à signaler");
    world.settle().await;
    assert_eq!(world.texts(0, channel), ["rien à signaler"]);
}

#[test]
fn the_server_does_not_link_the_content_schema() {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "relais-server",
            "--edges",
            "normal,build",
        ])
        .args(["--prefix", "none"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo tree");
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && tree.contains("relais-wire"),
        "{tree}"
    );
    assert!(
        !tree.contains("relais-content"),
        "the server could read messages"
    );
    assert!(!tree.contains("relais-core"), "the server links the client");
}

/// How often a device tries to remove a revoked one that the server always refuses.
async fn tries_of_a_removal(code: RefusalCode) -> usize {
    use server_frame::Frame;
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let locum = world.add_user("Lucie").await;
    world.thread(0, "Suivi", &[locum]).await;
    world.devices[locum].go_offline();
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = refusals.clone();
    world.devices[0].faults.rewrite(move |frame| match frame {
        Frame::Answer(mut answer) if !matches!(answer.result, Some(answer::Result::Done(_))) => {
            counted.fetch_add(1, Ordering::Relaxed);
            let code = code.into();
            answer.result = Some(answer::Result::Refusal(Refusal { code }));
            Some(Frame::Answer(answer))
        }
        Frame::Delivery(d) if matches!(d.item, Some(delivery::Item::Channel(_))) => None,
        frame => Some(frame),
    });
    let lost = world.devices[locum].device();
    let engine = &mut world.devices[0].engine;
    engine.revoke_device(lost).expect("revoked");
    for _ in 0..900 {
        world.turn().await;
        world.advance(1_000);
    }
    let failed = world.devices[0].engine.failed_acts().expect("acts");
    assert!(failed.is_empty(), "{failed:?}");
    refusals.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_removal_that_the_server_refuses_is_not_tried_without_end() {
    // Once for the revocation, once for the directory's new key, eight times each.
    let tried = tries_of_a_removal(RefusalCode::StaleSendCounter).await;
    assert!((8..=24).contains(&tried), "{tried}");
}

#[tokio::test]
async fn what_names_a_stale_structure_log_waits_for_the_log_to_move() {
    let tried = tries_of_a_removal(RefusalCode::StaleStructure).await;
    assert!((1..=4).contains(&tried), "{tried}");
}
