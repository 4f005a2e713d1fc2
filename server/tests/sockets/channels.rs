//! Channels through real MLS groups: order, spans, and what is refused.

use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::roster::CheckedRoster;
use relais_wire::v1::*;

use crate::support::*;

// proves: M8
#[tokio::test]
async fn messages_flow_until_the_removal_and_not_one_byte_after_it() {
    let Pair {
        rig,
        mut ana,
        mut ana_socket,
        mut ana_group,
        ben,
        mut ben_socket,
        head,
        roster,
        ..
    } = Pair::new().await;
    for event in 1..=3 {
        let message = ana.message(&mut ana_group, event, &[]);
        let answer = ana
            .asks(&mut ana_socket, send::Operation::AppendMessage(message))
            .await;
        assert_eq!(answer.expect_appended().seq, 2 + event);
        assert_eq!(ben_socket.next_entry().await.seq, 2 + event);
    }
    let before = CheckedRoster::read(&roster).expect("reads");
    let alone = ana.roster(
        CHANNEL,
        Some(&before),
        &[(ana.professional, ChannelRole::Manager, None)],
    );
    let leaf = ana_group
        .members()
        .find(|m| m.signature_key == public(&ben.key))
        .expect("leaf");
    let commit = ana.commit(
        &mut ana_group,
        &head,
        vec![],
        vec![leaf.index],
        Some(&alone),
    );
    let answer = ana
        .asks(&mut ana_socket, send::Operation::AppendCommit(commit))
        .await;
    assert_eq!(answer.expect_appended().seq, 6);
    ana_group
        .merge_pending_commit(&ana.provider)
        .expect("merged");
    let message = ana.message(&mut ana_group, 4, &[]);
    let answer = ana
        .asks(&mut ana_socket, send::Operation::AppendMessage(message))
        .await;
    assert_eq!(answer.expect_appended().seq, 7);

    let removal = ben_socket.next_entry().await;
    assert_eq!((removal.seq, removal.kind()), (6, EntryKind::Commit));
    let closed = ben_socket.next_caught_up().await;
    assert!(matches!(closed, caught_up::Log::Closed(cursor) if cursor.after_seq == 6));
    ben_socket.is_silent().await;
    ben_socket.follow(CHANNEL, 0).await;
    assert!(matches!(
        ben_socket.next_caught_up().await,
        caught_up::Log::Closed(_)
    ));
    ben_socket.follow(CHANNEL, 2).await;
    for seq in 3..=6 {
        assert_eq!(ben_socket.next_entry().await.seq, seq);
    }
    assert!(matches!(
        ben_socket.next_caught_up().await,
        caught_up::Log::Closed(_)
    ));
    drop(rig);
}

// proves: W1, M11
#[tokio::test]
async fn a_stranger_reads_and_writes_nothing() {
    let mut pair = Pair::new().await;
    let mut eve = pair
        .rig
        .enrolled(&mut pair.ana, &mut pair.ana_socket, 3)
        .await;
    let (mut socket, _) = pair.rig.connect(&mut eve).await;
    for channel in [CHANNEL, ChannelId([43; 16])] {
        socket.follow(channel, 0).await;
        assert!(matches!(
            socket.next_caught_up().await,
            caught_up::Log::Closed(_)
        ));
    }
    eve.counter = pair.ana.counter;
    let message = pair.ana.message(&mut pair.ana_group, 1, &[]);
    let operation = send::Operation::AppendMessage(message.clone());
    let answer = eve.asks(&mut socket, operation).await;
    assert_eq!(answer.expect_refusal(), RefusalCode::Forbidden);
    let mut elsewhere = message;
    elsewhere.channel_id = vec![43; 16].into();
    let answer = pair
        .ana
        .asks(
            &mut pair.ana_socket,
            send::Operation::AppendMessage(elsewhere),
        )
        .await;
    assert_eq!(answer.expect_refusal(), RefusalCode::Malformed);
    // Key packages of another device.
    let mine = pair.ben.key_package(false);
    let operation = send::Operation::PublishKeyPackages(PublishKeyPackages {
        key_packages: vec![],
        last_resort: mine.into(),
    });
    let answer = eve.asks(&mut socket, operation).await;
    assert_eq!(answer.expect_refusal(), RefusalCode::Forbidden);
}

#[tokio::test]
async fn a_restarted_server_goes_on_where_it_was() {
    let mut pair = Pair::new().await;
    let message = pair.ana.message(&mut pair.ana_group, 1, &[]);
    let operation = send::Operation::AppendMessage(message);
    pair.ana
        .asks(&mut pair.ana_socket, operation)
        .await
        .expect_appended();
    pair.rig.stop().await;
    assert_eq!(pair.ben_socket.next_entry().await.seq, 3);
    pair.rig.start().await;
    let (mut socket, ready) = pair.rig.connect(&mut pair.ana).await;
    assert_eq!(ready.send_counter, pair.ana.counter);
    let commit = pair
        .ana
        .commit(&mut pair.ana_group, &pair.head, vec![], vec![], None);
    let answer = pair
        .ana
        .asks(&mut socket, send::Operation::AppendCommit(commit))
        .await;
    assert_eq!(answer.expect_appended().seq, 4);
    let (mut socket, _) = pair.rig.connect(&mut pair.ben).await;
    socket.follow(CHANNEL, 2).await;
    assert_eq!(socket.next_entry().await.seq, 3);
    assert_eq!(socket.next_entry().await.seq, 4);
    assert!(
        matches!(socket.next_caught_up().await, caught_up::Log::Channel(c) if c.after_seq == 4)
    );
}

