//! Every route that the web app needs, as a browser asks from the server's own page and
//! from somebody else's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use relais_wire::RefusalCode;
use relais_wire::v1::EnrolRequest;

use crate::support::*;

const OURS: &str = "http://relais.test";

/// Method, path, further headers, body, and the status that it has from our own page.
type Asked<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);

// proves: W4
#[tokio::test]
async fn the_servers_own_page_reaches_every_route_and_no_other_page_any() {
    let pair = Pair::new().await;
    let bearer = format!("Bearer {}", pair.ana_token);
    let blob = [6; 16];
    let create = format!("/v1/channels/{CHANNEL}/blobs");
    let upload = format!("/v1/blobs/{}", hex::encode(blob));
    let id = format!("id {}", STANDARD.encode(blob));
    let tus = [
        ("Authorization", bearer.as_str()),
        ("Tus-Resumable", "1.0.0"),
    ];
    let creating = [("Upload-Length", "3"), ("Upload-Metadata", &id)];
    let appending = [
        ("Upload-Offset", "0"),
        ("Content-Type", "application/offset+octet-stream"),
    ];
    let empty = EnrolRequest::default().encode_to_vec();
    // In the order of an upload. The routes without a device refuse what is empty in
    // their own way.
    let asked: [Asked; 9] = [
        ("GET", "/v1/structure", &[], &[], 200),
        ("POST", "/v1/enrol", &[], &empty, 400),
        ("POST", "/v1/structure/log", &[], &empty, 401),
        ("POST", "/v1/structure/restore", &[], &empty, 200),
        ("OPTIONS", &create, &[], &[], 204),
        ("POST", &create, &creating, &[], 201),
        ("HEAD", &upload, &[], &[], 200),
        ("PATCH", &upload, &appending, b"abc", 204),
        ("GET", &upload, &[], &[], 200),
    ];
    for (method, path, more, body, expected) in asked {
        for foreign in [
            "http://evil.test",
            "https://relais.test",
            "http://relais.test:8080",
            "http://relais.test.evil.test",
            "null",
            "",
        ] {
            let headers = [&tus, more, &[("Origin", foreign)]].concat();
            let answer = pair.rig.http(method, path, &headers, body).await;
            assert_eq!(answer.status, 403, "{method} {path} from {foreign:?}");
            let lets_read = answer.headers.contains_key("access-control-allow-origin");
            assert!(!lets_read, "{method} {path}");
            if method != "HEAD" {
                assert_eq!(answer.refusal(), RefusalCode::Forbidden);
            }
        }
        let headers = [&tus, more, &[("Origin", OURS)]].concat();
        let answer = pair.rig.http(method, path, &headers, body).await;
        assert_eq!(answer.status, expected, "{method} {path} from {OURS}");
    }
}

// proves: W7
#[tokio::test]
async fn a_server_that_does_not_know_its_address_lets_no_page_in() {
    let mut rig = Rig::founded().await;
    rig.stop().await;
    rig.public_url = "";
    rig.start().await;
    let answer = rig.http("GET", "/v1/structure", &[("Origin", OURS)], &[]);
    assert_eq!(answer.await.status, 403);
    assert_eq!(rig.http("GET", "/v1/structure", &[], &[]).await.status, 200);
}
