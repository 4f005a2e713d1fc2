//! The web app as a browser gets it, and what somebody gets who looks for more.

use relais_server::web::File;

use crate::support::*;

const PAGE: &[u8] = b"<!doctype html><title>Relais</title>";

static DIST: [File; 6] = [
    File::new("/assets/app-1a2b3c.css", b"body{}", None, None),
    File::new(
        "/assets/app-1a2b3c.js",
        b"plain",
        Some(b"br"),
        Some(b"gzip"),
    ),
    File::new("/assets/relais-4d5e6f.wasm", b"\0asm", Some(b"small"), None),
    File::new("/index.html", PAGE, Some(b"page"), None),
    File::new("/manifest.webmanifest", b"{}", None, None),
    File::new("/sw.js", b"pinned", None, None),
];

const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");

async fn serving(public_url: &'static str, web: &'static [File]) -> Rig {
    let mut rig = Rig::founded().await;
    rig.stop().await;
    (rig.public_url, rig.web) = (public_url, web);
    rig.start().await;
    rig
}

async fn get(rig: &Rig, path: &str, headers: &[(&str, &str)]) -> Http {
    rig.http("GET", path, headers, &[]).await
}

fn secured(answer: &Http) {
    let has = |name: &str, value: &str| assert_eq!(answer.headers[name], value, "{name}");
    has("cross-origin-opener-policy", "same-origin");
    has("cross-origin-embedder-policy", "require-corp");
    has("cross-origin-resource-policy", "same-origin");
    has("x-content-type-options", "nosniff");
    has("referrer-policy", "no-referrer");
    let allowed = &answer.headers["permissions-policy"];
    assert!(allowed.contains("camera=(self)"));
    assert!(allowed.contains("microphone=()") && allowed.contains("geolocation=()"));
    let policy = &answer.headers["content-security-policy"];
    let directives: Vec<_> = policy.split("; ").collect();
    for expected in [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(directives.contains(&expected), "{expected} in {policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    assert!(!policy.contains("http") && !policy.contains('*'));
}

// proves: W4
#[tokio::test]
async fn every_answer_to_a_browser_restricts_what_a_page_may_do() {
    let rig = serving("https://relais.test", &DIST).await;
    for (path, status) in [
        ("/", 200),
        ("/threads", 200),
        ("/assets/app-1a2b3c.js", 200),
        ("/sw.js", 200),
        ("/assets/gone.js", 404),
    ] {
        let answer = get(&rig, path, &[BROWSER]).await;
        assert_eq!(answer.status, status, "{path}");
        secured(&answer);
        assert_eq!(
            answer.headers["strict-transport-security"],
            "max-age=31536000"
        );
    }
    let plain = serving("http://localhost:8080", &DIST).await;
    let answer = get(&plain, "/", &[BROWSER]).await;
    assert!(!answer.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn files_have_their_type_and_what_is_hashed_is_kept() {
    let rig = serving("http://relais.test", &DIST).await;
    for (path, kind, kept) in [
        ("/", "text/html; charset=utf-8", false),
        ("/sw.js", "text/javascript; charset=utf-8", false),
        ("/manifest.webmanifest", "application/manifest+json", false),
        ("/assets/app-1a2b3c.css", "text/css; charset=utf-8", true),
        (
            "/assets/app-1a2b3c.js",
            "text/javascript; charset=utf-8",
            true,
        ),
        ("/assets/relais-4d5e6f.wasm", "application/wasm", true),
    ] {
        let answer = get(&rig, path, &[("Accept", "*/*")]).await;
        let (status, found) = (answer.status, &answer.headers["content-type"]);
        assert_eq!((status, found.as_str()), (200, kind), "{path}");
        let cache = answer.headers["cache-control"].as_str();
        match kept {
            true => assert_eq!(cache, "public, max-age=31536000, immutable", "{path}"),
            false => assert_eq!(cache, "no-cache", "{path}"),
        }
        assert_eq!(answer.headers.contains_key("etag"), !kept, "{path}");
    }
}

#[tokio::test]
async fn the_smallest_form_goes_out_and_caches_tell_them_apart() {
    let rig = serving("http://relais.test", &DIST).await;
    let path = "/assets/app-1a2b3c.js";
    for (accepted, encoding, body) in [
        ("gzip, deflate, br", Some("br"), "br"),
        ("gzip", Some("gzip"), "gzip"),
        ("identity", None, "plain"),
    ] {
        let answer = get(&rig, path, &[("Accept-Encoding", accepted)]).await;
        let found = answer.headers.get("content-encoding").map(String::as_str);
        assert_eq!((found, answer.body.as_slice()), (encoding, body.as_bytes()));
        assert_eq!(answer.headers["content-length"], body.len().to_string());
        assert_eq!(answer.headers["vary"], "accept-encoding");
    }
    let wasm = "/assets/relais-4d5e6f.wasm";
    let answer = get(&rig, wasm, &[("Accept-Encoding", "br")]).await;
    assert_eq!(answer.headers["content-type"], "application/wasm");
    assert_eq!(answer.body, b"small");
    let head = rig.http("HEAD", path, &[], &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers["content-length"], "5");
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let rig = serving("http://relais.test", &DIST).await;
    let first = get(&rig, "/", &[BROWSER]).await;
    let etag = first.headers["etag"].as_str();
    for path in ["/", "/index.html", "/t/0123456789abcdef"] {
        let again = get(&rig, path, &[BROWSER, ("If-None-Match", etag)]).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.headers["etag"], etag);
        secured(&again);
    }
    let other = get(&rig, "/sw.js", &[("If-None-Match", etag)]).await;
    assert_eq!((other.status, other.body.as_slice()), (200, &b"pinned"[..]));
}

#[tokio::test]
async fn every_screen_is_the_page_and_nothing_else_is() {
    let rig = serving("http://relais.test", &DIST).await;
    for screen in [
        "/",
        "/threads",
        "/t/0123456789abcdef",
        "/join",
        "/settings/a?x=1",
    ] {
        let answer = get(&rig, screen, &[BROWSER]).await;
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, PAGE),
            "{screen}"
        );
    }
    // A script that is gone must fail, not run a page.
    for (path, accept) in [
        ("/assets/gone.js", BROWSER.1),
        ("/gone.js", "*/*"),
        ("/v1", BROWSER.1),
        ("/v1/unknown", BROWSER.1),
    ] {
        let answer = get(&rig, path, &[("Accept", accept)]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_ne!(answer.body, PAGE);
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer = rig.http(method, "/threads", &[BROWSER], &[]).await;
        assert_eq!(answer.status, 404, "{method}");
    }
    assert_eq!(get(&rig, "/health", &[BROWSER]).await.body, b"ok\n");
}

// proves: W2
#[tokio::test]
async fn no_path_leads_out_of_the_app() {
    let rig = serving("http://relais.test", &DIST).await;
    std::fs::write(rig.folder.path().join("secret"), "secret").unwrap();
    for path in [
        "/assets/../index.html",
        "/assets/../../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/%252e%252e/etc/passwd",
        "/assets/..\\..\\etc\\passwd",
        "/assets//etc/passwd",
        "/assets/",
        "/assets/app-1a2b3c.js/",
        "/assets/app-1a2b3c.js%00.html",
        "/ASSETS/../../etc/passwd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/secret",
    ] {
        let answer = get(&rig, path, &[("Accept", "*/*")]).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body, b"not found\n", "{path}");
    }
    // Asked for as a page they are screens, which the app does not know.
    let answer = get(&rig, "/../../etc/passwd", &[BROWSER]).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, PAGE));
}

#[tokio::test]
async fn a_server_without_the_app_says_so_and_works() {
    let rig = serving("http://relais.test", &[]).await;
    for path in ["/", "/threads"] {
        let answer = get(&rig, path, &[BROWSER]).await;
        assert_eq!(answer.status, 503);
        secured(&answer);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let page = String::from_utf8(answer.body).unwrap();
        assert!(page.contains("cargo xtask web"));
        assert!(page.contains("n’a pas été intégrée") && page.contains("was not built into"));
    }
    assert_eq!(get(&rig, "/assets/a.js", &[BROWSER]).await.status, 404);
    assert_eq!(get(&rig, "/v1/structure", &[]).await.status, 200);
}
