//! The driver's clock, the server's, and what becomes of waits when the first is put back.

use relais_wire::RefusalCode;

use super::{Engine, Event, Phase};
use crate::error::Result;

/// A step back below this is a clock that is being adjusted: waits last so much longer.
const ADJUSTED_MS: u64 = 60_000;
/// No wait that this device sets itself is longer. One that is was set by a clock that
/// has been put back since.
const LONGEST_WAIT_MS: u64 = 3_600_000;

/// Memberships of this person that end by the clock.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// So many had ended when it was said last.
    told: u64,
    /// When the next one does, by the driver's clock.
    next_ms: Option<u64>,
}

impl Engine {
    /// The driver's clock, milliseconds since the Unix epoch. It orders retries
    /// and labels what is written here; no rule of the log depends on it.
    pub fn set_time(&mut self, now_ms: u64) {
        self.clock_put_back |= now_ms.saturating_add(ADJUSTED_MS) < self.now_ms;
        self.clock_skipped |= self.link.phase != Phase::Offline
            && now_ms > self.now_ms.saturating_add(LONGEST_WAIT_MS);
        self.now_ms = now_ms;
    }

    /// The server's time, as far as it can be told while connected.
    pub(crate) fn server_now(&self) -> Option<u64> {
        let (server, own) = self.link.times_ms?;
        Some(server.saturating_add(self.now_ms.saturating_sub(own)))
    }

    /// The time that the log judges by, as far as this device knows it: the server's
    /// while connected, else its own.
    pub(crate) fn log_now(&self) -> u64 {
        self.server_now().unwrap_or(self.now_ms)
    }

    /// Says so when a membership has ended since: the log shows it only when somebody
    /// removes this person, and they may be offline.
    pub(super) fn tell_ends(&mut self) -> Result<()> {
        let now = self.log_now();
        let (ended, next): (u64, Option<u64>) = self
            .db
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE until_ms <= ?1),
                 min(until_ms) FILTER (WHERE until_ms > ?1)
                 FROM channels WHERE state = 'joined' AND until_ms > 0",
            )?
            .query_row([now], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.ends.next_ms = next.map(|at| self.now_ms.saturating_add(at - now));
        if std::mem::replace(&mut self.ends.told, ended) != ended {
            self.events.push_back(Event::ThreadsChanged);
        }
        Ok(())
    }

    pub(super) fn next_end_ms(&self) -> Option<u64> {
        self.ends.next_ms.filter(|_| self.is_enrolled())
    }

    /// After the clock was put back nothing waits for what was the present before. Then,
    /// and when it skipped more than any wait — it was put ahead, or the device slept —,
    /// the connection ends: the server's time and its waits are told by that clock too.
    pub(super) fn follow_clock(&mut self) {
        let put_back = std::mem::take(&mut self.clock_put_back);
        let skipped = std::mem::take(&mut self.clock_skipped);
        if put_back {
            self.hold_until_ms = 0;
            let enrolment = &mut self.http.retry_enrolment_ms;
            *enrolment = enrolment.map(|at| at.min(self.now_ms));
        }
        if (put_back || skipped) && self.link.phase != Phase::Offline {
            self.link.closed_by_server = Some(RefusalCode::Unspecified);
        }
    }

    /// With each connection: whatever waits longer than anything may goes on now.
    pub(super) fn bound_waits(&self) -> Result<()> {
        let (now, latest) = (self.now_ms, self.now_ms.saturating_add(LONGEST_WAIT_MS));
        for sql in [
            "UPDATE blobs SET retry_at_ms = ?1 WHERE retry_at_ms > ?2",
            "UPDATE rejoins SET next_ms = ?1 WHERE next_ms > ?2",
            "UPDATE lost_events SET next_ms = ?1 WHERE next_ms > ?2",
            "UPDATE lost_changes SET next_ms = ?1 WHERE next_ms > ?2",
            "UPDATE lost_changes SET until_ms = ?1 WHERE until_ms > ?2",
        ] {
            self.db.prepare_cached(sql)?.execute([now, latest])?;
        }
        self.bound_requests(latest)
    }
}
