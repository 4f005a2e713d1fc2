//! Requests through the browser's `fetch`.

use js_sys::{ArrayBuffer, Uint8Array};
use relais_core::engine::http::{HttpRequest, HttpResponse, Method};
use relais_wire::limits;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, Request, RequestCache, RequestCredentials, RequestInit,
    RequestRedirect, Response,
};

use crate::timer::{Timer, worker};

/// As the native driver: longer than any step of an upload takes on a slow network.
const PATIENCE_MS: u64 = 60_000;

/// Carries out one request; nothing when there is no answer.
pub(crate) async fn exchange(
    server_url: String,
    token: Option<String>,
    request: HttpRequest,
) -> Option<HttpResponse> {
    let abort = AbortController::new().ok()?;
    let signal = abort.signal();
    let late = Timer::new(move || abort.abort());
    late.set(PATIENCE_MS);
    let answer = answer(&server_url, token, request, &signal).await;
    late.clear();
    answer.ok()
}

async fn answer(
    server_url: &str,
    token: Option<String>,
    request: HttpRequest,
    signal: &web_sys::AbortSignal,
) -> Result<HttpResponse, JsValue> {
    let init = RequestInit::new();
    init.set_method(match request.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Patch => "PATCH",
    });
    let headers = Headers::new()?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    if let Some(token) = token {
        headers.set("authorization", &format!("Bearer {token}"))?;
    }
    init.set_headers(&headers);
    init.set_credentials(RequestCredentials::Omit);
    init.set_cache(RequestCache::NoStore);
    init.set_redirect(RequestRedirect::Error);
    init.set_signal(Some(signal));
    let has_body = matches!(request.method, Method::Post | Method::Patch);
    if has_body {
        init.set_body(&Uint8Array::from(request.body.as_slice()));
    }
    let url = format!("{server_url}{}", request.path);
    let request = Request::new_with_str_and_init(&url, &init)?;
    let response: Response = JsFuture::from(worker().fetch_with_request(&request))
        .await?
        .unchecked_into();
    let mut headers = Vec::new();
    for entry in response.headers().entries() {
        let entry: js_sys::Array = entry?.unchecked_into();
        let text = |index| entry.get(index).as_string().unwrap_or_default();
        headers.push((text(0), text(1)));
    }
    let body: ArrayBuffer = JsFuture::from(response.array_buffer()?)
        .await?
        .unchecked_into();
    if body.byte_length() as usize > limits::FRAME_BYTES {
        return Err(JsValue::NULL); // No answer of ours is so large.
    }
    Ok(HttpResponse {
        status: response.status(),
        headers,
        body: Uint8Array::new(&body).to_vec(),
    })
}
