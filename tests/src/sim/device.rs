//! One device of a simulated world: a real engine on a disk of ours, and a line to the
//! server that the world can disturb.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngCore as _;
use relais_core::engine::Options;
use relais_core::mls::Crypto;
use relais_core::{Engine, Error};
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};

use super::disk::Disk;
use super::ledger::Ledger;
use super::pipe::Line;
use super::{Rng, rng};
use crate::world::Faults;

/// One-time key packages in a set: few, so that they are used up.
const KEY_PACKAGES: u32 = 4;

/// See the module's head.
pub struct Device {
    /// Its engine: commands and queries go here directly.
    pub engine: Engine,
    /// What survives the engine.
    pub disk: Disk,
    /// What its network does wrong.
    pub faults: Faults,
    /// Whether there is a network.
    pub online: bool,
    /// The device's clock against the world's, milliseconds.
    pub clock_ahead_ms: i64,
    /// It runs on a full disk until it is started again.
    pub disk_full: bool,
    /// What its person did, and what was shown of it.
    pub ledger: Ledger,
    /// Entries that arrived, by channel.
    pub delivered: BTreeMap<ChannelId, BTreeSet<u64>>,
    /// Furthest epoch seen, by channel.
    pub epochs: BTreeMap<ChannelId, (u32, u64)>,
    /// What it had to send once is gone with what it forgot.
    pub begun_anew: bool,
    /// Who it last was: a device that was revoked has forgotten.
    pub identity: Option<(ProfessionalId, DeviceId)>,
    /// What the other device shows, for one that is being linked.
    pub code: Option<String>,
    pub(super) line: Option<Line>,
    /// Bytes that the line still carries in each direction.
    pub(super) left: (usize, usize),
    seeds: Rng,
}

impl Device {
    /// A fresh installation.
    pub fn new(world: u64, number: usize, now_ms: u64) -> Self {
        Self::on(Disk::new(), world, number, now_ms)
    }

    /// An installation on a disk that has something already.
    pub fn on(disk: Disk, world: u64, number: usize, now_ms: u64) -> Self {
        let mut seeds = rng(world, &format!("device {number}"));
        Self {
            engine: open(&disk, None, now_ms, &mut seeds).expect("a sound database"),
            disk,
            faults: Faults::default(),
            online: true,
            clock_ahead_ms: 0,
            disk_full: false,
            ledger: Ledger::default(),
            delivered: BTreeMap::new(),
            epochs: BTreeMap::new(),
            begun_anew: false,
            identity: None,
            code: None,
            line: None,
            left: (usize::MAX, usize::MAX),
            seeds,
        }
    }

    /// The person of this device, once it is enrolled.
    pub fn professional(&self) -> Option<ProfessionalId> {
        Some(self.engine.whoami().ok()?.professional)
    }

    /// Notes who it is.
    pub fn remember(&mut self) {
        if let Ok(me) = self.engine.whoami() {
            self.identity = Some((me.professional, me.device));
        }
    }

    /// It has forgotten everything, and joins with a new link.
    pub fn begin_anew(&mut self) {
        self.ledger = Ledger::default();
        self.delivered.clear();
        self.epochs.clear();
        self.identity = None;
        self.begun_anew = true;
    }

    /// The connection is gone.
    pub fn hang_up(&mut self) {
        if self.line.take().is_some() {
            self.engine.disconnected();
        }
    }

    /// The process is killed, and started again on what was committed. `room`: pages
    /// that its disk still has.
    ///
    /// # Errors
    /// When the database does not open.
    pub fn restart(&mut self, room: Option<u64>, now_ms: u64) -> Result<(), Error> {
        self.line = None;
        self.disk_full = room.is_some();
        self.engine = open(&self.disk, room, now_ms, &mut self.seeds)?;
        Ok(())
    }

    /// The disk is put back to an earlier copy.
    ///
    /// # Errors
    /// When the database does not open.
    pub fn roll_back(&mut self, copy: &[u8], now_ms: u64) -> Result<(), Error> {
        self.disk = Disk::of(copy);
        self.epochs.clear();
        self.ledger.forget_what_waits();
        self.restart(None, now_ms)
    }
}

fn open(disk: &Disk, room: Option<u64>, now_ms: u64, seeds: &mut Rng) -> Result<Engine, Error> {
    let mut seed = [0; 32];
    seeds.fill_bytes(&mut seed);
    let options = Options {
        crypto: Crypto::from_seed(&seed),
        key_packages: KEY_PACKAGES,
    };
    Engine::open_with(disk.connect(room), now_ms, options)
}
