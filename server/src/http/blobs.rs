//! Blob routes (architecture D15): upload by tus 1.0.0 (core and creation), download
//! by range. Every request carries a bearer token.
//!
//! | status | refusal | when |
//! |---|---|---|
//! | 401 | BAD_SIGNATURE | no token, forged, expired |
//! | 403 | DEVICE_REVOKED, FORBIDDEN | device not valid any more; upload of another person; neither a member nor, for an upload, the author of a message that names the blob |
//! | 404 | NOT_FOUND | never heard of |
//! | 409 | ALREADY_EXISTS | id taken or being uploaded by somebody else, or `Upload-Offset` is not the present one |
//! | 410 | GONE | expired |
//! | 412 | UNSUPPORTED_VERSION | not tus 1.0.0 |
//! | 413 | TOO_LARGE | above the limit, or more bytes than announced |
//! | 416 | – | range outside the blob |
//! | 425 | NOT_YET | upload not finished |

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use relais_wire::ids::{BlobId, ChannelId, DeviceId};
use relais_wire::{RefusalCode, limits};

use crate::app::App;
use crate::error::Refused;
use crate::operations::Caller;
use crate::store::Blob;

const VERSION: &str = "1.0.0";
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");

/// `OPTIONS`: what of tus is spoken here.
pub async fn capabilities() -> Response {
    let headers = [
        (TUS_RESUMABLE, VERSION.to_owned()),
        (HeaderName::from_static("tus-version"), VERSION.to_owned()),
        (
            HeaderName::from_static("tus-extension"),
            "creation".to_owned(),
        ),
        (
            HeaderName::from_static("tus-max-size"),
            limits::BLOB_BYTES.to_string(),
        ),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// `POST /v1/channels/{channel}/blobs`: 201, also for a repetition. With `Upload-Offset`
/// when the blob is there whole, whoever sent it: after a restore each member who holds
/// it asks so whether it was lost.
pub async fn create(
    State(app): State<Arc<App>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = authenticate(&app, &headers)?;
    if let Some(refused) = other_version(&headers) {
        return Ok(refused);
    }
    let channel = ChannelId::from_hex(&channel).ok_or(RefusalCode::NotFound)?;
    let length = number(&headers, &UPLOAD_LENGTH)?;
    let id = named(&headers)?;
    if length == 0 {
        return Err(RefusalCode::Malformed.into());
    }
    if length > limits::BLOB_BYTES {
        return Err(RefusalCode::TooLarge.into());
    }
    may_upload(&app, &caller, channel, id).await?;
    if app.store.blob(id).await?.is_none() {
        if !app.uploads.allow(caller.device, app.now_ms()) {
            return Err(RefusalCode::TooManyRequests.into());
        }
        let blob = Blob {
            channel,
            uploader: caller.device,
            length,
            complete: false,
            created_ms: app.now_ms(),
            referenced: false,
        };
        // `false`: taken meanwhile; by whom is looked at below.
        app.store.create_blob(id, blob).await?;
    }
    let blob = app.store.blob(id).await?.ok_or(RefusalCode::Unavailable)?;
    let same = (blob.channel, blob.length) == (channel, length);
    if !same || !(blob.complete || is_of_caller(&app, &blob.uploader, &caller)) {
        return Err(RefusalCode::AlreadyExists.into());
    }
    let location = tus([(header::LOCATION, format!("/v1/blobs/{id}"))]);
    Ok(match blob.complete {
        true => {
            let offset = [(UPLOAD_OFFSET, blob.length.to_string())];
            (StatusCode::CREATED, location, AppendHeaders(offset)).into_response()
        }
        false => (StatusCode::CREATED, location).into_response(),
    })
}

/// `HEAD /v1/blobs/{blob}`: how much of the upload is durable.
pub async fn offset(
    State(app): State<Arc<App>>,
    Path(blob): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let (id, blob) = uploaded(&app, &blob, &headers).await?;
    if let Some(refused) = other_version(&headers) {
        return Ok(refused);
    }
    let _uploading = app.blobs.lock(id).await;
    let offset = if app.blobs.finish(app.store.as_ref(), id, &blob).await? {
        blob.length
    } else {
        app.blobs.offset(id).await?
    };
    let headers = tus([
        (UPLOAD_OFFSET, offset.to_string()),
        (UPLOAD_LENGTH, blob.length.to_string()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ]);
    Ok((StatusCode::OK, headers).into_response())
}

/// `PATCH /v1/blobs/{blob}`: appends at the present offset. What arrives before an
/// interruption counts.
pub async fn append(
    State(app): State<Arc<App>>,
    Path(blob): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let headers = request.headers().clone();
    let (id, _) = uploaded(&app, &blob, &headers).await?;
    if let Some(refused) = other_version(&headers) {
        return Ok(refused);
    }
    let kind = headers.get(header::CONTENT_TYPE);
    if kind.is_none_or(|k| k != "application/offset+octet-stream") {
        return Ok(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let expected = number(&headers, &UPLOAD_OFFSET)?;
    let uploading = app.blobs.lock(id).await;
    // Read again under the lock: another request may have finished it.
    let blob = app.store.blob(id).await?.ok_or(RefusalCode::NotFound)?;
    let mut offset = if blob.complete {
        blob.length
    } else {
        app.blobs.offset(id).await?
    };
    if offset != expected {
        return Err(RefusalCode::AlreadyExists.into());
    }
    if offset < blob.length {
        let bytes = request.into_body().into_data_stream();
        offset = app
            .blobs
            .append(id, &uploading, blob.length - offset, bytes)
            .await?;
    }
    app.blobs.finish(app.store.as_ref(), id, &blob).await?;
    let headers = tus([(UPLOAD_OFFSET, offset.to_string())]);
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// `GET /v1/blobs/{blob}`: whole or one range (RFC 9110 §14).
pub async fn fetch(
    State(app): State<Arc<App>>,
    Path(blob): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = authenticate(&app, &headers)?;
    let (id, blob) = known(&app, &blob).await?;
    member(&app, &caller, blob.channel).await?;
    if !blob.complete {
        // A reader never makes an upload give way.
        if app.blobs.offset(id).await? < blob.length {
            return Err(RefusalCode::NotYet.into());
        }
        let _uploading = app.blobs.lock(id).await;
        if !app.blobs.finish(app.store.as_ref(), id, &blob).await? {
            return Err(RefusalCode::NotYet.into());
        }
    }
    let asked = headers.get(header::RANGE).and_then(|r| r.to_str().ok());
    let (status, range) = match asked.map(|r| parse_range(r, blob.length)) {
        None | Some(Ranged::Ignored) => (StatusCode::OK, 0..blob.length),
        Some(Ranged::Part(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Ranged::Outside) => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{}", blob.length))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
    };
    let part = (status == StatusCode::PARTIAL_CONTENT).then(|| range.clone());
    let stored = app.blobs.read(id, part).await?;
    let mut response = (status, Body::from_stream(stored.into_stream())).into_response();
    let set = response.headers_mut();
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    set.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    set.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    set.insert(
        header::CONTENT_LENGTH,
        HeaderValue::from(range.end - range.start),
    );
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, blob.length);
        if let Ok(value) = HeaderValue::try_from(text) {
            set.insert(header::CONTENT_RANGE, value);
        }
    }
    Ok(response)
}

/// The device of the bearer token, if it is valid now.
fn authenticate(app: &App, headers: &HeaderMap) -> Result<Caller, Refused> {
    let now_ms = app.now_ms();
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    let token = token.and_then(|v| v.strip_prefix("Bearer "));
    let device = token
        .and_then(|token| app.tokens.check(token, now_ms))
        .ok_or(RefusalCode::BadSignature)?;
    let known = app.structure.valid_device(&device, now_ms);
    let known = known.ok_or(RefusalCode::DeviceRevoked)?;
    Ok(Caller {
        device,
        professional: known.professional,
        key: known.key,
    })
}

async fn member(app: &App, caller: &Caller, channel: ChannelId) -> Result<(), Refused> {
    let store = app.store.as_ref();
    let now_ms = app.now_ms();
    let allowed = store.is_member(channel, caller.device).await?
        && app
            .channels
            .stands(store, channel, &caller.professional, now_ms)
            .await?;
    if allowed {
        Ok(())
    } else {
        Err(RefusalCode::Forbidden.into())
    }
}

/// The record of a blob: 404 for none, 410 for an expired one.
async fn known(app: &App, id: &str) -> Result<(BlobId, Blob), Refused> {
    let id = BlobId::from_hex(id).ok_or(RefusalCode::NotFound)?;
    match app.store.blob(id).await? {
        Some(blob) => Ok((id, blob)),
        None if app.blobs.is_gone(id).await => Err(RefusalCode::Gone.into()),
        None => Err(RefusalCode::NotFound.into()),
    }
}

/// Whether a device is of the caller's person: one that returned under another id goes
/// on with what the retired one began or wrote.
fn is_of_caller(app: &App, device: &DeviceId, caller: &Caller) -> bool {
    let structure = app.structure.now();
    let device = structure.device(device);
    device.is_some_and(|device| device.professional == caller.professional)
}

/// Whether the caller may send this blob: a member of the channel, or whoever wrote the
/// message that names it. Who was removed since finishes what the others wait for.
async fn may_upload(
    app: &App,
    caller: &Caller,
    channel: ChannelId,
    id: BlobId,
) -> Result<(), Refused> {
    let wanted_of = app.store.blob_wanted_of(id, channel).await?;
    match wanted_of.is_some_and(|device| is_of_caller(app, &device, caller)) {
        true => Ok(()),
        false => member(app, caller, channel).await,
    }
}

/// The caller's own upload.
async fn uploaded(app: &App, id: &str, headers: &HeaderMap) -> Result<(BlobId, Blob), Refused> {
    let caller = authenticate(app, headers)?;
    let (id, blob) = known(app, id).await?;
    may_upload(app, &caller, blob.channel, id).await?;
    if !is_of_caller(app, &blob.uploader, &caller) {
        return Err(RefusalCode::Forbidden.into());
    }
    Ok((id, blob))
}

fn tus<const N: usize>(
    headers: [(HeaderName, String); N],
) -> AppendHeaders<impl IntoIterator<Item = (HeaderName, String)>> {
    let version = (TUS_RESUMABLE, VERSION.to_owned());
    AppendHeaders(headers.into_iter().chain([version]))
}

fn other_version(headers: &HeaderMap) -> Option<Response> {
    let spoken = headers.get(&TUS_RESUMABLE).is_some_and(|v| v == VERSION);
    let supported = [(HeaderName::from_static("tus-version"), VERSION)];
    (!spoken).then(|| (StatusCode::PRECONDITION_FAILED, supported).into_response())
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Refused> {
    let value = headers.get(name).and_then(|v| v.to_str().ok());
    // `+7` parses as a number and is none in HTTP.
    let value = value.filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
    value
        .and_then(|v| v.parse().ok())
        .ok_or_else(|| RefusalCode::Malformed.into())
}

/// `Upload-Metadata: id <base64>` and nothing else: a file's name would be content.
fn named(headers: &HeaderMap) -> Result<BlobId, Refused> {
    let metadata = headers.get(&UPLOAD_METADATA).and_then(|v| v.to_str().ok());
    metadata
        .and_then(|m| m.strip_prefix("id "))
        .and_then(|id| STANDARD.decode(id).ok())
        .and_then(|id| BlobId::try_from(id.as_slice()).ok())
        .ok_or_else(|| RefusalCode::Malformed.into())
}

#[derive(Debug, PartialEq, Eq)]
enum Ranged {
    /// Not one we serve: the whole is answered, as HTTP allows.
    Ignored,
    Part(Range<u64>),
    Outside,
}

fn parse_range(text: &str, length: u64) -> Ranged {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return Ranged::Ignored;
    };
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return Ranged::Ignored;
    }
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Ranged::Ignored,
        (Ok(first), _) if first >= length => Ranged::Outside,
        (Ok(first), Ok(last)) => Ranged::Part(first..length.min(last.saturating_add(1))),
        (Ok(first), Err(_)) if last.is_empty() => Ranged::Part(first..length),
        (Err(_), Ok(0)) if first.is_empty() => Ranged::Outside,
        (Err(_), Ok(last)) if first.is_empty() => Ranged::Part(length.saturating_sub(last)..length),
        _ => Ranged::Ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        assert_eq!(parse_range("bytes=0-0", 10), Ranged::Part(0..1));
        assert_eq!(parse_range("bytes=3-", 10), Ranged::Part(3..10));
        assert_eq!(parse_range("bytes=-3", 10), Ranged::Part(7..10));
        assert_eq!(parse_range("bytes=-30", 10), Ranged::Part(0..10));
        assert_eq!(parse_range("bytes=5-99", 10), Ranged::Part(5..10));
        assert_eq!(parse_range("bytes=10-", 10), Ranged::Outside);
        assert_eq!(parse_range("bytes=-0", 10), Ranged::Outside);
        for ignored in [
            "bytes=1-2,4-5",
            "bytes=2-1",
            "items=0-1",
            "bytes=a-",
            "bytes=-",
            "bytes=+1-2",
        ] {
            assert_eq!(parse_range(ignored, 10), Ranged::Ignored, "{ignored}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        // proves: W2
        #[test]
        fn any_range_stays_inside_the_blob(text in "(bytes=)?[0-9,-]{0,25}", length in 1u64..1_000) {
            if let Ranged::Part(range) = parse_range(&text, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
