//! Sockets and requests as tasks that report to the engine's thread.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prost::bytes::Bytes;
use relais_wire::limits;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::engine::http::{HttpRequest, HttpResponse, Method};

/// A socket that shows no sign of life for so long is given up.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(120);
const REQUEST: Duration = Duration::from_secs(60);

/// What the tasks report.
pub(super) enum Input {
    /// The socket with this number is open; frames go to the sender.
    Opened(u64, mpsc::UnboundedSender<Vec<Bytes>>),
    /// A frame came in.
    Frame(u64, Bytes),
    /// The socket is closed, or could not be opened.
    Closed(u64),
    /// A request was answered, or failed.
    Answered(u64, Option<HttpResponse>),
}

/// Connects and carries frames until either side ends; reports `Closed` last.
pub(super) async fn socket(number: u64, server_url: String, inputs: mpsc::Sender<Input>) {
    carry(number, &server_url, &inputs).await;
    let _ = inputs.send(Input::Closed(number)).await;
}

async fn carry(number: u64, server_url: &str, inputs: &mpsc::Sender<Input>) {
    let url = format!("{}/v1/ws", server_url.replacen("http", "ws", 1));
    let config = WebSocketConfig::default()
        .max_message_size(Some(limits::FRAME_BYTES))
        .max_frame_size(Some(limits::FRAME_BYTES))
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0);
    let connect = tokio_tungstenite::connect_async_tls_with_config(url, Some(config), true, None);
    let Ok(Ok((socket, _))) = tokio::time::timeout(CONNECT, connect).await else {
        return;
    };
    let (mut sink, mut stream) = socket.split();
    let (frames, mut queue) = mpsc::unbounded_channel::<Vec<Bytes>>();
    if inputs.send(Input::Opened(number, frames)).await.is_err() {
        return;
    }
    let write = async {
        while let Some(batch) = queue.recv().await {
            for frame in batch {
                sink.feed(Message::Binary(frame)).await.ok()?;
            }
            sink.flush().await.ok()?;
        }
        let _ = sink.close().await;
        Some(())
    };
    let read = async {
        while let Ok(Some(Ok(message))) = tokio::time::timeout(SILENCE, stream.next()).await {
            match message {
                Message::Binary(frame) => inputs.send(Input::Frame(number, frame)).await.ok()?,
                Message::Close(_) => break,
                _ => {}
            }
        }
        Some(())
    };
    tokio::select! {
        _ = write => {}
        _ = read => {}
    }
}

/// Carries out one request and reports its answer.
pub(super) async fn request(
    client: reqwest::Client,
    server_url: String,
    token: Option<String>,
    request: HttpRequest,
    inputs: mpsc::Sender<Input>,
) {
    let id = request.id;
    let answer = tokio::time::timeout(REQUEST, exchange(client, &server_url, token, request)).await;
    let _ = inputs
        .send(Input::Answered(id, answer.ok().flatten()))
        .await;
}

async fn exchange(
    client: reqwest::Client,
    server_url: &str,
    token: Option<String>,
    request: HttpRequest,
) -> Option<HttpResponse> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
    };
    let mut builder = client.request(method, format!("{server_url}{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    if let Some(token) = token {
        builder = builder.bearer_auth(token);
    }
    let mut response = builder.body(request.body).send().await.ok()?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limits::FRAME_BYTES {
            return None; // No answer of ours is so large.
        }
        body.extend_from_slice(&chunk);
    }
    Some(HttpResponse {
        status,
        headers,
        body,
    })
}
