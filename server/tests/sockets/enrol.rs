//! Set-up, invitations, and the log for the holder of a link.

use std::sync::atomic::Ordering;

use prost::Message;
use relais_wire::label::{self, Label};
use relais_wire::limits;
use relais_wire::v1::*;

use crate::support::*;

// proves: I2
#[tokio::test]
async fn a_set_up_link_works_once_and_a_lost_answer_does_not_burn_it() {
    let rig = Rig::founded().await;
    let coordinator = Device::new(rig.founding.structure, 1);
    let request = set_up_request(&rig, &coordinator);

    let mut forged = request.clone();
    forged.setup_signature = vec![0; 64].into();
    let (status, body) = rig.enrol(&forged).await;
    assert_eq!(status, 401);
    assert_eq!(
        Refusal::decode(&body[..]).unwrap().code(),
        RefusalCode::BadSignature
    );

    assert_eq!(rig.enrol(&request).await.0, 200);
    let (status, body) = rig.enrol(&request).await;
    assert_eq!(status, 200);
    let head = EnrolResponse::decode(&body[..]).unwrap().structure_head;
    assert_eq!(head.map(|h| h.seq), Some(3));

    let another = set_up_request(&rig, &Device::new(rig.founding.structure, 2));
    assert_eq!(rig.enrol(&another).await.0, 409);
}

// proves: I2
#[tokio::test]
async fn an_invitation_enrols_one_person_within_its_time() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut socket, _) = rig.connect(&mut coordinator).await;
    let nurse = rig.enrolled(&mut coordinator, &mut socket, 2).await;
    assert_eq!(rig.enrol(&nurse.enrolment()).await.0, 200, "a lost answer");

    let mut thief = Device::new(rig.founding.structure, 3);
    thief.enrolment_key = nurse.enrolment_key.clone();
    let (status, body) = rig.enrol(&thief.enrolment()).await;
    assert_eq!(status, 403);
    let code = Refusal::decode(&body[..]).unwrap().code();
    assert_eq!(code, RefusalCode::InvitationInvalid);

    let late = Device::new(rig.founding.structure, 4);
    let statements = vec![coordinator.invite(&late, NOW + 10).into()];
    let operation = send::Operation::AppendStatements(AppendStatements { statements });
    coordinator.asks(&mut socket, operation).await.expect_done();
    rig.clock.store(NOW + 10, Ordering::Relaxed);
    assert_eq!(rig.enrol(&late.enrolment()).await.0, 403);
}

// proves: W1, I2
#[tokio::test]
async fn the_structure_log_is_read_by_holders_of_an_open_invitation_only() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut socket, _) = rig.connect(&mut coordinator).await;
    let nurse = Device::new(rig.founding.structure, 2);
    let statements = vec![coordinator.invite(&nurse, NOW + 1_000).into()];
    let operation = send::Operation::AppendStatements(AppendStatements { statements });
    coordinator.asks(&mut socket, operation).await.expect_done();
    let ask = |device: &Device, signed: u64, after_seq: u64| {
        let key = &device.enrolment_key;
        StructureLogRequest {
            enrolment_key: public(key),
            after_seq,
            signature: label::sign(key, Label::StructureLogRequest, &signed.to_be_bytes()),
            device_id: bytes::Bytes::new(),
        }
        .encode_to_vec()
    };
    let path = "/v1/structure/log";
    let answer = rig.http("POST", path, &[], &ask(&nurse, 0, 0)).await;
    assert_eq!(answer.status, 200);
    let log = StructureLogResponse::decode(&answer.body[..]).unwrap();
    assert_eq!((log.entries.len(), log.more), (4, false));
    assert_eq!(
        rig.http("POST", path, &[], &ask(&nurse, 1, 0)).await.status,
        401
    );
    let stranger = Device::new(rig.founding.structure, 9);
    assert_eq!(
        rig.http("POST", path, &[], &ask(&stranger, 0, 0))
            .await
            .status,
        403
    );
    // Whoever saw the link after its use can do nothing with it.
    assert_eq!(rig.enrol(&nurse.enrolment()).await.0, 200);
    let used = rig.http("POST", path, &[], &ask(&nurse, 0, 0)).await;
    assert_eq!(used.status, 403);
    assert_eq!(rig.http("POST", path, &[], b"\xff\xff").await.status, 400);
    let large = vec![0; 2 * limits::STATEMENT_BYTES];
    assert_eq!(rig.http("POST", path, &[], &large).await.status, 413);
}

// proves: W2
#[tokio::test]
async fn strangers_are_slowed_down() {
    let rig = Rig::founded().await;
    assert_eq!(rig.http("GET", "/health", &[], &[]).await.status, 200);
    let record = rig.http("GET", "/v1/structure", &[], &[]).await;
    let record = StructureRecord::decode(&record.body[..]).unwrap();
    assert_eq!(record.structure_id, rig.founding.structure.to_bytes());
    for _ in 1..limits::UNAUTHENTICATED_PER_MINUTE {
        assert_eq!(rig.enrol(&EnrolRequest::default()).await.0, 400);
    }
    assert_eq!(rig.enrol(&EnrolRequest::default()).await.0, 429);
    rig.clock.fetch_add(60_000, Ordering::Relaxed);
    assert_eq!(rig.enrol(&EnrolRequest::default()).await.0, 400);
}

