//! Until nothing moves any more.

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
        for _ in 0..ROUNDS {
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
            let settled = !busy && (0..self.devices.len()).all(|who| self.is_settled(who));
            quiet = if settled { quiet + 1 } else { 0 };
            if quiet >= QUIET {
                return self.check();
            }
        }
        if self.allowances.unrest() {
            return Ok(());
        }
        Err("the world does not come to rest".to_owned().into())
    }

    /// Whether a device does the same again and again: it has no room or no network, is
    /// lied to, or the server does not let it in.
    fn tries_in_vain(&self, who: usize) -> bool {
        let device = &self.devices[who];
        device.disk_full || !device.online || device.faults.is_lying() || self.has_lapsed(who)
    }

    fn until_next_retry(&self) -> u64 {
        let due = (0..self.devices.len()).filter_map(|who| {
            let at = self.devices[who].engine.wake_at()?;
            Some(at.saturating_sub(self.time_of(who)))
        });
        due.min().unwrap_or(0).clamp(PAUSE_MS, LONGEST_PAUSE_MS)
    }
}
