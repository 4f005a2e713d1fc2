//! What a restored server cannot prove, and what passes for a restored server.

use super::*;

// proves: D6
#[tokio::test]
async fn a_past_that_a_restored_server_cannot_prove_any_more_is_not_shared_and_holds_up_nothing() {
    let (mut world, channel) = team().await;
    let person = world.devices[2].professional();
    // Claire's way back is not answered, and what she shares meanwhile waits for it.
    crate::rejoin::lose_group(&mut world, 0, channel);
    world.devices[0].faults.rewrite(|frame| match frame {
        Frame::Answer(_) => None,
        frame => Some(frame),
    });
    world.say(1, channel, "une question");
    world.devices[0].go_online();
    let state = |world: &World| {
        let thread = world.devices[0].engine.thread(channel).expect("thread");
        thread.state
    };
    let mut turns = 0..60;
    while turns.next().is_some() && state(&world) == ThreadState::Joined {
        world.turn().await;
    }
    assert!(matches!(state(&world), ThreadState::Rejoining(_)));
    let all = HistoryChoice::All;
    let shared = world.devices[0].engine.share_history(channel, person, all);
    shared.expect("shared");
    world.devices[0].go_offline();
    world.settle().await;
    let backup = world.backup_server();
    world.say(1, channel, "encore une");
    world.settle().await;
    // The server begins a new life, and has trimmed all that Claire ever read.
    world.restore_server(&backup).await;
    world.settle().await;
    world.devices[0].faults.rewrite(|frame| match frame {
        Frame::LogCompared(mut told) => {
            told.known.clear();
            told.first_seq = told.head.as_ref().map_or(0, |head| head.seq);
            Some(Frame::LogCompared(told))
        }
        frame => Some(frame),
    });
    world.devices[0].go_online();
    world.settle().await;
    let claire = &world.devices[0].engine;
    let sharing = claire.history(channel).expect("history").sharing;
    assert_eq!(sharing.len(), 1);
    assert_eq!(sharing[0].with, person);
    assert!(sharing[0].failed.is_some());
    world.devices[0].faults.tell_the_truth();
    world.say(0, channel, "me revoici");
    heal(&mut world, channel).await;
    for who in 0..3 {
        assert!(world.texts(who, channel).contains(&"me revoici".to_owned()));
    }
}

// proves: D6
#[tokio::test]
async fn a_server_that_is_put_back_again_and_again_is_not_believed_and_loses_nothing() {
    let (mut world, channel) = team().await;
    world.hostile = true;
    let backup = world.backup_server();
    let mut said = vec!["Bonjour".to_owned()];
    for day in 0..7 {
        let text = format!("message {day}");
        let who = world.devices[1].engine.thread(channel).expect("thread");
        if who.state == ThreadState::Joined {
            world.say(1, channel, &text);
            said.push(text);
        }
        world.settle().await;
        world.restore_server(&backup).await;
        world.settle().await;
    }
    said.sort_unstable();
    let nurse = &world.devices[1].engine;
    let thread = nurse.thread(channel).expect("thread");
    assert!(matches!(thread.state, ThreadState::Stopped(_)));
    assert!(nurse.troubles().contains(&Trouble::ChannelForked(channel)));
    // Sent, lost or failed: every word is still there.
    assert_eq!(sorted(&world, 1, channel), said);
    assert!(said.len() >= 4, "{said:?}");
}

// proves: D6, M7
#[tokio::test]
async fn another_log_without_a_sign_of_a_restore_is_a_fork_and_nothing_goes_back() {
    let (mut world, channel) = team().await;
    world.hostile = true;
    let backup = world.backup_server();
    world.say(1, channel, "Tension 14/9");
    world.settle().await;
    restore_unproved(&mut world, &backup).await;
    world.say(1, channel, "elle attend");
    for _ in 0..60 {
        world.turn().await;
        world.advance(250);
    }
    for who in 0..3 {
        let device = &world.devices[who];
        assert_eq!(device.engine.troubles(), [Trouble::ChannelForked(channel)]);
        assert!(
            world
                .texts(who, channel)
                .contains(&"Tension 14/9".to_owned())
        );
        assert_eq!(notices(&world, who, channel, "restored").len(), 0);
    }
    assert_eq!(
        world.devices[1].engine.sync_state().expect("state").waiting,
        1
    );
}

// proves: D6
#[tokio::test]
async fn a_thread_that_is_forked_holds_up_no_other() {
    let (mut world, channel) = team().await;
    world.hostile = true;
    let other = world.thread(0, "Autre suivi", &[1, 2]).await;
    stand_still(&mut world, other).await;
    let backup = world.backup_server();
    world.say(0, channel, "Tension 14/9");
    world.settle().await;
    // Nadia's device does not hear whether her words arrived.
    let frames = world.devices[1].frames_sent();
    world.say(1, channel, "sans réponse");
    for _ in 0..100 {
        world.turn().await;
        if world.devices[1].frames_sent() > frames {
            break;
        }
    }
    let now = world.now_ms();
    world.devices[1].go_offline();
    world.devices[1].edit_database(now, |db| {
        let unanswered = "SELECT count(*) FROM sends WHERE live = 1";
        let unanswered: usize = db.query_row(unanswered, [], |row| row.get(0)).expect("it");
        assert_eq!(unanswered, 1);
    });
    restore_unproved(&mut world, &backup).await;
    world.say(1, other, "ailleurs");
    for _ in 0..60 {
        world.turn().await;
        world.advance(250);
    }
    let nadia = &world.devices[1].engine;
    assert_eq!(nadia.troubles(), [Trouble::ChannelForked(channel)]);
    assert_eq!(nadia.sync_state().expect("state").waiting, 1);
    for who in 0..3 {
        assert_eq!(world.texts(who, other), ["ailleurs"], "{who}");
    }
}

// proves: D6
#[tokio::test]
async fn a_thread_that_is_younger_than_the_backup_stops_and_stays_readable() {
    let (mut world, _) = team().await;
    world.hostile = true;
    let backup = world.backup_server();
    let channel = world.thread(0, "Mme Blanc", &[1, 2]).await;
    world.say(1, channel, "Première visite");
    world.settle().await;
    world.restore_server(&backup).await;
    world.settle().await;
    for who in 0..3 {
        let thread = world.devices[who].engine.thread(channel).expect("thread");
        let ThreadState::Stopped(reason) = thread.state else {
            panic!("{:?}", thread.state);
        };
        assert!(reason.contains("restored from a backup"), "{reason}");
        assert_eq!(world.texts(who, channel), ["Première visite"]);
    }
}
