//! The server of a simulated world: the real one, on one thread, over a disk that can
//! crash, with a clock and randomness that are ours.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use prost::bytes::Bytes;
use rand::RngCore as _;
use relais_core::engine::http::{HttpRequest, HttpResponse, Method};
use relais_server::channels::roster_in;
use relais_server::store::{LogStore, MemoryDisk, Operation, Store, Write};
use relais_server::ws::{self, Place};
use relais_server::{Config, Random, Server};
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::roster::CheckedRoster;
use relais_wire::structure::Structure;
use tokio::sync::mpsc::error::TryRecvError;
use tower::ServiceExt as _;

use super::pipe::{self, Line};
use super::{Rng, rng};
use crate::world::START_MS;

/// Largest body that a server answers with: a piece of a blob and room.
const BODY_BYTES: usize = 2 * relais_wire::limits::BLOB_TRANSFER_BYTES;

/// See the module's head.
pub struct Host {
    runtime: tokio::runtime::Runtime,
    /// What is durable.
    pub disk: MemoryDisk,
    clock: Arc<AtomicU64>,
    random: Random,
    folder: tempfile::TempDir,
    suite: u16,
    server: Option<Server>,
    router: axum::Router,
}

fn memory_folder() -> tempfile::TempDir {
    // Blobs are files: in memory where the system has such a folder.
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a folder")
}

