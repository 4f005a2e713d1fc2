//! An archive that arrives: granted, fetched, read into a place beside the thread,
//! and shown at once when all of it is proved. `state` of the imports table:
//! `fetching` → `reading` → (`waiting`, while its end is not known here) → `placing`
//! → `folding` → gone; or `refused`, with the reason, shown until another replaces it.

use relais_content::v1::HistoryGrant;
use relais_wire::ids::{BlobId, ChannelId, DeviceId};
use rusqlite::{OptionalExtension, params};

use super::archive::STEP_ENTRIES;
use super::promise::NEVER;
use crate::BlobState;
use crate::engine::{Engine, Event};
use crate::error::Result;

/// Archives of one channel that may be on their way at a time.
const IMPORTS: u64 = 8;

/// An archive whose end is not known here is kept for so long.
const WAITING_MS: u64 = 7 * 24 * 3_600_000;

/// A row of the imports table.
#[derive(Debug, Clone)]
pub(super) struct Import {
    pub id: i64,
    pub channel: ChannelId,
    pub blob: BlobId,
    pub sharer: DeviceId,
    pub first_seq: u64,
    pub last_seq: u64,
    pub state: String,
    pub received_ms: u64,
    /// Hash of the last entry, as the manifest says it.
    pub last_hash: Vec<u8>,
    pub promised_from: u64,
    /// Version of the roster in force after the last entry read.
    pub roster: u64,
    /// Projections are rebuilt under this id.
    pub beside: ChannelId,
    /// Last sequence that the present state has dealt with.
    pub done_seq: u64,
}

