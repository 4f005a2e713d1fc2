//! The simulation: real engines and the real server's logic in one thread, over a
//! network, clocks and disks that fail on command. One seed reproduces a run bit by
//! bit; `docs/simulation.md` says how to use it and how to add to it.
//!
//! # Layout
//! - `plan`: what happens, as data; `shrink`: the least of it that still fails.
//! - `operations`: the table; `acts`, `threads`, `people`: what people do, `faults`: what
//!   goes wrong, `hostile`: what a server does that wants it to.
//! - `device`, `disk`, `server`, `pipe`: the parts of a world.
//! - `network`: frames and requests on their way; `settle`: until nothing moves.
//! - `check`, `ledger`: what must hold; `truth`: by what the server knows; `allowances`:
//!   what may stand still today.
//! - `runner`: many seeds on many threads.

mod acts;
mod allowances;
mod check;
mod device;
mod disk;
mod faults;
mod hostile;
mod ledger;
mod lost;
mod member;
mod network;
pub mod operations;
mod people;
mod pipe;
pub mod plan;
pub mod runner;
mod server;
mod settle;
mod show;
pub mod shrink;
mod threads;
mod truth;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::{Rng as _, SeedableRng};
use relais_core::commands::{NewMember, NewThread};
use sha2::{Digest, Sha256};

use allowances::Allowances;
use device::Device;
use lost::Losses;
use network::Seen;
use plan::Plan;
use server::Host;

use crate::world::{START_MS, card};

/// Where chance comes from.
pub type Rng = rand_chacha::ChaCha8Rng;

/// A stream of chance of its own for each purpose of a world.
fn rng(world: u64, purpose: &str) -> Rng {
    let digest = Sha256::new()
        .chain_update(world.to_be_bytes())
        .chain_update(purpose)
        .finalize();
    Rng::from_seed(digest.into())
}

const HOUR_MS: u64 = 3_600_000;

/// Part of every name and text that people enter: nobody but members may see it.
pub const PLANTED: &str = "Quenouillard";

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl From<String> for Violation {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<relais_core::Error> for Violation {
    fn from(error: relais_core::Error) -> Self {
        Self(format!("an engine failed: {error}"))
    }
}

/// What every step returns.
pub type Checked<T = ()> = Result<T, Violation>;

/// How a run went.
#[derive(Debug)]
pub struct Outcome {
    /// Hash of every frame, request and operation, in order.
    pub transcript: [u8; 32],
    /// What happened, a line for each operation.
    pub trace: Vec<String>,
    /// What does not hold.
    pub failure: Option<Violation>,
    /// Time that passed for each device, added up, milliseconds.
    pub device_ms: u64,
}

/// See the module's head.
pub struct Sim {
    seed: u64,
    host: Host,
    devices: Vec<Device>,
    /// The world's clock; server's and devices' are relative to it.
    now_ms: u64,
    server_ahead_ms: i64,
    /// Copies of the server's disk, for a restore.
    backups: Vec<relais_server::store::MemoryDisk>,
    /// Shares of the root's key that people hold, as many as it takes.
    shares: Vec<String>,
    seen: Seen,
    allowances: Allowances,
    losses: Losses,
    /// The end: everything is mended.
    mended: bool,
    /// And an hour has passed since.
    an_hour_passed: bool,
    transcript: Sha256,
    /// What was shown when it was last told, if it is told.
    shown: Option<BTreeMap<String, String>>,
}

/// Carries out a plan, on a thread of its own: the order of hash maps begins anew.
pub fn run(plan: &Plan) -> Outcome {
    run_showing(plan, false)
}

/// Carries out a plan as [`run`] does; if `show`, the trace tells after each operation
/// what has changed on the devices' screens.
pub fn run_showing(plan: &Plan, show: bool) -> Outcome {
    let finished = std::thread::scope(|scope| scope.spawn(|| run_here(plan, show)).join());
    finished.unwrap_or_else(|panic| Outcome {
        transcript: [0; 32],
        trace: Vec::new(),
        failure: Some(Violation(format!("panic: {}", text_of(&*panic)))),
        device_ms: 0,
    })
}

fn run_here(plan: &Plan, show: bool) -> Outcome {
    let mut trace = Vec::new();
    let mut transcript = [0; 32];
    let mut device_ms = 0;
    // A panic in the engine, the server or here is a finding like any other.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut sim = Sim::new(plan)?;
        sim.shown = show.then(BTreeMap::new);
        let result = sim.carry_out(plan, &mut trace);
        sim.tell_what_changed(&mut trace);
        transcript = sim.transcript.clone().finalize().into();
        device_ms = (sim.now_ms - START_MS) * sim.devices.len() as u64;
        result
    }));
    let failure = match result {
        Ok(result) => result.err(),
        Err(panic) => Some(Violation(format!("panic: {}", text_of(&*panic)))),
    };
    Outcome {
        transcript,
        trace,
        failure,
        device_ms,
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without words").to_owned()
}

