//! Both sides of the network: an HTTP answer and a WebSocket.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use relais_wire::ids::ChannelId;
use relais_wire::v1::*;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

#[derive(Debug, Default)]
pub struct Http {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Http {
    pub fn parse(answer: &[u8], method: &str) -> Self {
        let end = answer
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .expect("a head");
        let head = std::str::from_utf8(&answer[..end]).expect("text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|l| l.split(' ').nth(1)?.parse().ok());
        let headers: BTreeMap<_, _> = lines
            .filter_map(|l| l.split_once(": "))
            .map(|(n, v)| (n.to_lowercase(), v.to_owned()))
            .collect();
        let mut body = answer[end + 4..].to_vec();
        if method == "HEAD" {
            body.clear();
        }
        assert!(
            !headers.contains_key("transfer-encoding"),
            "lengths are known"
        );
        Self {
            status: status.expect("status"),
            headers,
            body,
        }
    }

    pub fn refusal(&self) -> RefusalCode {
        Refusal::decode(&self.body[..]).expect("a refusal").code()
    }
}

pub struct Socket {
    pub stream: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub async fn raw(&mut self, bytes: Vec<u8>) {
        self.stream
            .send(Message::Binary(bytes.into()))
            .await
            .expect("sends");
    }

    pub async fn send(&mut self, frame: client_frame::Frame) {
        let frame = Some(frame);
        self.raw(ClientFrame { frame }.encode_to_vec()).await;
    }

    pub async fn subscribe(&mut self, log: subscribe::Log) {
        let log = Some(log);
        self.send(client_frame::Frame::Subscribe(Subscribe { log }))
            .await;
    }

    pub async fn follow(&mut self, channel: ChannelId, after_seq: u64) {
        let channel_id = channel.to_bytes();
        self.subscribe(subscribe::Log::Channel(ChannelCursor {
            channel_id,
            after_seq,
        }))
        .await;
    }

    /// The next frame, or `None` when the server ended the connection.
    pub async fn try_next(&mut self) -> Option<server_frame::Frame> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(5), self.stream.next());
            match message.await.expect("a frame in time")? {
                Ok(Message::Binary(bytes)) => {
                    return ServerFrame::decode(bytes).expect("a server frame").frame;
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn next(&mut self) -> server_frame::Frame {
        self.try_next().await.expect("connection open")
    }

    /// The next frame that is not a summary of cursors.
    pub async fn next_item(&mut self) -> server_frame::Frame {
        loop {
            match self.next().await {
                server_frame::Frame::Cursors(_) => {}
                other => return other,
            }
        }
    }

    pub async fn next_entry(&mut self) -> ChannelEntry {
        match self.next_item().await {
            server_frame::Frame::Delivery(Delivery {
                item: Some(delivery::Item::Channel(e)),
            }) => e,
            other => panic!("no entry: {other:?}"),
        }
    }

    pub async fn next_caught_up(&mut self) -> caught_up::Log {
        match self.next_item().await {
            server_frame::Frame::CaughtUp(CaughtUp { log: Some(log) }) => log,
            other => panic!("not caught up: {other:?}"),
        }
    }

    pub async fn next_closing(&mut self) -> RefusalCode {
        loop {
            if let server_frame::Frame::Closing(closing) = self.next().await {
                return closing.code();
            }
        }
    }

    /// Nothing arrives for a while.
    pub async fn is_silent(&mut self) {
        let next = tokio::time::timeout(Duration::from_millis(400), self.stream.next()).await;
        assert!(next.is_err(), "unexpected: {next:?}");
    }
}

pub trait AnswerExt {
    fn expect_appended(&self) -> Appended;
    fn expect_done(&self);
    fn expect_refusal(&self) -> RefusalCode;
}

impl AnswerExt for Answer {
    fn expect_appended(&self) -> Appended {
        match &self.result {
            Some(answer::Result::Appended(appended)) => appended.clone(),
            other => panic!("not appended: {other:?}"),
        }
    }

    fn expect_done(&self) {
        assert!(
            matches!(self.result, Some(answer::Result::Done(_))),
            "{self:?}"
        );
    }

    fn expect_refusal(&self) -> RefusalCode {
        match &self.result {
            Some(answer::Result::Refusal(refusal)) => refusal.code(),
            other => panic!("not refused: {other:?}"),
        }
    }
}