#[tokio::test]
async fn many_messages_in_flight_keep_their_order_and_cursors_come_back() {
    let mut pair = Pair::new().await;
    pair.ana_socket.follow(CHANNEL, 0).await;
    assert_eq!(pair.ana_socket.next_entry().await.seq, 1);
    assert_eq!(pair.ana_socket.next_entry().await.seq, 2);
    assert!(matches!(
        pair.ana_socket.next_caught_up().await,
        caught_up::Log::Channel(_)
    ));
    const MANY: u64 = 200;
    for event in 1..=MANY {
        let message = pair.ana.message(&mut pair.ana_group, event, &[]);
        pair.ana.counter += 1;
        let operation = Some(send::Operation::AppendMessage(message));
        let send = Send {
            send_counter: pair.ana.counter,
            operation,
        };
        pair.ana_socket.send(client_frame::Frame::Send(send)).await;
    }
    for event in 1..=MANY {
        assert_eq!(pair.ben_socket.next_entry().await.seq, 2 + event);
    }
    let cursor = ChannelCursor {
        channel_id: CHANNEL.to_bytes(),
        after_seq: 2 + MANY,
    };
    let ack = Ack {
        log: Some(ack::Log::Channel(cursor)),
    };
    pair.ben_socket.send(client_frame::Frame::Ack(ack)).await;
    let (mut answers, mut entries, mut settled) = (0, 0, false);
    while (answers, entries, settled) != (MANY, MANY, true) {
        match pair.ana_socket.next().await {
            server_frame::Frame::Answer(answer) => {
                answer.expect_appended();
                answers += 1;
            }
            server_frame::Frame::Delivery(_) => entries += 1,
            server_frame::Frame::Cursors(cursors) => {
                let ben = pair.ben.device.to_bytes();
                settled |= cursors
                    .devices
                    .iter()
                    .any(|d| d.device_id == ben && d.seq == 2 + MANY);
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_ended_membership_pauses_reading_and_writing_at_the_hour() {
    let mut pair = Pair::new().await;
    let before = CheckedRoster::read(&pair.roster).expect("reads");
    let until = Some(NOW + 1_000);
    let members = [
        (pair.ana.professional, ChannelRole::Manager, None),
        (pair.ben.professional, ChannelRole::Contributor, until),
    ];
    let roster = pair.ana.roster(CHANNEL, Some(&before), &members);
    let (group, head) = (&mut pair.ana_group, &pair.head);
    let commit = pair.ana.commit(group, head, vec![], vec![], Some(&roster));
    let commit = send::Operation::AppendCommit(commit);
    pair.ana
        .asks(&mut pair.ana_socket, commit)
        .await
        .expect_appended();
    pair.ana_group
        .merge_pending_commit(&pair.ana.provider)
        .expect("merged");
    assert_eq!(pair.ben_socket.next_entry().await.kind(), EntryKind::Commit);

    pair.rig
        .clock
        .store(NOW + 1_000, std::sync::atomic::Ordering::Relaxed);
    let message = pair.ana.message(&mut pair.ana_group, 1, &[]);
    let message = send::Operation::AppendMessage(message);
    pair.ana
        .asks(&mut pair.ana_socket, message)
        .await
        .expect_appended();
    pair.ben_socket.is_silent().await;
    let mut late = pair.ben.message(&mut pair.ben_group, 1, &[]);
    late.epoch += 1;
    let answer = pair
        .ben
        .asks(&mut pair.ben_socket, send::Operation::AppendMessage(late));
    assert_eq!(answer.await.expect_refusal(), RefusalCode::Malformed);
    let late = pair.ben.message(&mut pair.ben_group, 1, &[]);
    let answer = pair
        .ben
        .asks(&mut pair.ben_socket, send::Operation::AppendMessage(late));
    assert_eq!(answer.await.expect_refusal(), RefusalCode::Forbidden);
}

// proves: D3
#[tokio::test]
async fn a_message_repeated_after_its_epoch_ended_is_still_accepted_once() {
    let mut pair = Pair::new().await;
    let message = pair.ana.message(&mut pair.ana_group, 1, &[]);
    let operation = Some(send::Operation::AppendMessage(message));
    pair.ana.counter += 1;
    let send = Send {
        send_counter: pair.ana.counter,
        operation,
    };
    let first = pair.ana.repeats(&mut pair.ana_socket, send.clone()).await;
    let (group, head) = (&mut pair.ana_group, &pair.head);
    let commit = pair.ana.commit(group, head, vec![], vec![], None);
    let commit = send::Operation::AppendCommit(commit);
    assert_eq!(
        pair.ana
            .asks(&mut pair.ana_socket, commit)
            .await
            .expect_appended()
            .seq,
        4
    );
    let again = pair.ana.repeats(&mut pair.ana_socket, send).await;
    assert_eq!(first, again);
    assert_eq!(again.expect_appended().seq, 3);
}
