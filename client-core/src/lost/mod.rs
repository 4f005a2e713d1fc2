//! What a server that was restored from a backup has lost of a channel's log, and what
//! becomes of it (architecture D6). The server has the last word on what the log is;
//! what it lost is kept here, taken out of the projections, and said again.
//!
//! Owns: noticing where two logs part ([`compare`]), going back to there
//! ([`roll_back`]), saying events and changes of the circle again ([`again`]), and those
//! of others ([`recovered`]); and going over to the server's structure log where that
//! has parted from this device's ([`structure`]).
//!
//! Invariants: nothing is rolled back unless the server says that it begins a new life
//! (`Ready.restores`), which is shown, and not often; what is rolled back stays in
//! `lost_events` until the log has it again; nothing is said again to somebody who was
//! not in the circle when it was first said; and nothing is said at all while somebody
//! whom the lost log removed is back in.

mod again;
mod compare;
mod recovered;
mod roll_back;
mod structure;

use relais_wire::ids::{ChannelId, EventId, ProfessionalId};
use rusqlite::{OptionalExtension, params};

pub(crate) use again::Hearing;
pub(crate) use compare::Comparison;
pub(crate) use structure::Beside;

use crate::engine::Engine;
use crate::error::Result;

/// Going back: when the thread shows it, and what it says.
pub(crate) struct RolledBack {
    /// Last entry that both logs have.
    pub seq: u64,
    /// This device's clock.
    pub at_ms: u64,
    /// Events of this device's thread that the server had lost.
    pub events: u64,
}

/// An event that the server has lost, and this device holds.
pub(crate) struct LostEvent {
    pub id: EventId,
    pub time_ms: u64,
    pub professional: ProfessionalId,
    pub signed: Vec<u8>,
}

fn audience_of(bytes: &[u8]) -> Vec<ProfessionalId> {
    let ids = bytes.chunks_exact(16);
    ids.filter_map(|id| ProfessionalId::try_from(id).ok())
        .collect()
}

impl Engine {
    /// When and how far the channel was rolled back, oldest first.
    pub(crate) fn rollbacks(&self, channel: ChannelId) -> Result<Vec<RolledBack>> {
        let mut statement = self.db.prepare_cached(
            "SELECT seq, at_ms, events FROM rollbacks WHERE channel = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([channel.0], |row| {
            Ok(RolledBack {
                seq: row.get(0)?,
                at_ms: row.get(1)?,
                events: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Events that the server has lost, in the order in which the lost log had them.
    pub(crate) fn lost_events(&self, channel: ChannelId) -> Result<Vec<LostEvent>> {
        let mut statement = self.db.prepare_cached(
            "SELECT event_id, time_ms, professional, signed FROM lost_events
             WHERE channel = ?1 AND NOT silent ORDER BY id",
        )?;
        let rows = statement.query_map([channel.0], |row| {
            Ok(LostEvent {
                id: EventId(row.get(0)?),
                time_ms: row.get(1)?,
                professional: ProfessionalId(row.get(2)?),
                signed: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A lost event as its author signed it.
    pub(crate) fn lost_event(&self, channel: ChannelId, event: EventId) -> Result<Option<Vec<u8>>> {
        Ok(self
            .db
            .prepare_cached("SELECT signed FROM lost_events WHERE channel = ?1 AND event_id = ?2")?
            .query_row(params![channel.0, event.0], |row| row.get(0))
            .optional()?)
    }

    /// Who was in the circle when a lost event was said; `None` for any other event.
    pub(crate) fn audience(
        &self,
        channel: ChannelId,
        event: EventId,
    ) -> Result<Option<Vec<ProfessionalId>>> {
        let found: Option<Vec<u8>> = self
            .db
            .prepare_cached(
                "SELECT audience FROM lost_events WHERE channel = ?1 AND event_id = ?2
                 AND NOT silent",
            )?
            .query_row(params![channel.0, event.0], |row| row.get(0))
            .optional()?;
        Ok(found.map(|bytes| audience_of(&bytes)))
    }

    /// The log has it (again), or it was given up visibly.
    pub(crate) fn found_again(&self, channel: ChannelId, event: EventId) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM lost_events WHERE channel = ?1 AND event_id = ?2")?
            .execute(params![channel.0, event.0])?;
        Ok(())
    }
}
