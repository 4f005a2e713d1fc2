//! Whether what is written in a thread reaches its members.

use relais_wire::ids::{ChannelId, ProfessionalId};
use rusqlite::{OptionalExtension, params};

use crate::engine::Engine;
use crate::error::Result;

/// Whether what is written reaches a member: as the server said last, so as old as this
/// device's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reachability {
    /// One of their devices has everything.
    UpToDate,
    /// None of their devices has received anything since.
    Behind {
        /// The last entry that one of them has.
        seq: u64,
        /// Server time of the first item that none of them has, milliseconds since the
        /// Unix epoch.
        since_ms: u64,
    },
    /// They have no device that may read: all were revoked, or nobody confirmed it.
    NoDevice,
}

impl Engine {
    pub(super) fn reachability(
        &self,
        channel: ChannelId,
        professional: ProfessionalId,
    ) -> Result<Reachability> {
        if professional == self.identity()?.professional() {
            return Ok(Reachability::UpToDate);
        }
        let head = self.structure.head().seq;
        let mut valid = false;
        let mut seq = 0;
        for (id, device) in self.structure.devices() {
            let theirs = device.professional == professional;
            if theirs && self.structure.valid_device(id, head, self.now_ms).is_some() {
                valid = true;
                seq = seq.max(self.cursor_of(channel, id)?);
            }
        }
        if !valid {
            return Ok(Reachability::NoDevice);
        }
        // Of what was before they came nothing was promised; that they came they do not have yet.
        let promised = self.in_circle_since(channel, professional)?;
        let after = seq.max(promised.saturating_sub(1));
        let since_ms: Option<u64> = self
            .db
            .prepare_cached(
                "SELECT time_ms FROM (
                    SELECT seq, time_ms FROM shown_events
                    WHERE channel = ?1 AND seq > ?2 AND kind NOT IN (10, 11)
                    UNION ALL
                    SELECT seq, time_ms FROM shown_notices WHERE channel = ?1 AND seq > ?2)
                 ORDER BY seq LIMIT 1",
            )?
            .query_row(params![channel.0, after], |row| row.get(0))
            .optional()?;
        Ok(match since_ms {
            Some(since_ms) => Reachability::Behind { seq, since_ms },
            None => Reachability::UpToDate,
        })
    }

    fn cursor_of(&self, channel: ChannelId, device: &relais_wire::ids::DeviceId) -> Result<u64> {
        let cursor = self
            .db
            .prepare_cached("SELECT seq FROM cursors WHERE channel = ?1 AND device = ?2")?
            .query_row(params![channel.0, device.0], |row| row.get(0))
            .optional()?;
        Ok(cursor.unwrap_or(0))
    }

    /// The entry by which somebody came into a circle last; 0 where this device saw none.
    pub(super) fn in_circle_since(
        &self,
        channel: ChannelId,
        professional: ProfessionalId,
    ) -> Result<u64> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT coalesce(max(seq), 0) FROM shown_notices
                 WHERE channel = ?1 AND subject = ?2 AND kind IN ('added', 'joined')",
            )?
            .query_row(params![channel.0, professional.0], |row| row.get(0))?)
    }
}
