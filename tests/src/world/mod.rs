//! The world in which scenarios happen: one real server in this process, real
//! engines on real encrypted databases, real sockets on loopback, a network and
//! disks that fail on command, and a clock that the test moves.

mod acts;
mod device;
mod invariants;
mod network;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use relais_core::Engine;
use relais_core::commands::{NewMember, NewThread};
use relais_core::engine::Phase;
use relais_core::identity::Enrolment;
use relais_core::identity::cards::OwnCard;
use relais_server::store::Store;
use relais_server::{Config, Server};
use relais_wire::ids::ChannelId;

pub use device::Device;
pub use network::{Cut, Faults};

/// A device of the world, by number.
pub type Who = usize;

/// Which store the server uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// The in-memory twin with crash semantics.
    Memory,
    /// The embedded store, in a folder.
    Sled,
}

/// See [`World::backup_server`].
pub struct ServerBackup(relais_server::store::MemoryDisk);

enum Disk {
    Memory(relais_server::store::MemoryDisk),
    Sled(PathBuf),
}

/// See the module's head.
pub struct World {
    /// The devices, in the order in which they were added.
    pub devices: Vec<Device>,
    /// A scenario with a hostile party: quarantined entries are expected.
    pub hostile: bool,
    folder: tempfile::TempDir,
    clock: Arc<AtomicU64>,
    disk: Disk,
    server: Option<Server>,
    address: String,
    public_url: String,
    /// Highest sequence ever seen as accepted, to notice a log that goes back.
    accepted: std::collections::BTreeMap<(Who, ChannelId), u64>,
}

/// 2026-03-02 08:00 UTC, a Monday.
pub(crate) const START_MS: u64 = 1_772_438_400_000;

/// Whether nothing waits on a device: it is caught up, or has nothing to be caught up
/// with, and all its acts are settled; with `transfers`, all photos too.
pub(crate) fn is_settled(engine: &Engine, transfers: bool) -> bool {
    let joining = *engine.enrolment() == Enrolment::Joining;
    if !(joining || engine.wants_connection()) {
        return true;
    }
    let state = engine.sync_state().expect("state");
    state.caught_up
        && state.waiting == 0
        && (state.transfers == 0 || !transfers)
        && engine.phase() == Phase::Ready
}

/// Time that passes in a turn in which nothing happens.
const PAUSE_MS: u64 = 250;
/// After so many such turns the time until the next retry passes at once.
const IDLE: usize = 8;
const LONGEST_PAUSE_MS: u64 = 10_000;

/// A fictitious card.
pub fn card(given: &str, family: &str, profession: u32, rpps: &str) -> OwnCard {
    OwnCard {
        family_name: family.into(),
        given_name: given.into(),
        profession,
        rpps: rpps.into(),
    }
}

/// A small photo, as JPEG.
pub fn photo() -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8, y as u8, 90]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let written = pixels.write_to(&mut jpeg, image::ImageFormat::Jpeg);
    written.expect("encoded");
    jpeg.into_inner()
}

