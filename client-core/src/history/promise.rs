//! Who may have what of a channel's past: everything since they were added, and
//! before that what a manager promised in their membership note. Judged by the
//! device that shares, from what it knows itself: a promise it has not read is none.

use relais_content::v1::content::Kind;
use relais_content::v1::{Content, MembershipNote};
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::roster::{CheckedRoster, Operation};
use relais_wire::v1::SignedRoster;
use rusqlite::{OptionalExtension, params};

use super::HistoryChoice;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// See the module's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Promised {
    /// Everything from this sequence on.
    pub full_from: u64,
    /// Before it, the summary with open work.
    pub summary: bool,
}

/// No entry: nothing is shared in full.
pub(super) const NEVER: u64 = i64::MAX as u64;

impl Promised {
    /// What a choice gives to somebody who has nothing yet.
    pub(super) fn by(engine: &Engine, channel: ChannelId, choice: HistoryChoice) -> Result<Self> {
        let (full_from, summary) = match choice {
            HistoryChoice::None => (NEVER, false),
            HistoryChoice::Since(since_ms) => (engine.first_seq_since(channel, since_ms)?, false),
            HistoryChoice::Summary => (NEVER, true),
            HistoryChoice::All => (1, false),
        };
        Ok(Self { full_from, summary })
    }

    /// From where on something was promised: a summary may hold any of the past.
    pub(super) fn from(&self) -> u64 {
        if self.summary { 1 } else { self.full_from }
    }

    fn or(self, other: Self) -> Self {
        Self {
            full_from: self.full_from.min(other.full_from),
            summary: self.summary || other.summary,
        }
    }
}

impl Engine {
    /// What this person may have, as far as this device knows. Somebody whose adding
    /// it has not read was there before everything that it holds.
    pub(super) fn promised_to(
        &self,
        channel: ChannelId,
        professional: &ProfessionalId,
    ) -> Result<Promised> {
        let added = self.added_seq(channel, professional)?;
        let mut promised = Promised {
            full_from: added.map_or(1, |seq| seq + 1),
            summary: false,
        };
        // A promise lapses with a removal: only what was said since the last adding counts.
        let notes: Vec<(u64, u64, [u8; 16], Vec<u8>)> = self
            .db
            .prepare_cached(
                "SELECT seq, time_ms, professional, signed FROM shown_events
                 WHERE channel = ?1 AND kind = 3 AND seq > ?2 ORDER BY seq",
            )?
            .query_map(params![channel.0, added.unwrap_or(0)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<Result<_, _>>()?;
        for (seq, time_ms, author, signed) in notes {
            let content = crate::content::said_in(&signed)?.content;
            let Some(Content {
                kind: Some(Kind::MembershipNote(note)),
            }) = content
            else {
                continue;
            };
            let author = ProfessionalId(author);
            if note.professional_id == professional.to_bytes()
                && self.may_promise(channel, seq, time_ms, &author, &note)?
            {
                let choice = HistoryChoice::of_note(&note);
                promised = promised.or(Promised::by(self, channel, choice)?);
            }
        }
        Ok(promised)
    }

    /// Only a manager gives away the past, and never to themself.
    pub(super) fn may_promise(
        &self,
        channel: ChannelId,
        seq: u64,
        time_ms: u64,
        author: &ProfessionalId,
        note: &MembershipNote,
    ) -> Result<bool> {
        if note.professional_id == author.to_bytes() {
            return Ok(false);
        }
        let roster = self.roster_at(channel, seq)?;
        let manages = |r: CheckedRoster| r.may(author, Operation::ChangeRoster, time_ms).is_ok();
        Ok(roster.is_some_and(manages))
    }

    /// The entry that added somebody last, if this device has read it.
    pub(super) fn added_seq(
        &self,
        channel: ChannelId,
        professional: &ProfessionalId,
    ) -> Result<Option<u64>> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT max(seq) FROM shown_notices
                 WHERE channel = ?1 AND subject = ?2 AND kind = 'added'",
            )?
            .query_row(params![channel.0, professional.0], |row| row.get(0))?)
    }

    fn first_seq_since(&self, channel: ChannelId, since_ms: u64) -> Result<u64> {
        // Server times of one log never go back.
        let first: Option<u64> = self
            .db
            .prepare_cached(
                "SELECT min(seq) FROM (SELECT seq, time_ms FROM shown_events WHERE channel = ?1
                 UNION ALL SELECT seq, time_ms FROM shown_notices WHERE channel = ?1)
                 WHERE time_ms >= ?2",
            )?
            .query_row(params![channel.0, since_ms.min(i64::MAX as u64)], |row| {
                row.get(0)
            })?;
        Ok(first.unwrap_or(NEVER))
    }

    /// Version of the roster in force before an entry.
    pub(super) fn roster_version_before(&self, channel: ChannelId, seq: u64) -> Result<u64> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT coalesce(max(version), 0) FROM rosters
                 WHERE channel = ?1 AND (seq IS NULL OR seq < ?2)",
            )?
            .query_row(params![channel.0, seq], |row| row.get(0))?)
    }

    pub(crate) fn roster_at(&self, channel: ChannelId, seq: u64) -> Result<Option<CheckedRoster>> {
        let version = self.roster_version_before(channel, seq)?;
        let signed: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT signed FROM rosters WHERE channel = ?1 AND version = ?2")?
            .query_row(params![channel.0, version], |row| row.get(0))
            .optional()?;
        signed.map(|signed| read_roster(&signed)).transpose()
    }
}

/// A roster that this device keeps.
pub(crate) fn read_roster(signed: &[u8]) -> Result<CheckedRoster> {
    use prost::Message;
    SignedRoster::decode(signed)
        .ok()
        .and_then(|signed| CheckedRoster::read(&signed).ok())
        .ok_or(Error::Corrupt("roster"))
}
