//! One device of the world: a real engine on a real encrypted database, and a
//! socket that the world can disturb.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use prost::bytes::Bytes;
use relais_core::engine::http::{HttpRequest, HttpResponse, Method};
use relais_core::{Engine, Event, driver};
use relais_wire::ids::{DeviceId, ProfessionalId};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::network::{CutStream, Faults};
use crate::listener::Listener;

type Socket = WebSocketStream<CutStream>;

/// See the module's head.
pub struct Device {
    /// Its engine: commands and queries go here directly.
    pub engine: Engine,
    /// The person's name, for messages of failed tests.
    pub name: String,
    /// What its network does wrong.
    pub faults: Faults,
    /// Everything that the engine told.
    pub events: Vec<Event>,
    /// Every frame that arrived, to be damaged and played again.
    pub received: Vec<Bytes>,
    /// The longest of its steps: so long nobody was listened to.
    pub longest_step: Duration,
    /// What its person's app shows.
    pub(super) listener: Listener,
    path: PathBuf,
    key: driver::DatabaseKey,
    address: String,
    socket: Option<Socket>,
    http: reqwest::Client,
    online: bool,
    sent: usize,
    /// Frames that may still be handed to the socket; the rest is lost with it.
    frames_left: Option<usize>,
}

fn open(path: &std::path::Path, key: &driver::DatabaseKey, now_ms: u64) -> Engine {
    let db = driver::open_database(path, key).expect("database opens");
    Engine::open(db, now_ms).expect("engine opens")
}

impl Device {
    pub(super) fn new(name: &str, path: PathBuf, now_ms: u64) -> Self {
        let key = driver::DatabaseKey([7; 32]);
        Self {
            engine: open(&path, &key, now_ms),
            name: name.to_owned(),
            faults: Faults::default(),
            events: Vec::new(),
            received: Vec::new(),
            longest_step: Duration::ZERO,
            listener: Listener::default(),
            path,
            key,
            address: String::new(),
            socket: None,
            http: reqwest::Client::new(),
            online: true,
            sent: 0,
            frames_left: None,
        }
    }

    /// The person of this device.
    pub fn professional(&self) -> ProfessionalId {
        self.engine.whoami().expect("enrolled").professional
    }

    /// The device's id.
    pub fn device(&self) -> DeviceId {
        self.engine.whoami().expect("enrolled").device
    }

    /// Frames that this device has handed to its socket.
    pub fn frames_sent(&self) -> usize {
        self.sent
    }

    /// Only so many more frames leave this device until [`Device::go_on`].
    pub fn pause_after(&mut self, frames: usize) {
        self.frames_left = Some(frames);
    }

    /// Frames leave again.
    pub fn go_on(&mut self) {
        self.frames_left = None;
    }

    /// No network until [`Device::go_online`].
    pub fn go_offline(&mut self) {
        self.online = false;
        self.hang_up();
    }

    /// The network is back.
    pub fn go_online(&mut self) {
        self.online = true;
    }

    pub(super) fn hang_up(&mut self) {
        if self.socket.take().is_some() {
            self.engine.disconnected();
        }
    }

    /// The process is killed: nothing but the database file survives.
    pub fn crash(&mut self, now_ms: u64) {
        self.socket = None;
        // The old connection must release its lock before the file opens again.
        let db = rusqlite::Connection::open_in_memory().expect("memory");
        let placeholder = Engine::open(db, now_ms).expect("engine");
        drop(std::mem::replace(&mut self.engine, placeholder));
        self.listener = Listener::default();
        self.engine = open(&self.path, &self.key, now_ms);
    }

