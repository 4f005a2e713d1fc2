//! The web app: files that were compiled into this program, and the address of every
//! screen, which all get the same page. Knows nothing of the structure or of devices.

mod files;
mod negotiation;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
pub use files::{File, built};
use negotiation::{Encoding, accepts_html, is_current, preferred};

/// What every answer says (requirement W4): the page may run and load what comes from
/// here and nothing else, nobody may frame it, and its address goes nowhere. A worker's
/// rules are those that its own script came with.
const SECURITY: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
         style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; \
         manifest-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types svelte-trusted-html relais",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), publickey-credentials-create=(self), publickey-credentials-get=(self), \
         screen-wake-lock=(self), accelerometer=(), display-capture=(), encrypted-media=(), \
         geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), midi=(), \
         payment=(), serial=(), usb=()",
    ),
];

/// One year, once a browser has come by TLS.
const HSTS: &str = "max-age=31536000";
/// A name under this prefix changes with its content.
const HASHED: &str = "/assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";
const PAGE: &str = "/index.html";
const NOT_BUILT: &str = include_str!("not_built.html");

/// Whatever no other route answers.
pub async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut response = answer(app.config.web, &request);
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let public = app.config.public_url.as_deref();
    if public.is_some_and(|url| url.starts_with("https://")) {
        let value = HeaderValue::from_static(HSTS);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    response
}

fn answer(files: &'static [File], request: &Request) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    if !matches!(*request.method(), Method::GET | Method::HEAD) || is_of_the_api(path) {
        return not_found();
    }
    if let Some(file) = files::find(files, path) {
        return send(file, headers);
    }
    let is_screen = path == "/" || !path.starts_with(HASHED) && accepts_html(headers);
    match files::find(files, PAGE) {
        Some(page) if is_screen => send(page, headers),
        None if is_screen => not_built(),
        _ => not_found(),
    }
}

/// The API's own addresses never show a screen.
fn is_of_the_api(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/") || path == "/health"
}

fn send(file: &'static File, headers: &HeaderMap) -> Response {
    let mut response = Response::default();
    let set = response.headers_mut();
    set.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if file.path.starts_with(HASHED) {
        set.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    } else {
        let etag = file.etag();
        set.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(ASK_EACH_TIME),
        );
        set.insert(header::ETAG, etag.clone());
        if is_current(headers, etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
    }
    let kind = HeaderValue::from_static(file.content_type());
    set.insert(header::CONTENT_TYPE, kind);
    let (encoding, bytes) = preferred(file, headers);
    if encoding != Encoding::Identity {
        let name = HeaderValue::from_static(encoding.name());
        set.insert(header::CONTENT_ENCODING, name);
    }
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    *response.body_mut() = Body::from(bytes);
    response
}

fn not_found() -> Response {
    let kept = [(header::CACHE_CONTROL, "no-store")];
    (StatusCode::NOT_FOUND, kept, "not found\n").into_response()
}

fn not_built() -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, NOT_BUILT).into_response()
}
