//! Uploads that are cut anywhere, and who may fetch what.

use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use relais_wire::{RefusalCode, limits};

use crate::support::*;

const BLOB: [u8; 16] = [5; 16];

fn path() -> String {
    format!("/v1/blobs/{}", hex::encode(BLOB))
}

async fn create(rig: &Rig, token: &str, length: usize) -> Http {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Tus-Resumable", "1.0.0"),
        ("Upload-Length", &length.to_string()),
        ("Upload-Metadata", &format!("id {}", STANDARD.encode(BLOB))),
    ];
    let route = format!("/v1/channels/{CHANNEL}/blobs");
    rig.http("POST", &route, &headers, &[]).await
}

async fn patch(rig: &Rig, token: &str, offset: usize, bytes: &[u8], announced: usize) -> Http {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Tus-Resumable", "1.0.0"),
        ("Content-Type", "application/offset+octet-stream"),
        ("Upload-Offset", &offset.to_string()),
    ];
    rig.partial_http("PATCH", &path(), &headers, bytes, announced)
        .await
}

async fn offset(rig: &Rig, token: &str) -> usize {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Tus-Resumable", "1.0.0"),
    ];
    let answer = rig.http("HEAD", &path(), &headers, &[]).await;
    assert_eq!(answer.status, 200);
    answer.headers["upload-offset"].parse().unwrap()
}

