//! Until nothing moves any more.

use super::faults::DAY_MS;
use super::{Checked, Sim};

/// Rounds after which a world that still moves is a finding.
const ROUNDS: usize = 2_000;
/// Rounds without an event after which nothing moves.
const QUIET: usize = 3;
/// Time that passes in a round in which nothing happens: cursors are told.
const PAUSE_MS: u64 = 250;
/// Longest wait for a retry.
const LONGEST_PAUSE_MS: u64 = 60_000;

impl Sim {
    /// Lets everything happen that can, then checks what must hold at rest.
    pub(super) fn settle(&mut self) -> Checked {
        let mut quiet = 0;
        for round in 0..ROUNDS {
            let mut busy = false;
            for who in 0..self.devices.len() {
                busy |= self.turn(who, usize::MAX)? && !self.tries_in_vain(who);
                self.host.run(1);
            }
            if busy {
                self.pass(1);
            } else {
                self.host.run(PAUSE_MS);
                self.pass(self.until_next_retry());
            }
            // Whoever may make a lost change of a circle again has had the time.
            let decides = |who| round > ROUNDS / 2 && self.waits_for_people(who).is_some();
            let mut devices = 0..self.devices.len();
            let settled = !busy && devices.all(|who| self.is_settled(who) || decides(who));
            quiet = if settled { quiet + 1 } else { 0 };
            if quiet >= QUIET {
                return self.check();
            }
        }
        if self.allowances.unrest() {
            return Ok(());
        }
        Err(format!("the world does not come to rest{}", self.who_is_restless()).into())
    }

    /// Of each device that has not come to rest, how it stands.
    fn who_is_restless(&self) -> String {
        let restless = (0..self.devices.len()).filter(|who| !self.is_settled(*who));
        let state = |who: usize| {
            let engine = &self.devices[who].engine;
            let threads = engine.threads().unwrap_or_default().into_iter();
            let threads: Vec<_> = threads.map(|t| (t.channel, t.state, t.seq)).collect();
            let (sync, trouble) = (engine.sync_state(), engine.troubles());
            let structure = engine.structure_seq();
            format!("\ndevice {who}: {sync:?} {trouble:?} structure {structure} {threads:?}")
        };
        restless.map(state).collect()
    }

    /// Whether a device does the same again and again: it has no room or no network, is
    /// lied to, the server does not let it in, or a photo's author is not there.
    fn tries_in_vain(&self, who: usize) -> bool {
        let device = &self.devices[who];
        let fetches = device.engine.sync_state().is_ok_and(|s| s.transfers > 0);
        device.disk_full
            || !device.online
            || device.faults.is_lying()
            || self.has_lapsed(who)
            || (fetches && !self.is_everybody_there())
    }

    fn until_next_retry(&self) -> u64 {
        let due = (0..self.devices.len()).filter_map(|who| {
            let at = self.devices[who].engine.wake_at()?;
            Some(at.saturating_sub(self.time_of(who)))
        });
        // What comes in a month is no retry.
        let due = due.filter(|due| *due < DAY_MS);
        due.min().unwrap_or(0).clamp(PAUSE_MS, LONGEST_PAUSE_MS)
    }
}