    /// A byte copy of the database, as a backup program would take it.
    pub fn backup(&mut self, now_ms: u64) -> Vec<(PathBuf, Vec<u8>)> {
        self.crash(now_ms);
        let wal = self.path.with_extension("db-wal");
        [self.path.clone(), wal]
            .into_iter()
            .filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?)))
            .collect()
    }

    /// The database is put back to an earlier copy.
    pub fn restore(&mut self, backup: &[(PathBuf, Vec<u8>)], now_ms: u64) {
        self.socket = None;
        let db = rusqlite::Connection::open_in_memory().expect("memory");
        self.engine = Engine::open(db, now_ms).expect("engine");
        let _ = std::fs::remove_file(self.path.with_extension("db-wal"));
        for (path, bytes) in backup {
            std::fs::write(path, bytes).expect("restored");
        }
        self.listener = Listener::default();
        self.engine = open(&self.path, &self.key, now_ms);
    }

    /// Somebody with the key changes this device's database behind the engine.
    pub fn edit_database(&mut self, now_ms: u64, edit: impl FnOnce(&rusqlite::Connection)) {
        self.socket = None;
        let db = rusqlite::Connection::open_in_memory().expect("memory");
        self.engine = Engine::open(db, now_ms).expect("engine");
        let db = driver::open_database(&self.path, &self.key).expect("database");
        edit(&db);
        drop(db);
        self.listener = Listener::default();
        self.engine = open(&self.path, &self.key, now_ms);
    }

    /// Starts from a copy of another device's database.
    pub fn restore_as_own(&mut self, backup: &[(PathBuf, Vec<u8>)], now_ms: u64) {
        let own: Vec<_> = backup
            .iter()
            .map(|(path, bytes)| {
                let wal = path.extension().is_some_and(|e| e == "db-wal");
                let extension = if wal { "db-wal" } else { "db" };
                (self.path.with_extension(extension), bytes.clone())
            })
            .collect();
        self.restore(&own, now_ms);
    }

    /// Does everything that can be done now. Returns whether anything happened.
    pub(super) async fn turn(&mut self, address: &str, now_ms: u64) -> bool {
        self.address = address.to_owned();
        self.engine.set_time(now_ms);
        let mut busy = false;
        if self.online && self.engine.wants_connection() && self.socket.is_none() {
            busy |= self.connect().await;
        }
        busy |= self.receive().await;
        loop {
            busy |= self.step();
            busy |= self.send().await;
            busy |= self.requests().await;
            let events = self.engine.take_events();
            busy |= !events.is_empty();
            self.listener.hear(&self.engine, &events);
            self.events.extend(events);
            if self.engine.closed_by_server().is_some() {
                self.hang_up();
                return true;
            }
            if !self.step() {
                break;
            }
        }
        busy | self.send().await
    }

    fn step(&mut self) -> bool {
        let begun = Instant::now();
        let more = self.engine.step(16);
        self.longest_step = self.longest_step.max(begun.elapsed());
        more.unwrap_or_else(|error| panic!("{}: a step failed: {error}", self.name))
    }

    async fn connect(&mut self) -> bool {
        let Ok(stream) = tokio::net::TcpStream::connect(&self.address).await else {
            return false;
        };
        let stream = CutStream::new(stream, self.faults.take_cut());
        let url = format!("ws://{}/v1/ws", self.address);
        match tokio_tungstenite::client_async(url, stream).await {
            Ok((socket, _)) => {
                self.socket = Some(socket);
                self.engine.connected().expect("connected");
                true
            }
            Err(_) => true, // Cut during the handshake: tried again.
        }
    }

    async fn receive(&mut self) -> bool {
        let mut any = false;
        while let Some(socket) = &mut self.socket {
            // Frames that are on their way on loopback arrive within this.
            match tokio::time::timeout(Duration::from_millis(2), socket.next()).await {
                Err(_) => return any,
                Ok(Some(Ok(Message::Binary(frame)))) => {
                    any = true;
                    for frame in self.faults.hear(frame) {
                        self.received.push(frame.clone());
                        for _ in 0..self.faults.deliveries() {
                            self.engine.receive(frame.clone()).expect("received");
                        }
                    }
                }
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                    self.hang_up();
                    return true;
                }
                Ok(Some(Ok(_))) => {}
            }
        }
        any
    }

    async fn send(&mut self) -> bool {
        let frames = self.engine.take_frames();
        let any = !frames.is_empty();
        for frame in frames {
            if let Some(left) = &mut self.frames_left {
                if *left == 0 {
                    continue;
                }
                *left -= 1;
            }
            self.sent += 1;
            let (frame, heard) = self.faults.say(frame);
            for frame in heard {
                self.engine.receive(frame).expect("received");
            }
            let Some(frame) = frame else { continue };
            for _ in 0..self.faults.sendings() {
                if !self.send_frame(frame.clone()).await {
                    return true;
                }
            }
        }
        any
    }

    async fn send_frame(&mut self, frame: Bytes) -> bool {
        let Some(socket) = &mut self.socket else {
            return false;
        };
        if socket.send(Message::Binary(frame)).await.is_err() {
            self.hang_up();
            return false;
        }
        true
    }

    async fn requests(&mut self) -> bool {
        let mut any = false;
        for request in self.engine.take_requests() {
            any = true;
            let id = request.id;
            let response = if self.online && !self.faults.lose_request() {
                let answer = self.exchange(request).await;
                answer.filter(|_| !self.faults.lose_answer())
            } else {
                None
            };
            self.engine.respond(id, response).expect("responded");
        }
        any
    }

    async fn exchange(&self, request: HttpRequest) -> Option<HttpResponse> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let url = format!("http://{}{}", self.address, request.path);
        let mut builder = self.http.request(method, url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(token) = self.engine.token() {
            builder = builder.bearer_auth(token);
        }
        let response = builder.body(request.body).send().await.ok()?;
        let headers = response
            .headers()
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()))
            .collect();
        Some(HttpResponse {
            status: response.status().as_u16(),
            headers,
            body: response.bytes().await.ok()?.to_vec(),
        })
    }

    /// Whether nothing waits here: connected, caught up, all acts settled.
    pub(super) fn is_settled(&self) -> bool {
        !self.online || super::is_settled(&self.engine, true)
    }

    /// When it does something by itself, if it can.
    pub(super) fn wake_at(&self) -> Option<u64> {
        self.engine.wake_at().filter(|_| self.online)
    }

    pub(super) fn is_online(&self) -> bool {
        self.online
    }
}
