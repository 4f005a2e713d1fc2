//! A connection inside one process: what the server takes for a WebSocket.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::ws::Message;
use futures_util::{Sink, Stream};
use prost::bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The server's end.
pub struct Pipe {
    incoming: UnboundedReceiver<Bytes>,
    outgoing: UnboundedSender<Bytes>,
}

/// The device's end. Dropping it cuts the connection; what was not read is lost.
pub struct Line {
    /// Frames to the server.
    pub to_server: UnboundedSender<Bytes>,
    /// Frames from the server.
    pub from_server: UnboundedReceiver<Bytes>,
}

/// Both ends of a connection.
pub fn pair() -> (Pipe, Line) {
    let (to_server, incoming) = unbounded_channel();
    let (outgoing, from_server) = unbounded_channel();
    let line = Line {
        to_server,
        from_server,
    };
    (Pipe { incoming, outgoing }, line)
}

impl Stream for Pipe {
    type Item = Result<Message, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = self.incoming.poll_recv(cx);
        frame.map(|frame| frame.map(|bytes| Ok(Message::Binary(bytes))))
    }
}

impl Sink<Message> for Pipe {
    type Error = axum::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        match message {
            Message::Binary(bytes) => self.outgoing.send(bytes).map_err(axum::Error::new),
            // Pings and the closing handshake belong to the WebSocket.
            _ => Ok(()),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
}