impl Sim {
    /// A founded structure, its people enrolled, one thread of all of them.
    fn new(plan: &Plan) -> Checked<Self> {
        let (host, link) = Host::new(plan.seed, plan.suite);
        let mut sim = Self {
            seed: plan.seed,
            host,
            devices: Vec::new(),
            now_ms: START_MS,
            server_ahead_ms: 0,
            backups: Vec::new(),
            shares: Vec::new(),
            seen: Seen::default(),
            allowances: Allowances::default(),
            losses: Losses::default(),
            mended: false,
            an_hour_passed: false,
            transcript: Sha256::new(),
            shown: None,
        };
        let founder = sim.add_device();
        let card = card("Claire", PLANTED, 60, "99700218896");
        sim.devices[founder].engine.join(&link, Some(card))?;
        sim.settle()?;
        for _ in 1..plan.people {
            sim.enrol_somebody()?;
        }
        let members = (1..plan.people).filter_map(|who| sim.devices[who].professional());
        let new = NewThread {
            title: format!("Mme {PLANTED}"),
            header: None,
            members: members.map(NewMember::care_team).collect(),
        };
        sim.devices[founder].engine.create_thread(&new)?;
        sim.settle()?;
        Ok(sim)
    }

    fn add_device(&mut self) -> usize {
        let number = self.devices.len();
        self.devices
            .push(Device::new(self.seed, number, self.now_ms));
        number
    }

    /// Invites a person and enrols them on a device of their own.
    fn enrol_somebody(&mut self) -> Checked<usize> {
        let name = format!("Nadia {}", self.devices.len());
        let invitation = self.devices[0]
            .engine
            .invite(&card(&name, PLANTED, 60, "99700218896"))?;
        self.settle()?;
        let who = self.add_device();
        self.devices[who].engine.join(&invitation.link, None)?;
        self.settle()?;
        Ok(who)
    }

    fn carry_out(&mut self, plan: &Plan, trace: &mut Vec<String>) -> Checked {
        for step in &plan.steps {
            self.tell_what_changed(trace);
            let Some(operation) = operations::named(&step.operation) else {
                return Err(format!("there is no operation {}", step.operation).into());
            };
            let mut rng = Rng::seed_from_u64(step.seed);
            self.transcript.update(&step.operation);
            trace.push(step.operation.clone());
            let note = (operation.run)(self, &mut rng)?;
            if let Some(line) = trace.last_mut() {
                *line = format!("{}: {note}", step.operation);
            }
            self.turn_some(&mut rng)?;
            // Where two runs of a seed part is seen at a glance.
            let hash: [u8; 32] = self.transcript.clone().finalize().into();
            if let Some(line) = trace.last_mut() {
                *line = format!("{} {line}", hex::encode(&hash[..4]));
            }
        }
        self.tell_what_changed(trace);
        trace.push("the end: everything is mended".to_owned());
        self.mend()?;
        self.mended = true;
        self.settle()?;
        for _ in 0..self.devices.len() {
            if self.frozen_devices_return() {
                self.settle()?;
            }
        }
        self.allowances.mended();
        self.settle()?;
        if self.people_decide_about_circles()? {
            self.settle()?;
        }
        // Some things are looked at again by the hour.
        self.pass(HOUR_MS);
        self.an_hour_passed = true;
        self.settle()?;
        self.check_at_rest()?;
        self.check_the_end()
    }

    /// Something happened between a device and the server.
    fn note(&mut self, kind: u8, who: usize, bytes: &[u8]) {
        self.transcript.update([kind]);
        self.transcript.update((who as u64).to_be_bytes());
        self.transcript.update((bytes.len() as u64).to_be_bytes());
        self.transcript.update(bytes);
    }

    /// A few devices do a part of what they could: what happens between two
    /// operations.
    fn turn_some(&mut self, rng: &mut Rng) -> Checked {
        for _ in 0..rng.gen_range(0..4) {
            let who = rng.gen_range(0..self.devices.len());
            let most = rng.gen_range(1..20);
            self.turn(who, most)?;
            if rng.gen_ratio(2, 3) {
                self.host.run(1);
            }
        }
        Ok(())
    }

    /// The clock of a device.
    fn time_of(&self, who: usize) -> u64 {
        self.now_ms
            .saturating_add_signed(self.devices[who].clock_ahead_ms)
    }

    /// Time passes for everybody.
    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        let server = self.now_ms.saturating_add_signed(self.server_ahead_ms);
        self.host.set_clock(server);
    }
}