async fn get(rig: &Rig, token: &str, range: Option<&str>) -> Http {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Authorization", bearer.as_str())];
    headers.extend(range.map(|r| ("Range", r)));
    rig.http("GET", &path(), &headers, &[]).await
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[tokio::test]
async fn an_upload_that_is_cut_and_killed_goes_on_at_its_offset() {
    let mut pair = Pair::new().await;
    let token = pair.ana_token.clone();
    let bytes = content(300_001);
    assert_eq!(create(&pair.rig, &token, bytes.len()).await.status, 201);
    let again = create(&pair.rig, &token, bytes.len()).await;
    assert_eq!(
        (again.status, again.headers["location"].as_str()),
        (201, path().as_str())
    );
    assert_eq!(create(&pair.rig, &token, bytes.len() + 1).await.status, 409);
    assert_eq!(offset(&pair.rig, &token).await, 0);

    let answer = patch(&pair.rig, &token, 0, &bytes[..7], 7).await;
    assert_eq!(
        (answer.status, answer.headers["upload-offset"].as_str()),
        (204, "7")
    );
    assert_eq!(
        patch(&pair.rig, &token, 6, &bytes[6..9], 3).await.status,
        409
    );
    // Cut in the middle: what arrived counts.
    patch(&pair.rig, &token, 7, &bytes[7..70_001], bytes.len() - 7).await;
    let reached = offset(&pair.rig, &token).await;
    assert_eq!(reached, 70_001);
    let early = get(&pair.rig, &token, None).await;
    assert_eq!((early.status, early.refusal()), (425, RefusalCode::NotYet));

    pair.rig.stop().await;
    pair.rig.start().await;
    assert_eq!(offset(&pair.rig, &token).await, reached);
    let rest = &bytes[reached..];
    assert_eq!(
        patch(&pair.rig, &token, reached, rest, rest.len())
            .await
            .status,
        204
    );
    assert_eq!(offset(&pair.rig, &token).await, bytes.len());

    let whole = get(&pair.rig, &token, None).await;
    assert_eq!((whole.status, whole.body == bytes), (200, true));
    let part = get(&pair.rig, &token, Some("bytes=65536-65600")).await;
    assert_eq!(
        (part.status, &part.body[..]),
        (206, &bytes[65_536..=65_600])
    );
    assert_eq!(
        part.headers["content-range"],
        format!("bytes 65536-65600/{}", bytes.len())
    );
    let outside = get(&pair.rig, &token, Some("bytes=300001-")).await;
    assert_eq!(outside.status, 416);
    let spooled = std::fs::read_dir(pair.rig.folder.path().join("spool"))
        .unwrap()
        .count();
    assert_eq!(spooled, 0);
}

#[tokio::test]
async fn a_full_upload_that_was_killed_before_its_end_is_finished_at_start() {
    let mut pair = Pair::new().await;
    let token = pair.ana_token.clone();
    let bytes = content(1_000);
    create(&pair.rig, &token, bytes.len()).await;
    pair.rig.stop().await;
    let spool = pair.rig.folder.path().join("spool").join(hex::encode(BLOB));
    std::fs::write(spool, &bytes).unwrap();
    pair.rig.start().await;
    assert_eq!(get(&pair.rig, &token, None).await.body, bytes);
}

// proves: W1
#[tokio::test]
async fn blobs_are_for_members_with_a_fresh_token() {
    let mut pair = Pair::new().await;
    let token = pair.ana_token.clone();
    let bytes = content(10);
    create(&pair.rig, &token, bytes.len()).await;
    patch(&pair.rig, &token, 0, &bytes, bytes.len()).await;

    let mut eve = pair
        .rig
        .enrolled(&mut pair.ana, &mut pair.ana_socket, 3)
        .await;
    let (_socket, ready) = pair.rig.connect(&mut eve).await;
    let answer = get(&pair.rig, &ready.token, None).await;
    assert_eq!(
        (answer.status, answer.refusal()),
        (403, RefusalCode::Forbidden)
    );
    assert_eq!(create(&pair.rig, &ready.token, 10).await.status, 403);
    assert_eq!(
        patch(&pair.rig, &ready.token, 10, b"x", 1).await.status,
        403
    );

    let (_socket, ready) = pair.rig.connect(&mut pair.ben).await;
    assert_eq!(get(&pair.rig, &ready.token, None).await.body, bytes);
    // A member, but not the uploader.
    assert_eq!(
        patch(&pair.rig, &ready.token, 10, b"x", 1).await.status,
        403
    );
    let unknown = format!("/v1/blobs/{}", "77".repeat(16));
    let bearer = format!("Bearer {}", ready.token);
    let headers = [("Authorization", bearer.as_str())];
    assert_eq!(
        pair.rig.http("GET", &unknown, &headers, &[]).await.status,
        404
    );

    assert_eq!(get(&pair.rig, "forged", None).await.status, 401);
    pair.rig
        .clock
        .fetch_add(limits::TOKEN_MS, Ordering::Relaxed);
    assert_eq!(get(&pair.rig, &token, None).await.status, 401);
}

#[tokio::test]
async fn whoever_holds_a_blob_hears_that_it_is_there_whole_or_sends_it_if_nobody_has_begun() {
    let mut pair = Pair::new().await;
    let bytes = content(1_000);
    let (_socket, ready) = pair.rig.connect(&mut pair.ben).await;
    let (ana, ben) = (pair.ana_token.clone(), ready.token);
    let begun = create(&pair.rig, &ben, bytes.len()).await;
    assert_eq!(begun.status, 201);
    assert!(!begun.headers.contains_key("upload-offset"));
    // On its way from somebody else.
    assert_eq!(create(&pair.rig, &ana, bytes.len()).await.status, 409);
    patch(&pair.rig, &ben, 0, &bytes, bytes.len()).await;
    for token in [&ana, &ben] {
        let whole = create(&pair.rig, token, bytes.len()).await;
        assert_eq!(
            (whole.status, whole.headers["upload-offset"].as_str()),
            (201, "1000")
        );
    }
    assert_eq!(create(&pair.rig, &ana, bytes.len() + 1).await.status, 409);
}

// proves: W2
#[tokio::test]
async fn an_upload_has_the_size_that_was_announced_and_allowed() {
    let pair = Pair::new().await;
    let token = pair.ana_token.clone();
    let huge = usize::try_from(limits::BLOB_BYTES).unwrap() + 1;
    assert_eq!(create(&pair.rig, &token, huge).await.status, 413);
    assert_eq!(create(&pair.rig, &token, 0).await.status, 400);
    assert_eq!(create(&pair.rig, &token, 10).await.status, 201);
    assert_eq!(
        patch(&pair.rig, &token, 0, &content(11), 11).await.status,
        413
    );
    let options = pair.rig.http("OPTIONS", &path(), &[], &[]).await;
    assert_eq!(
        (options.status, options.headers["tus-version"].as_str()),
        (204, "1.0.0")
    );
}

#[tokio::test]
async fn an_expired_blob_is_gone_and_not_unknown() {
    let pair = Pair::new().await;
    let token = pair.ana_token.clone();
    let bytes = content(10);
    create(&pair.rig, &token, bytes.len()).await;
    patch(&pair.rig, &token, 0, &bytes, bytes.len()).await;
    let app = &pair.rig.server.as_ref().unwrap().app;
    let expired = app
        .store
        .expire(NOW + limits::BLOB_UNREFERENCED_MS + 1)
        .await
        .unwrap();
    assert_eq!(expired.len(), 1);
    app.blobs.expire(expired).await;
    assert_eq!(
        get(&pair.rig, &token, None).await.refusal(),
        RefusalCode::Gone
    );
}

#[tokio::test]
async fn a_stalled_upload_gives_way_to_its_device_on_a_new_connection() {
    use tokio::io::AsyncWriteExt;
    let pair = Pair::new().await;
    let token = pair.ana_token.clone();
    let bytes = content(1_000);
    create(&pair.rig, &token, bytes.len()).await;
    let head = format!(
        "PATCH {} HTTP/1.1\r\nHost: relais.test\r\nAuthorization: Bearer {token}\r\n\
         Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n\
         Upload-Offset: 0\r\nContent-Length: 1000\r\n\r\n",
        path()
    );
    let mut stalled = tokio::net::TcpStream::connect(&pair.rig.address)
        .await
        .unwrap();
    stalled.write_all(head.as_bytes()).await.unwrap();
    stalled.write_all(&bytes[..100]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(offset(&pair.rig, &token).await, 100);
    assert_eq!(
        patch(&pair.rig, &token, 100, &bytes[100..], 900)
            .await
            .status,
        204
    );
    assert_eq!(get(&pair.rig, &token, None).await.body, bytes);
}
