//! What may stand still today, and after what. Everything else that stands still is a
//! finding. Each line goes when the way back from it exists.

use std::collections::BTreeSet;

use relais_core::engine::Trouble;
use relais_core::query::ThreadState;

use crate::lies::Lie;

/// Lies that look like the work of a copy of the device: its own entries altered, or
/// sends that it knows nothing of.
const AS_A_COPY: &[Lie] = &[
    Lie::HigherSendCounter,
    Lie::ReplayEntry,
    Lie::AlteredPayload,
    Lie::TruncatedPayload,
    Lie::OversizedPayload,
    Lie::InventedEntry,
    Lie::AlteredCommit,
];
/// Lies that enter a device's hash chain: it and whoever reads it see two logs.
const IN_THE_CHAIN: &[Lie] = &[
    Lie::ReplayEntry,
    Lie::InventedEntry,
    Lie::WrongAuthor,
    Lie::WrongEpoch,
    Lie::WrongIncarnation,
    Lie::EarlierTime,
];

/// What was done to the world so far that it cannot recover from by itself.
#[derive(Debug, Default)]
pub struct Allowances {
    /// Devices whose database was put back or copied: they freeze until they return.
    copies: BTreeSet<usize>,
    /// Frozen ones that cannot return under another id.
    stay_frozen: BTreeSet<usize>,
    /// Whoever could return has returned.
    over: bool,
    /// The server was restored from an old copy: devices that knew more may freeze,
    /// channels may stop, and a device may miss what was lost without a word (see
    /// "Faults" in ARCHITECTURE.md).
    restored: bool,
    /// Somebody used a member's keys, and said what is not so of the structure log.
    disputed: bool,
    /// Lies that devices were told.
    lies: BTreeSet<(usize, Lie)>,
    /// The server's clock was far ahead: entries stay dated ahead, and what is judged by
    /// them is over before its time.
    dated_ahead: bool,
}

impl Allowances {
    /// A device's database was put back or copied.
    pub fn rolled_back(&mut self, who: usize) {
        self.copies.insert(who);
    }

    /// A hostile member tells of another structure log.
    pub fn disputed(&mut self) {
        self.disputed = true;
    }

    /// A device began as a copy of another, with what that was told.
    pub fn copied(&mut self, from: usize, to: usize) {
        let told = self.lies.iter().filter(|(who, _)| *who == from);
        let told: Vec<_> = told.map(|(_, lie)| (to, *lie)).collect();
        self.lies.extend(told);
        self.copies.extend([from, to]);
    }

    /// A frozen device cannot go on: it does not hold its person's key.
    pub fn stays_frozen(&mut self, who: usize) {
        self.stay_frozen.insert(who);
    }

    /// Everybody who can go on has gone on.
    pub fn mended(&mut self) {
        self.over = true;
    }

    /// The server begins to tell a device a lie.
    pub fn lied(&mut self, who: usize, lie: Lie) {
        self.lies.insert((who, lie));
    }

    /// Whether a device may show what others do not: something false that was told it
    /// alone stays visible there, as does an event that a copy of it had sent before.
    pub fn shows_more(&self, who: usize) -> bool {
        self.is_copy(who) || self.lies.iter().any(|(to, _)| *to == who)
    }

    fn forks(&self) -> bool {
        self.lies.iter().any(|(_, lie)| IN_THE_CHAIN.contains(lie))
    }

    fn was_told(&self, who: usize, lies: &[Lie]) -> bool {
        lies.iter().any(|lie| self.lies.contains(&(who, *lie)))
    }

    /// The server's disk was put back.
    pub fn restored(&mut self) {
        self.restored = true;
    }

    /// The server's clock went far ahead.
    pub fn dated_ahead(&mut self) {
        self.dated_ahead = true;
    }

    /// Whether the server's clock ran far ahead.
    pub fn is_dated_ahead(&self) -> bool {
        self.dated_ahead
    }

    /// Whether this device's database was put back or copied.
    pub fn is_copy(&self, who: usize) -> bool {
        self.copies.contains(&who)
    }

    /// Whether devices may differ in what the log says: checks between devices are
    /// then left out.
    pub fn divergence(&self) -> bool {
        self.restored_and_worse()
    }

    /// A restored server together with devices that were put back or copied, with lies,
    /// or with a clock far ahead: each may take the other's proof away.
    fn restored_and_worse(&self) -> bool {
        self.restored && (self.dated_ahead || !self.copies.is_empty() || !self.lies.is_empty())
    }

    /// Whether the world may go on moving for ever: two copies of a device, or a
    /// server that forgot a device, take turns in being refused.
    pub fn unrest(&self) -> bool {
        self.restored_and_worse() || !(self.over || self.copies.is_empty())
    }

    /// Whether a device may show this.
    pub fn trouble(&self, who: usize, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Frozen => {
                let froze = self.copies.contains(&who) || self.was_told(who, AS_A_COPY);
                self.restored_and_worse()
                    || self.stay_frozen.contains(&who)
                    || (froze && !self.over)
            }
            Trouble::Revoked | Trouble::ChannelStopped(_) => {
                self.restored_and_worse() || self.dated_ahead
            }
            // Proof that the server lied stays shown.
            Trouble::StructureForked
                if self.was_told(who, &[Lie::AlteredStatement, Lie::InventedDevice]) =>
            {
                true
            }
            // So does a fork, whoever notices it.
            Trouble::ChannelForked(_) if self.forks() => true,
            Trouble::StructureDisputed(_) | Trouble::StructureWithheld if self.disputed => true,
            Trouble::StructureForked
            | Trouble::StructureDisputed(_)
            | Trouble::StructureWithheld
            | Trouble::ChannelForked(_) => self.restored_and_worse(),
            Trouble::UpdateNeeded | Trouble::Wiped | Trouble::Lapsed => false,
        }
    }

    /// Whether a thread may stand so on a device.
    pub fn state(&self, state: &ThreadState) -> bool {
        match state {
            ThreadState::Stopped(_) => self.restored_and_worse() || self.dated_ahead,
            ThreadState::Creating => self.restored_and_worse(),
            ThreadState::Rejoining(_)
            | ThreadState::Joined
            | ThreadState::Ended
            | ThreadState::Removed => false,
        }
    }
}