// proves: I2
#[tokio::test]
async fn a_device_link_opens_the_log_and_links_one_device() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut socket, _) = rig.connect(&mut coordinator).await;
    let mut tablet = Device::new(rig.founding.structure, 2);
    tablet.professional = coordinator.professional;
    let statements = vec![coordinator.invite_device(&tablet, NOW + 1_000).into()];
    let operation = send::Operation::AppendStatements(AppendStatements { statements });
    coordinator.asks(&mut socket, operation).await.expect_done();
    let path = "/v1/structure/log";
    let by_key = log_request(&tablet.enrolment_key, bytes::Bytes::new());
    assert_eq!(rig.http("POST", path, &[], &by_key).await.status, 200);
    assert_eq!(rig.enrol(&tablet.linking()).await.0, 200);
    assert_eq!(rig.enrol(&tablet.linking()).await.0, 200, "a lost answer");
    assert_eq!(rig.http("POST", path, &[], &by_key).await.status, 403);
    rig.connect(&mut tablet).await;

    let mut thief = Device::new(rig.founding.structure, 3);
    thief.professional = coordinator.professional;
    thief.enrolment_key = tablet.enrolment_key.clone();
    assert_eq!(rig.enrol(&thief.linking()).await.0, 403);
    // It is said by enrolling alone.
    let statements = thief.linking().statements;
    let operation = send::Operation::AppendStatements(AppendStatements { statements });
    let refused = coordinator.asks(&mut socket, operation).await;
    assert_eq!(refused.expect_refusal(), RefusalCode::Forbidden);
}

// proves: I3, W1
#[tokio::test]
async fn a_revoked_device_reads_in_the_log_that_it_is_and_nobody_else_reads_as_it() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut socket, _) = rig.connect(&mut coordinator).await;
    let nurse = rig.enrolled(&mut coordinator, &mut socket, 2).await;
    let statements = vec![coordinator.revoke(&nurse).into()];
    let operation = send::Operation::AppendStatements(AppendStatements { statements });
    coordinator.asks(&mut socket, operation).await.expect_done();
    let path = "/v1/structure/log";
    let own = log_request(&nurse.key, nurse.device.to_bytes());
    let answer = rig.http("POST", path, &[], &own).await;
    assert_eq!(answer.status, 200);
    let log = StructureLogResponse::decode(&answer.body[..]).unwrap();
    let last = Statement::decode(&log.entries.last().unwrap().statement[..]).unwrap();
    assert_eq!(last.kind(), StatementKind::DeviceRevoked);
    let forged = log_request(&coordinator.key, nurse.device.to_bytes());
    assert_eq!(rig.http("POST", path, &[], &forged).await.status, 401);
    let stranger = Device::new(rig.founding.structure, 9);
    let unknown = log_request(&stranger.key, stranger.device.to_bytes());
    assert_eq!(rig.http("POST", path, &[], &unknown).await.status, 404);
}

// proves: M1
#[tokio::test]
async fn a_device_retires_its_id_and_returns_with_another_once() {
    let (rig, mut coordinator) = Rig::set_up().await;
    let (mut socket, _) = rig.connect(&mut coordinator).await;
    let mut nurse = rig.enrolled(&mut coordinator, &mut socket, 2).await;
    let mut back = Device::new(rig.founding.structure, 3);
    back.professional = nurse.professional;
    back.professional_key = nurse.professional_key.clone();
    let returning = |new: &Device| EnrolRequest {
        statements: vec![nurse.revoke(&nurse).into(), new.added().into()],
        setup_signature: bytes::Bytes::new(),
    };
    let request = returning(&back);
    assert_eq!(rig.enrol(&request).await.0, 200);
    assert_eq!(rig.enrol(&request).await.0, 200, "a lost answer");
    rig.connect(&mut back).await;
    // A second copy of the same database finds the id retired.
    let mut copy = Device::new(rig.founding.structure, 4);
    copy.professional = nurse.professional;
    copy.professional_key = nurse.professional_key.clone();
    assert_eq!(rig.enrol(&returning(&copy)).await.0, 409);
    let (mut retired, challenge) = rig.challenged().await;
    retired.send(nurse.hello(&challenge)).await;
    assert_eq!(retired.next_closing().await, RefusalCode::DeviceRevoked);
}

fn log_request(key: &ed25519_dalek::SigningKey, device_id: bytes::Bytes) -> Vec<u8> {
    let by_device = !device_id.is_empty();
    StructureLogRequest {
        enrolment_key: match by_device {
            true => bytes::Bytes::new(),
            false => public(key),
        },
        after_seq: 0,
        signature: label::sign(key, Label::StructureLogRequest, &0u64.to_be_bytes()),
        device_id,
    }
    .encode_to_vec()
}