impl Host {
    /// A server with a fresh structure, and its set-up link.
    pub fn new(seed: u64, suite: u16) -> (Self, String) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            // Whose turn is next follows from the order of wakes alone, not from how
            // many turns there were while a file was written.
            .global_queue_interval(1)
            .event_interval(u32::MAX)
            .build()
            .expect("a runtime");
        let source: Mutex<Rng> = Mutex::new(rng(seed, "server"));
        let random: Random = Arc::new(move |bytes| {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            source.fill_bytes(bytes);
            Ok(())
        });
        let mut host = Self {
            runtime,
            disk: MemoryDisk::default(),
            clock: Arc::new(AtomicU64::new(START_MS)),
            random,
            folder: memory_folder(),
            suite,
            server: None,
            router: axum::Router::new(),
        };
        let (founding, link) =
            relais_server::founding::found("http://relais.invalid", &host.random)
                .expect("founding");
        let store = host.open_store();
        host.runtime
            .block_on(store.found(founding))
            .expect("founded");
        host.serve(store);
        (host, link.to_string())
    }

    fn open_store(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_inline(&self.disk).expect("the store opens"))
    }

    fn serve(&mut self, store: Arc<dyn Store>) {
        let clock = Arc::clone(&self.clock);
        let mut config = Config::new(self.folder.path());
        config.clock = Arc::new(move || clock.load(Ordering::Relaxed));
        config.random = Arc::clone(&self.random);
        config.ciphersuite = Some(self.suite);
        config.one_thread = true;
        let server = self
            .runtime
            .block_on(relais_server::embed(store, config))
            .expect("the server starts");
        self.router = relais_server::http::router(server.app.clone());
        self.server = Some(server);
    }

    fn app(&self) -> &Arc<relais_server::app::App> {
        &self.server.as_ref().expect("running").app
    }

    /// The power goes and comes back: what was not durable is lost.
    pub fn crash(&mut self) {
        self.disk.crash();
        self.restart();
    }

    /// The disk is put back to an earlier copy.
    pub fn restore(&mut self, copy: &MemoryDisk) {
        self.disk = copy.snapshot();
        self.restart();
    }

    fn restart(&mut self) {
        self.server = None;
        // What its tasks still had to do, they do to a disk that is gone.
        self.run(1);
        let store = self.open_store();
        self.serve(store);
    }

    /// Milliseconds since the Unix epoch, by the server's clock.
    pub fn now_ms(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Sets the server's clock.
    pub fn set_clock(&self, now_ms: u64) {
        self.clock.store(now_ms, Ordering::Relaxed);
    }

    /// Opens a connection.
    pub fn connect(&self) -> Option<Line> {
        let app = self.app().clone();
        let place = Place::take(&app).ok()?;
        let (pipe, line) = pipe::pair();
        self.runtime.spawn(ws::serve(app, place, pipe));
        Some(line)
    }

    /// Lets the server do everything that it can do now, and its timers run on by
    /// `ms`: the paused clock moves only when nothing else is left to do.
    pub fn run(&self, ms: u64) {
        self.runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            // Whoever was woken at this very moment too has its turn now: with the
            // runtime's settings above, a yield lasts until nobody is ready.
            tokio::task::yield_now().await;
        });
    }

    /// Carries out an HTTP request.
    pub fn request(&self, request: HttpRequest, token: Option<&str>) -> Option<HttpResponse> {
        let method = match request.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        };
        let mut asked = Request::builder().method(method).uri(&request.path);
        for (name, value) in &request.headers {
            asked = asked.header(*name, value);
        }
        if let Some(token) = token {
            asked = asked.header("authorization", format!("Bearer {token}"));
        }
        let asked = asked.body(Body::from(request.body)).ok()?;
        let router = self.router.clone();
        self.runtime.block_on(async move {
            let response = router.oneshot(asked).await.ok()?;
            let (head, body) = response.into_parts();
            let headers = head
                .headers
                .iter()
                .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()))
                .collect();
            Some(HttpResponse {
                status: head.status.as_u16(),
                headers,
                body: to_bytes(body, BODY_BYTES).await.ok()?.to_vec(),
            })
        })
    }

    /// Head of a channel's log.
    pub fn head(&self, channel: ChannelId) -> Option<u64> {
        let read = self.runtime.block_on(self.app().store.channel(channel));
        Some(read.ok()??.head_seq)
    }

    /// Hash of each of a channel's entries that are kept; none of an unknown channel.
    pub fn hashes(&self, channel: ChannelId) -> BTreeMap<u64, Bytes> {
        let seqs = (1..=self.head(channel).unwrap_or_default()).collect();
        let read = self.app().store.entry_hashes(channel, seqs);
        let read = self.runtime.block_on(read).unwrap_or_default();
        read.into_iter().map(|head| (head.seq, head.hash)).collect()
    }

    /// Whether an entry of a channel is for a device.
    pub fn covers(&self, channel: ChannelId, device: DeviceId, seq: u64) -> bool {
        let read = self.app().store.read_channel(channel, device, seq - 1, 1);
        let page = self.runtime.block_on(read).ok();
        page.is_some_and(|page| page.entries.first().is_some_and(|entry| entry.seq == seq))
    }

    /// Whether it believes that it was restored from a backup.
    pub fn believes_it_was_restored(&self) -> bool {
        let restores = self.runtime.block_on(self.app().store.restores());
        restores.is_ok_and(|restores| restores > 0)
    }

    /// The structure as its log says it now.
    pub fn structure(&self) -> Arc<Structure> {
        self.app().structure.now()
    }

    /// Who is in a channel, by its group's context.
    pub fn roster(&self, channel: ChannelId) -> Option<CheckedRoster> {
        let read = self.runtime.block_on(self.app().store.channel(channel));
        roster_in(&read.ok()??.state.group_info).ok()
    }

    /// Somebody takes a device's key packages and uses none.
    pub fn use_up_key_packages(&self, of: DeviceId, packages: usize) {
        for _ in 0..packages {
            let mut nobody = [0; 16];
            (self.random)(&mut nobody).expect("a stream");
            let write = Write {
                device: DeviceId(nobody),
                send_counter: 1,
                request_hash: [0; 32],
                now_ms: self.now_ms(),
                operation: Operation::ClaimKeyPackages(vec![of]),
            };
            // Without room on its disk the server hands out nothing.
            let _ = self.runtime.block_on(self.app().store.write(write));
        }
    }

    /// Whether the disk shows `needle` anywhere.
    pub fn shows(&self, needle: &[u8]) -> bool {
        let finder = memchr::memmem::Finder::new(needle);
        let mut found = false;
        self.disk.for_each(|key, value| {
            found |= finder.find(key).is_some() || finder.find(value).is_some();
        });
        found
    }
}

/// What a device finds at its end of the line.
pub enum Received {
    /// A frame.
    Frame(Bytes),
    /// Nothing yet.
    Nothing,
    /// The server has hung up, and everything before was read.
    End,
}

/// Takes the next frame that arrived.
pub fn received(line: &mut Line) -> Received {
    match line.from_server.try_recv() {
        Ok(frame) => Received::Frame(frame),
        Err(TryRecvError::Empty) => Received::Nothing,
        Err(TryRecvError::Disconnected) => Received::End,
    }
}
