//! One WebSocket per device: opening here, then `hello`, then `session`.

mod asked;
mod follow;
mod hello;
mod session;

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use prost::Message as _;
use relais_wire::v1::{Closing, ServerFrame, server_frame};
use relais_wire::{RefusalCode, limits};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::error::Refused;

/// A read buffer of the default size would cost 128 KiB for each idle connection.
const READ_BUFFER: usize = 4096;
/// Frames that wait are written together up to this size; idle, it costs nothing.
const WRITE_BUFFER: usize = 16 * 1024;

/// `GET /v1/ws`.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let place = Place::take(&app)?;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(4 * limits::FRAME_BYTES)
        .max_message_size(limits::FRAME_BYTES)
        .max_frame_size(limits::FRAME_BYTES);
    Ok(upgrade.on_upgrade(move |socket| serve(app, place, socket)))
}

/// What carries frames both ways: a WebSocket, or a pair inside one process.
pub trait Transport:
    Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Unpin + Send
{
}

impl<T> Transport for T where
    T: Stream<Item = Result<Message, axum::Error>>
        + Sink<Message, Error = axum::Error>
        + Unpin
        + Send
{
}

/// The right to one connection.
pub struct Place {
    connection: OwnedSemaphorePermit,
    greeting: OwnedSemaphorePermit,
}

impl Place {
    /// Takes a place, if one is free.
    ///
    /// # Errors
    /// `TOO_MANY_REQUESTS`.
    pub fn take(app: &App) -> Result<Self, Refused> {
        let busy = |_| Refused(RefusalCode::TooManyRequests);
        Ok(Self {
            connection: app.connections.clone().try_acquire_owned().map_err(busy)?,
            greeting: app.greeting.clone().try_acquire_owned().map_err(busy)?,
        })
    }
}

/// Runs one connection to its end.
pub async fn serve<T: Transport>(app: Arc<App>, place: Place, mut socket: T) {
    let greeted = hello::greet(&app, &mut socket).await;
    drop(place.greeting);
    match greeted {
        Ok(greeted) => session::run(app, socket, greeted, Arc::new(place.connection)).await,
        Err(hello::Ended::Refused(code)) => close(socket, code).await,
        Err(hello::Ended::Gone) => {}
    }
}

fn encode(frame: server_frame::Frame) -> Message {
    let frame = Some(frame);
    Message::Binary(ServerFrame { frame }.encode_to_vec().into())
}

/// Says why, and ends the connection.
async fn close<T: Transport>(mut socket: T, code: RefusalCode) {
    let closing = Closing { code: code.into() };
    let said = async {
        socket
            .send(encode(server_frame::Frame::Closing(closing)))
            .await?;
        socket.send(Message::Close(None)).await?;
        // Reading on lets the other side see both before the socket goes.
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<_, axum::Error>(())
    };
    // Whoever does not listen is cut off.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(900), said).await;
}
