//! Speaks the protocol with a device's real keys, but does what it likes.

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use prost::bytes::Bytes;
use relais_core::identity::WhoAmI;
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::label::{self, Label};
use relais_wire::v1::{
    ChannelCursor, ClientFrame, Hello, HelloBody, Send, ServerFrame, Subscribe, answer, caught_up,
    client_frame, send, server_frame, subscribe,
};
use tokio_tungstenite::tungstenite::Message;

use super::Surroundings;
use crate::world::{Who, World};

/// A socket without a rule.
pub type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

/// See the module's head.
pub struct Raw<L = Socket> {
    /// The connection, after its hello.
    pub socket: L,
    /// The device's send counter.
    pub counter: u64,
    /// The device's key.
    pub key: ed25519_dalek::SigningKey,
}

/// A socket that has not said hello.
pub async fn stranger(world: &World) -> Socket {
    let stream = tokio::net::TcpStream::connect(world.address())
        .await
        .expect("connect");
    let url = format!("ws://{}/v1/ws", world.address());
    let (socket, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .expect("socket");
    socket
}

/// What a device's database holds of itself.
pub struct Keys {
    /// Its send counter.
    pub counter: u64,
    /// Its key.
    pub device: ed25519_dalek::SigningKey,
    lease: Vec<u8>,
}

impl Keys {
    /// Reads them.
    pub fn read(db: &rusqlite::Connection) -> Self {
        let get = |key: &str| -> Vec<u8> {
            db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .expect("setting")
        };
        let identity: serde_json::Value =
            serde_json::from_slice(&get("identity")).expect("identity");
        let seed = hex::decode(identity["device_seed"].as_str().expect("seed")).expect("hex");
        Self {
            counter: u64::from_be_bytes(get("send_counter").try_into().expect("counter")),
            device: ed25519_dalek::SigningKey::from_bytes(&seed.try_into().expect("32 bytes")),
            lease: get("lease"),
        }
    }

    /// The frame by which the device's next lease begins.
    pub fn hello(&self, me: &WhoAmI, nonce: Bytes) -> client_frame::Frame {
        let body = HelloBody {
            nonce,
            structure_id: me.structure.to_bytes(),
            device_id: me.device.to_bytes(),
            protocol_version: relais_wire::PROTOCOL_VERSION,
            client_version: 1,
            lease: b"raw lease".to_vec().into(),
            previous_lease: self.lease.clone().into(),
            send_counter: self.counter,
            receipt: Default::default(),
        }
        .encode_to_vec();
        let signature = label::sign(&self.device, Label::Hello, &body);
        client_frame::Frame::Hello(Hello {
            body: body.into(),
            signature,
        })
    }
}

impl Raw {
    /// Takes a device's place: it is offline from now on.
    pub async fn connect(world: &mut World, who: Who) -> Self {
        let engine = &world.devices[who].engine;
        let me = engine.whoami().expect("enrolled");
        world.devices[who].go_offline();
        let mut keys = None;
        Surroundings::edit_database(world, who, &mut |db| keys = Some(Keys::read(db)));
        let keys = keys.expect("read");
        let mut raw = Self {
            socket: stranger(world).await,
            counter: keys.counter,
            key: keys.device.clone(),
        };
        let challenge = match raw.next().await {
            server_frame::Frame::Challenge(challenge) => challenge,
            other => panic!("expected a challenge, got {other:?}"),
        };
        raw.push(keys.hello(&me, challenge.nonce)).await;
        assert!(matches!(raw.next().await, server_frame::Frame::Ready(_)));
        raw
    }

    /// Sends a frame.
    pub async fn push(&mut self, frame: client_frame::Frame) {
        let bytes = ClientFrame { frame: Some(frame) }.encode_to_vec();
        self.socket
            .send(Message::Binary(bytes.into()))
            .await
            .expect("sent");
    }

    /// The next frame of the server.
    pub async fn next(&mut self) -> server_frame::Frame {
        loop {
            let message =
                tokio::time::timeout(std::time::Duration::from_secs(10), self.socket.next());
            let message = message
                .await
                .expect("in time")
                .expect("open")
                .expect("frame");
            if let Message::Binary(bytes) = message {
                return ServerFrame::decode(bytes)
                    .expect("frame")
                    .frame
                    .expect("some");
            }
        }
    }

    /// Sends an operation under the next send counter; what the server answers.
    pub async fn answered(&mut self, operation: send::Operation) -> answer::Result {
        self.counter += 1;
        self.push(client_frame::Frame::Send(Send {
            send_counter: self.counter,
            operation: Some(operation),
        }))
        .await;
        loop {
            if let server_frame::Frame::Answer(answer) = self.next().await {
                return answer.result.expect("a result");
            }
        }
    }

    /// As [`Raw::answered`], for what must not be taken.
    pub async fn refused(&mut self, operation: send::Operation) -> RefusalCode {
        match self.answered(operation).await {
            answer::Result::Refusal(refusal) => refusal.code(),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// As [`Raw::answered`], for what the server cannot know to be false.
    pub async fn taken(&mut self, operation: send::Operation) {
        match self.answered(operation).await {
            answer::Result::Appended(_) => {}
            other => panic!("not taken: {other:?}"),
        }
    }

    /// The server gives nothing of a channel.
    pub async fn subscription_is_closed(&mut self, channel: ChannelId) {
        self.push(client_frame::Frame::Subscribe(Subscribe {
            log: Some(subscribe::Log::Channel(ChannelCursor {
                channel_id: channel.to_bytes(),
                after_seq: 0,
            })),
        }))
        .await;
        match self.next().await {
            server_frame::Frame::CaughtUp(c) => {
                assert!(matches!(c.log, Some(caught_up::Log::Closed(_))), "{c:?}");
            }
            other => panic!("a stranger was given {other:?}"),
        }
    }
}
