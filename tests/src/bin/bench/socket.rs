//! A device's WebSocket: frames out, frames in, and the opening of a connection.

use futures_util::{FutureExt, SinkExt, StreamExt};
use prost::Message as _;
use prost::bytes::Bytes;
use relais_wire::v1::{
    Answer, ClientFrame, Ready, Send, ServerFrame, Subscribe, client_frame, send, server_frame,
    subscribe,
};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};

use crate::Outcome;
use crate::device::Device;

/// See the module's head.
pub struct Socket(WebSocketStream<TcpStream>);

/// A frame as it goes out.
pub fn encode(frame: client_frame::Frame) -> Bytes {
    let frame = Some(frame);
    ClientFrame { frame }.encode_to_vec().into()
}

impl Socket {
    /// Connects and proves who the device is.
    pub async fn open(address: &str, device: &mut Device) -> Outcome<(Self, Ready)> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(16 * 1024);
        let url = format!("ws://{address}/v1/ws");
        let opened = tokio_tungstenite::client_async_with_config(url, stream, Some(config));
        let mut socket = Self(opened.await?.0);
        let server_frame::Frame::Challenge(challenge) = socket.next().await? else {
            return Err("no challenge".into());
        };
        socket.send(device.hello(&challenge)).await?;
        match socket.next().await? {
            server_frame::Frame::Ready(ready) => Ok((socket, ready)),
            other => Err(format!("not ready: {other:?}").into()),
        }
    }

    /// Sends one frame.
    pub async fn send(&mut self, frame: client_frame::Frame) -> Outcome<()> {
        self.feed(encode(frame)).await?;
        self.flush().await
    }

    /// Hands over an encoded frame, to be written at the next flush at the latest.
    pub async fn feed(&mut self, frame: Bytes) -> Outcome<()> {
        Ok(self.0.feed(Message::Binary(frame)).await?)
    }

    /// Writes what was handed over.
    pub async fn flush(&mut self) -> Outcome<()> {
        Ok(self.0.flush().await?)
    }

    /// Asks to follow a log.
    pub async fn follow(&mut self, log: subscribe::Log) -> Outcome<()> {
        let log = Some(log);
        self.send(client_frame::Frame::Subscribe(Subscribe { log }))
            .await
    }

    /// The next frame. May be dropped while it waits.
    pub async fn next(&mut self) -> Outcome<server_frame::Frame> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = ServerFrame::decode(bytes)?.frame;
                    return match frame.ok_or("an empty frame")? {
                        server_frame::Frame::Closing(closing) => {
                            Err(format!("closed by the server: {:?}", closing.code()).into())
                        }
                        frame => Ok(frame),
                    };
                }
                Some(Ok(Message::Close(_))) | None => return Err("connection closed".into()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// The next frame, if it is there.
    pub fn ready(&mut self) -> Option<Outcome<server_frame::Frame>> {
        self.next().now_or_never()
    }

    /// Sends a request under the device's next counter and waits for its answer,
    /// which must not be a refusal.
    pub async fn ask(
        &mut self,
        device: &mut Device,
        operation: send::Operation,
    ) -> Outcome<Answer> {
        device.counter += 1;
        let send = Send {
            send_counter: device.counter,
            operation: Some(operation),
        };
        self.send(client_frame::Frame::Send(send)).await?;
        loop {
            if let server_frame::Frame::Answer(answer) = self.next().await? {
                return accepted(answer);
            }
        }
    }
}

/// An answer that is not a refusal.
pub fn accepted(answer: Answer) -> Outcome<Answer> {
    match answer.result {
        Some(relais_wire::v1::answer::Result::Refusal(refusal)) => {
            Err(format!("refused: {:?}", refusal.code()).into())
        }
        _ => Ok(answer),
    }
}
