//! What a removed member's device can still do: asked politely, as `relais` does,
//! and not so politely, by a program that holds the device's keys and its place on
//! the network and asks for what it may not have.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use prost::bytes::Bytes;
use relais_core::Engine;
use relais_core::driver::{now_ms, open_database};
use relais_core::engine::Phase;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{
    ChannelCursor, ChannelEntry, ClientFrame, Delivery, ServerFrame, Subscribe, caught_up,
    client_frame, delivery, server_frame, subscribe,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::device::Device;
use crate::failure::{Failure, Result};

/// The server answers on loopback within this.
const ANSWERS: Duration = Duration::from_secs(20);

/// A device's engine and socket, with frames of our own beside the engine's.
pub struct Probe {
    engine: Engine,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    address: String,
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Story(format!("probe: {error}"))
}

impl Probe {
    /// Opens a profile that no other process has open, and logs in.
    pub async fn open(device: &Device, address: String) -> Result<Self> {
        let db = open_database(&device.database(), &device.key()?).map_err(broken)?;
        let mut engine = Engine::open(db, now_ms()).map_err(broken)?;
        let url = format!("ws://{address}/v1/ws");
        let (socket, _) = tokio_tungstenite::connect_async(url)
            .await
            .map_err(broken)?;
        engine.connected().map_err(broken)?;
        let mut probe = Self {
            engine,
            socket,
            address,
        };
        tokio::time::timeout(ANSWERS, probe.catch_up())
            .await
            .map_err(broken)??;
        Ok(probe)
    }

    async fn catch_up(&mut self) -> Result<()> {
        loop {
            self.work()?;
            for frame in self.engine.take_frames() {
                self.socket
                    .send(Message::Binary(frame))
                    .await
                    .map_err(broken)?;
            }
            let state = self.engine.sync_state().map_err(broken)?;
            if self.engine.phase() == Phase::Ready && state.caught_up {
                return Ok(());
            }
            let frame = self.next().await?;
            self.engine.receive(frame).map_err(broken)?;
        }
    }

    fn work(&mut self) -> Result<()> {
        self.engine.set_time(now_ms());
        while self.engine.step(64).map_err(broken)? {}
        for request in self.engine.take_requests() {
            self.engine.respond(request.id, None).map_err(broken)?;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Bytes> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(frame))) => return Ok(frame),
                Some(Ok(Message::Close(_))) | None => return Err(broken("the server hung up")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(error)),
            }
        }
    }

    /// Asks the server for a channel's log after a place; what it gives.
    pub async fn read_log(
        &mut self,
        channel: ChannelId,
        after_seq: u64,
    ) -> Result<Vec<ChannelEntry>> {
        let cursor = ChannelCursor {
            channel_id: channel.to_bytes(),
            after_seq,
        };
        let subscribe = Subscribe {
            log: Some(subscribe::Log::Channel(cursor)),
        };
        let frame = ClientFrame {
            frame: Some(client_frame::Frame::Subscribe(subscribe)),
        };
        let frame = Message::Binary(frame.encode_to_vec().into());
        self.socket.send(frame).await.map_err(broken)?;
        let entries = self.entries(channel);
        tokio::time::timeout(ANSWERS, entries)
            .await
            .map_err(broken)?
    }

    async fn entries(&mut self, channel: ChannelId) -> Result<Vec<ChannelEntry>> {
        let mut entries = Vec::new();
        loop {
            let frame = ServerFrame::decode(self.next().await?).map_err(broken)?;
            match frame.frame {
                Some(server_frame::Frame::Delivery(Delivery {
                    item: Some(delivery::Item::Channel(entry)),
                })) => entries.push(entry),
                Some(server_frame::Frame::CaughtUp(caught_up)) => {
                    let about = match caught_up.log {
                        Some(caught_up::Log::Channel(c) | caught_up::Log::Closed(c)) => {
                            c.channel_id
                        }
                        Some(caught_up::Log::Trimmed(trimmed)) => trimmed.channel_id,
                        _ => continue,
                    };
                    if about == channel.to_bytes() {
                        return Ok(entries);
                    }
                }
                Some(server_frame::Frame::Closing(closing)) => {
                    return Err(broken(format!("closed by the server: {closing:?}")));
                }
                _ => {}
            }
        }
    }

    /// Asks the server for a blob; the HTTP status.
    pub async fn fetch_blob(&self, blob: &str) -> Result<u16> {
        // One provider for the whole process; a second installation is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://{}/v1/blobs/{blob}", self.address);
        let token = self.engine.token().unwrap_or_default();
        let request = reqwest::Client::new().get(url).bearer_auth(token);
        Ok(request.send().await.map_err(broken)?.status().as_u16())
    }

    /// Hands entries to the device as a hostile server would; whether anything of
    /// them is seen on it.
    pub fn swallow(mut self, channel: ChannelId, entries: &[ChannelEntry]) -> Result<bool> {
        let seen = |engine: &Engine| {
            let items = engine
                .timeline(channel, 0, usize::MAX)
                .map_err(broken)?
                .len();
            Ok::<_, Failure>((items, engine.projection_hash(channel, 0).map_err(broken)?))
        };
        let before = seen(&self.engine)?;
        for entry in entries {
            let item = Some(delivery::Item::Channel(entry.clone()));
            let frame = Some(server_frame::Frame::Delivery(Delivery { item }));
            let frame = ServerFrame { frame }.encode_to_vec();
            // A refusal is as good as silence.
            let _ = self.engine.receive(frame.into());
            self.work()?;
        }
        let after = seen(&self.engine)?;
        self.engine.close().map_err(broken)?;
        Ok(before != after)
    }

    /// Closes the profile, so that `relais` can use it again.
    pub fn close(self) -> Result<()> {
        self.engine.close().map_err(broken)
    }
}