impl World {
    /// A server with a fresh structure, and the first coordinator's device (0).
    pub async fn new(kind: StoreKind) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("folder");
        let disk = match kind {
            StoreKind::Memory => Disk::Memory(relais_server::store::MemoryDisk::default()),
            StoreKind::Sled => Disk::Sled(folder.path().join("store")),
        };
        let mut world = Self {
            devices: Vec::new(),
            hostile: false,
            folder,
            clock: Arc::new(AtomicU64::new(START_MS)),
            disk,
            server: None,
            address: String::new(),
            public_url: "http://relais.invalid".into(),
            accepted: Default::default(),
        };
        let random = relais_server::config::system_random();
        let (founding, link) =
            relais_server::founding::found(&world.public_url, &random).expect("founding");
        let store = world.open_store();
        store.found(founding).await.expect("founded");
        world.serve(store).await;
        let coordinator = world.add_device("Claire");
        world.devices[coordinator]
            .engine
            .join(
                &link.to_string(),
                Some(card("Claire", "Lefèvre", 60, "99700218896")),
            )
            .expect("join");
        world.settle().await;
        world
    }

    fn open_store(&self) -> Arc<dyn Store> {
        match &self.disk {
            Disk::Memory(disk) => {
                Arc::new(relais_server::store::LogStore::open_memory(disk).expect("store"))
            }
            Disk::Sled(path) => {
                Arc::new(relais_server::store::LogStore::open_sled(path).expect("store"))
            }
        }
    }

    async fn serve(&mut self, store: Arc<dyn Store>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind");
        self.address = listener.local_addr().expect("address").to_string();
        let clock = Arc::clone(&self.clock);
        let mut config = Config::new(self.folder.path().join("data"));
        config.clock = Arc::new(move || clock.load(Ordering::Relaxed));
        config.public_url = Some(self.public_url.clone());
        let server = relais_server::serve(listener, store, config).await;
        self.server = Some(server.expect("server"));
    }

    /// A device without an enrolment.
    pub fn add_device(&mut self, name: &str) -> Who {
        let path = self
            .folder
            .path()
            .join(format!("{}.db", self.devices.len()));
        let device = Device::new(name, path, self.now_ms());
        self.devices.push(device);
        self.devices.len() - 1
    }

    /// A person of the structure: invited by the coordinator, enrolled on a device
    /// of their own, confirmed.
    pub async fn add_user(&mut self, name: &str) -> Who {
        let invitation = self.devices[0]
            .engine
            .invite(&card(name, "Martin", 60, "99700218896"))
            .expect("invite");
        self.settle().await;
        let who = self.add_device(name);
        self.devices[who]
            .engine
            .join(&invitation.link, None)
            .expect("join");
        self.settle().await;
        assert!(
            self.devices[who]
                .engine
                .whoami()
                .expect("enrolled")
                .confirmed,
            "{name} is confirmed"
        );
        who
    }

    /// A thread opened by `who`, with these members.
    pub async fn thread(&mut self, who: Who, title: &str, members: &[Who]) -> ChannelId {
        let members = members
            .iter()
            .map(|m| NewMember::care_team(self.devices[*m].professional()))
            .collect();
        let new = NewThread {
            title: title.into(),
            header: None,
            members,
        };
        let channel = self.devices[who]
            .engine
            .create_thread(&new)
            .expect("thread");
        self.settle().await;
        channel
    }

    /// The world's clock, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Moves the clock of server and devices.
    pub fn advance(&mut self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// One turn of each device. Returns whether anything happened.
    pub async fn turn(&mut self) -> bool {
        let mut busy = false;
        for number in 0..self.devices.len() {
            let now = self.now_ms();
            let address = self.address.clone();
            busy |= self.devices[number].turn(&address, now).await;
        }
        busy
    }

    /// Lets everything happen that can, then asserts the invariants.
    ///
    /// # Panics
    /// When it does not come to rest, or an invariant does not hold.
    pub async fn settle(&mut self) {
        self.settle_within(2_000).await;
    }

    /// As [`World::settle`], in so many turns: what is tried again ever later takes long.
    ///
    /// # Panics
    /// As [`World::settle`].
    pub async fn settle_within(&mut self, turns: usize) {
        let (mut quiet, mut idle) = (0, 0);
        for _ in 0..turns {
            let busy = self.turn().await;
            idle = if busy { 0 } else { idle + 1 };
            // Time passes for retries, as it would for a person who waits.
            self.advance(match busy {
                true => 1,
                false if idle > IDLE => self.until_next_retry(),
                false => PAUSE_MS,
            });
            let settled = self.devices.iter().all(Device::is_settled);
            quiet = if busy || !settled { 0 } else { quiet + 1 };
            if quiet >= 3 && self.same_heads() {
                self.assert_invariants();
                return;
            }
        }
        panic!("the world does not come to rest: {}", self.describe());
    }

    /// Until a device does something by itself.
    fn until_next_retry(&self) -> u64 {
        let due = self.devices.iter().filter_map(Device::wake_at).min();
        let due = due.map_or(0, |at| at.saturating_sub(self.now_ms()));
        due.clamp(PAUSE_MS, LONGEST_PAUSE_MS)
    }

    /// Ends the server's process without warning and starts it again from its
    /// disk.
    pub async fn crash_server(&mut self) {
        self.stop_server().await;
        let store = self.open_store();
        self.serve(store).await;
    }

    /// What a backup program would copy of the server's store now.
    ///
    /// # Panics
    /// For a store in a folder.
    pub fn backup_server(&self) -> ServerBackup {
        match &self.disk {
            Disk::Memory(disk) => ServerBackup(disk.snapshot()),
            Disk::Sled(_) => panic!("only the store in memory is backed up here"),
        }
    }

    /// Ends the server's process and starts it from a backup: it has forgotten
    /// everything since.
    pub async fn restore_server(&mut self, backup: &ServerBackup) {
        self.stop_server().await;
        self.disk = Disk::Memory(backup.0.snapshot());
        self.accepted.clear();
        let store = self.open_store();
        self.serve(store).await;
    }

    async fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            if let Disk::Memory(disk) = &self.disk {
                disk.crash();
            }
            // A store that was crashed under the server cannot close cleanly.
            let _ = server.shutdown().await;
        }
        for device in &mut self.devices {
            device.hang_up();
        }
    }

    /// Kills a device's process and starts it again from its database.
    pub fn crash(&mut self, who: Who) {
        let now = self.now_ms();
        self.devices[who].crash(now);
    }

    /// The server's folder: everything that its disk holds.
    pub fn server_folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Address of the server's socket.
    pub fn address(&self) -> &str {
        &self.address
    }
}
