//! Who gets a connection, and who keeps it.

use relais_wire::RefusalCode;
use relais_wire::ids::StructureId;
use relais_wire::limits;
use relais_wire::structure::Structure;
use relais_wire::v1::*;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::*;

async fn refused(rig: &Rig, frame: impl FnOnce(&Challenge) -> client_frame::Frame) -> RefusalCode {
    let (mut socket, challenge) = rig.challenged().await;
    socket.send(frame(&challenge)).await;
    let code = socket.next_closing().await;
    assert!(socket.try_next().await.is_none());
    code
}

// proves: W1
#[tokio::test]
async fn only_the_device_itself_can_say_hello() {
    let (rig, mut device) = Rig::set_up().await;
    let wrong_nonce = refused(&rig, |challenge| {
        let mut body = device.hello_body(challenge);
        body.nonce = vec![0; 32].into();
        device.sign_hello(&body)
    });
    assert_eq!(wrong_nonce.await, RefusalCode::BadSignature);
    let wrong_key = refused(&rig, |challenge| {
        let body = device.hello_body(challenge);
        Device::new(device.structure, 9).sign_hello(&body)
    });
    assert_eq!(wrong_key.await, RefusalCode::BadSignature);
    let unknown = refused(&rig, |c| Device::new(device.structure, 9).hello(c));
    assert_eq!(unknown.await, RefusalCode::NotFound);
    let foreign = refused(&rig, |challenge| {
        let mut body = device.hello_body(challenge);
        body.structure_id = StructureId([9; 16]).to_bytes();
        device.sign_hello(&body)
    });
    assert_eq!(foreign.await, RefusalCode::NotFound);
    let newer = refused(&rig, |challenge| {
        let mut body = device.hello_body(challenge);
        body.protocol_version += 1;
        device.sign_hello(&body)
    });
    assert_eq!(newer.await, RefusalCode::UnsupportedVersion);
    let early = refused(&rig, |_| client_frame::Frame::Ack(Ack::default()));
    assert_eq!(early.await, RefusalCode::Malformed);
    device.lease = 0;
    rig.connect(&mut device).await;
}

// proves: M1
#[tokio::test]
async fn a_cloned_database_is_refused_and_a_newer_connection_replaces() {
    let (rig, mut device) = Rig::set_up().await;
    let (mut first, _) = rig.connect(&mut device).await;
    let (_second, _) = rig.connect(&mut device).await;
    assert_eq!(first.next_closing().await, RefusalCode::Replaced);
    let clone = refused(&rig, |challenge| {
        device.lease = 77;
        device.hello(challenge)
    });
    assert_eq!(clone.await, RefusalCode::CloneSuspected);
}

// proves: W2
#[tokio::test]
async fn a_malformed_or_oversize_frame_ends_only_its_own_connection() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut good, _) = rig.connect(&mut coordinator).await;
    let mut nurse = rig.enrolled(&mut coordinator, &mut good, 2).await;
    let (mut bad, _) = rig.connect(&mut nurse).await;
    bad.raw(vec![0xff; 40]).await;
    assert_eq!(bad.next_closing().await, RefusalCode::Malformed);
    let (mut bad, _) = rig.connect(&mut nurse).await;
    let channel_id = vec![1; 15].into();
    bad.subscribe(subscribe::Log::Channel(ChannelCursor {
        channel_id,
        after_seq: 0,
    }))
    .await;
    assert_eq!(bad.next_closing().await, RefusalCode::Malformed);
    let (mut bad, _) = rig.connect(&mut nurse).await;
    // The server may hang up before all of it is sent.
    use futures_util::SinkExt;
    let large = vec![0; limits::FRAME_BYTES + 1];
    let message = tokio_tungstenite::tungstenite::Message::Binary(large.into());
    let _ = bad.stream.send(message).await;
    assert!(bad.try_next().await.is_none());

    good.subscribe(subscribe::Log::StructureAfter(Structure::new().head()))
        .await;
    for seq in 1..=6 {
        let server_frame::Frame::Delivery(delivery) = good.next().await else {
            panic!("an entry");
        };
        assert!(matches!(delivery.item, Some(delivery::Item::Structure(e)) if e.seq == seq));
    }
    assert_eq!(good.next_caught_up().await, caught_up::Log::StructureSeq(6));
}

// proves: I3
#[tokio::test]
async fn a_revoked_device_loses_its_connection_at_once() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut socket, _) = rig.connect(&mut coordinator).await;
    let mut nurse = rig.enrolled(&mut coordinator, &mut socket, 2).await;
    let (mut theirs, ready) = rig.connect(&mut nurse).await;
    let statements = vec![coordinator.revoke(&nurse).into()];
    let operation = send::Operation::AppendStatements(AppendStatements { statements });
    coordinator.asks(&mut socket, operation).await.expect_done();
    let second = std::time::Duration::from_secs(1);
    let code = tokio::time::timeout(second, theirs.next_closing())
        .await
        .unwrap();
    assert_eq!(code, RefusalCode::DeviceRevoked);
    let token = format!("Bearer {}", ready.token);
    let path = format!("/v1/blobs/{}", "00".repeat(16));
    let answer = rig
        .http("GET", &path, &[("Authorization", &token)], &[])
        .await;
    assert_eq!(answer.refusal(), RefusalCode::DeviceRevoked);
    let again = refused(&rig, |challenge| nurse.hello(challenge)).await;
    assert_eq!(again, RefusalCode::DeviceRevoked);
}

// proves: W4
#[tokio::test]
async fn a_page_of_another_site_cannot_open_a_connection() {
    let rig = Rig::founded().await;
    for (origin, opens) in [("http://relais.test", true), ("http://evil.test", false)] {
        let mut request = format!("ws://{}/v1/ws", rig.address)
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("Origin", origin.parse().unwrap());
        let opened = tokio_tungstenite::connect_async(request).await;
        assert_eq!(opened.is_ok(), opens, "{origin}");
    }
}

// proves: D3
#[tokio::test]
async fn a_repeated_request_gets_the_first_answer() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut socket, _) = rig.connect(&mut coordinator).await;
    let nurse = Device::new(rig.founding.structure, 2);
    let statements = vec![coordinator.invite(&nurse, NOW + 1_000).into()];
    let operation = send::Operation::AppendStatements(AppendStatements { statements });
    let first = coordinator.asks(&mut socket, operation.clone()).await;
    let send = Send {
        send_counter: coordinator.counter,
        operation: Some(operation.clone()),
    };
    let again = coordinator.repeats(&mut socket, send).await;
    assert_eq!(first, again);
    let said_twice = coordinator.asks(&mut socket, operation).await;
    assert_eq!(said_twice.expect_refusal(), RefusalCode::AlreadyExists);
    let other = send::Operation::AppendStatements(AppendStatements::default());
    let send = Send {
        send_counter: 1,
        operation: Some(other),
    };
    let answer = coordinator.repeats(&mut socket, send).await;
    assert_eq!(answer.expect_refusal(), RefusalCode::StaleSendCounter);
}