impl Engine {
    /// Takes a grant of a member for a stretch that is not wholly here. Any other is
    /// dropped without a word: whoever is of the structure can write to an inbox, and
    /// must not gain a voice in a thread that way.
    pub(crate) fn granted(&mut self, sharer: DeviceId, grant: &HistoryGrant) -> Result<()> {
        let (Ok(channel), Some(archive)) = (ChannelId::try_from(&grant.channel_id), &grant.archive)
        else {
            return Ok(());
        };
        let (first, last) = (grant.first_seq, grant.last_seq);
        let sizes = archive.blob_id.len() == 16
            && archive.key.len() == 32
            && archive.ciphertext_sha256.len() == 32
            && archive.plaintext_len > 0
            && crate::media::blob::ciphertext_len(archive.plaintext_len)
                <= relais_wire::limits::BLOB_BYTES;
        let Some(row) = self.channel_row(channel)? else {
            return Ok(());
        };
        let fits = sizes && first >= 1 && first <= last && last < NEVER;
        if !fits || row.state != "joined" || !self.is_member_device(channel, sharer)? {
            return Ok(());
        }
        let pending: u64 = self
            .db
            .prepare_cached(
                "SELECT count(*) FROM imports WHERE channel = ?1 AND state <> 'refused'",
            )?
            .query_row([channel.0], |row| row.get(0))?;
        if pending >= IMPORTS || !self.lacks_any(channel, first, last)? {
            return Ok(());
        }
        let beside: [u8; 16] = self.random()?;
        let new = self
            .db
            .prepare_cached(
                "INSERT OR IGNORE INTO imports (channel, blob, sharer, kind, first_seq, last_seq,
                 state, received_ms, beside) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'fetching', ?7, ?8)",
            )?
            .execute(params![
                channel.0,
                archive.blob_id.as_ref(),
                sharer.0,
                grant.kind,
                first,
                last,
                self.now_ms,
                beside
            ])?;
        if new == 1 {
            self.expect_blob(channel, archive)?;
        }
        Ok(())
    }

    /// Whether a device is one of a person who is in the circle now.
    pub(super) fn is_member_device(&self, channel: ChannelId, device: DeviceId) -> Result<bool> {
        let head = self.structure.head().seq;
        let Some(known) = self.structure.valid_device(&device, head, self.now_ms) else {
            return Ok(false);
        };
        let roster = self.roster(channel)?;
        Ok(roster.standing(&known.professional, self.now_ms).is_some())
    }

    /// Whether an entry of the stretch, or the event of one, is missing here.
    fn lacks_any(&self, channel: ChannelId, first: u64, last: u64) -> Result<bool> {
        let whole: u64 = self
            .db
            .prepare_cached(
                "SELECT count(*) FROM entries e WHERE e.channel = ?1 AND e.seq BETWEEN ?2 AND ?3
                 AND e.header IS NOT NULL AND NOT EXISTS (SELECT 1 FROM shown_notices n
                    WHERE n.channel = e.channel AND n.seq = e.seq
                    AND n.kind IN ('omitted', 'quarantined'))",
            )?
            .query_row(params![channel.0, first, last], |row| row.get(0))?;
        Ok(whole <= last - first)
    }

    /// Brings the archives that arrive one bounded step further, one of each channel
    /// after the other. `true` when one can go on at once.
    pub(super) fn step_imports(&mut self) -> Result<bool> {
        let ids: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM imports ORDER BY id")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in ids {
            let Some(import) = self.load_import(id)? else {
                continue;
            };
            let went_on = match import.state.as_str() {
                "fetching" => self.fetched(&import)?,
                "reading" => self.read_step(&import).map(|()| true)?,
                "waiting" => self.anchor(&import)?,
                "placing" => self.place_step(&import).map(|()| true)?,
                "folding" => self.fold_step(&import).map(|()| true)?,
                _ => self.clear_step(&import)?,
            };
            if went_on {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn load_import(&self, id: i64) -> Result<Option<Import>> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT channel, blob, sharer, first_seq, last_seq, state, received_ms, last_hash,
                 promised_from, beside, next_seq, roster FROM imports WHERE id = ?1",
            )?
            .query_row([id], |row| {
                Ok(Import {
                    id,
                    channel: ChannelId(row.get(0)?),
                    blob: BlobId(row.get(1)?),
                    sharer: DeviceId(row.get(2)?),
                    first_seq: row.get(3)?,
                    last_seq: row.get(4)?,
                    state: row.get(5)?,
                    received_ms: row.get(6)?,
                    last_hash: row.get(7)?,
                    promised_from: row.get(8)?,
                    beside: ChannelId(row.get(9)?),
                    done_seq: row.get(10)?,
                    roster: row.get(11)?,
                })
            })
            .optional()?)
    }

    fn fetched(&mut self, import: &Import) -> Result<bool> {
        match self.blob_state(import.blob)? {
            BlobState::Here => self.set_state(import, "reading", 0).map(|()| true),
            BlobState::Failed => {
                self.refuse_import(import, "the archive cannot be had any more")?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The chain was read to its end. It counts only if it ends where this device, by
    /// what it read or proved itself, knows that it must, under a roster known here.
    pub(super) fn anchor(&mut self, import: &Import) -> Result<bool> {
        let known = self.entry_hash(import.channel, import.last_seq)?;
        let roster = self.known_roster(import.channel, import.roster)?;
        match known.zip(roster) {
            Some((known, _)) if known == import.last_hash => {
                self.set_state(import, "placing", 0)?;
            }
            Some(_) => self.refuse_import(import, "it tells another history")?,
            None if self.now_ms > import.received_ms.saturating_add(WAITING_MS) => {
                self.refuse_import(import, "it does not connect to what is known here")?;
            }
            None if import.state == "waiting" => return Ok(false),
            None => self.set_state(import, "waiting", 0)?,
        }
        Ok(true)
    }

    pub(super) fn set_state(&self, import: &Import, state: &str, done_seq: u64) -> Result<()> {
        self.db
            .prepare_cached("UPDATE imports SET state = ?2, next_seq = ?3 WHERE id = ?1")?
            .execute(params![import.id, state, done_seq])?;
        Ok(())
    }

    /// Nothing of it is ever shown; the reason is, and the next colleague is asked.
    pub(super) fn refuse_import(&mut self, import: &Import, reason: &str) -> Result<()> {
        self.forget_blob(import.blob)?;
        // One refusal of a channel is shown, the latest.
        self.db
            .prepare_cached(
                "DELETE FROM imports WHERE channel = ?1 AND state = 'refused' AND id NOT IN
                 (SELECT import FROM archived_entries)",
            )?
            .execute([import.channel.0])?;
        self.db
            .prepare_cached("UPDATE imports SET state = 'refused', reason = ?2 WHERE id = ?1")?
            .execute(params![import.id, reason])?;
        self.ask_next(import.channel, import.sharer)?;
        self.events.push_back(Event::ThreadChanged(import.channel));
        Ok(())
    }

    /// Removes what a refused archive had brought. `false` once nothing is left.
    fn clear_step(&self, import: &Import) -> Result<bool> {
        let gone = self
            .db
            .prepare_cached(
                "DELETE FROM archived_entries WHERE import = ?1 AND seq IN
                 (SELECT seq FROM archived_entries WHERE import = ?1 ORDER BY seq LIMIT ?2)",
            )?
            .execute(params![import.id, STEP_ENTRIES as u64])?;
        if gone > 0 {
            return Ok(true);
        }
        self.db
            .prepare_cached("DELETE FROM archived_rosters WHERE import = ?1")?
            .execute([import.id])?;
        Ok(false)
    }
}
