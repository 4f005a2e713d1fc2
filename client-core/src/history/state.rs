//! What a person sees of the past of a thread while it is under way.

use relais_wire::ids::{ChannelId, ProfessionalId};
use rusqlite::params;

use super::promise::NEVER;
use crate::engine::Engine;
use crate::error::Result;

/// What is missing, arrives and is shared in a thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryRecord {
    /// Stretches that this device misses.
    pub missing: Vec<Missing>,
    /// Archives on their way here, or refused.
    pub arriving: Vec<Arriving>,
    /// Stretches on their way to others.
    pub sharing: Vec<Sharing>,
}

/// A stretch that this device misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Last entry before it.
    pub after_seq: u64,
    /// Its last entry.
    pub until_seq: u64,
    /// Whose device was asked last.
    pub asked: Option<ProfessionalId>,
    /// All were asked: nobody has it any more.
    pub given_up: bool,
}

/// An archive on its way here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// Who shares it.
    pub from: Option<ProfessionalId>,
    /// Its first entry.
    pub first_seq: u64,
    /// Its last entry.
    pub last_seq: u64,
    /// Why nothing of it is shown, if it did not hold.
    pub refused: Option<String>,
}

/// A stretch on its way to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// With whom.
    pub with: ProfessionalId,
    /// Why it cannot go on.
    pub failed: Option<String>,
}

impl Engine {
    /// What is missing, arrives and is shared in a thread.
    ///
    /// # Errors
    /// Of the database.
    pub fn history(&self, channel: ChannelId) -> Result<HistoryRecord> {
        let missing = self
            .db
            .prepare_cached(
                "SELECT after_seq, until_seq, asked, next_ms FROM gaps
                 WHERE channel = ?1 AND shown = 1 ORDER BY after_seq",
            )?
            .query_map([channel.0], |row| {
                Ok(Missing {
                    after_seq: row.get(0)?,
                    until_seq: row.get(1)?,
                    asked: self.owner(row.get(2)?),
                    given_up: row.get::<_, u64>(3)? == NEVER,
                })
            })?
            .collect::<Result<_, _>>()?;
        let arriving = self
            .db
            .prepare_cached(
                "SELECT sharer, first_seq, last_seq, state, reason FROM imports
                 WHERE channel = ?1 ORDER BY id",
            )?
            .query_map(params![channel.0], |row| {
                let (state, reason): (String, String) = (row.get(3)?, row.get(4)?);
                Ok(Arriving {
                    from: self.owner(row.get(0)?),
                    first_seq: row.get(1)?,
                    last_seq: row.get(2)?,
                    refused: (state == "refused").then_some(reason),
                })
            })?
            .collect::<Result<_, _>>()?;
        let sharing = self
            .db
            .prepare_cached(
                "SELECT professional, state, reason FROM shares WHERE channel = ?1 ORDER BY id",
            )?
            .query_map(params![channel.0], |row| {
                let (state, reason): (String, String) = (row.get(1)?, row.get(2)?);
                Ok(Sharing {
                    with: ProfessionalId(row.get(0)?),
                    failed: (state == "failed").then_some(reason),
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(HistoryRecord {
            missing,
            arriving,
            sharing,
        })
    }
}
