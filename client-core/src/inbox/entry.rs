//! One entry of a channel's log: its place in the order, its hash, and who is
//! asked to apply it.

use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::roster::CheckedRoster;
use relais_wire::v1::{ChannelEntry, EntryKind, SignedRoster};
use relais_wire::{chain, life};
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::Outcome;
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};

/// The year 2100: no entry is of a later time.
const FAR_FUTURE_MS: u64 = 4_102_444_800_000;

/// A row of the channels table.
#[derive(Debug, Clone)]
pub(crate) struct ChannelRow {
    pub incarnation: u32,
    pub epoch: u64,
    pub joined_seq: u64,
    pub cursor_seq: u64,
    pub cursor_hash: Vec<u8>,
    pub cursor_time_ms: u64,
    pub state: String,
}

/// Why an entry was not applied as it stands.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It needs structure entries that have not arrived, up to this one if it says so.
    Waits(Option<u64>),
    /// Quarantined: recorded with its reason, the log goes on.
    Park(String),
    /// Quarantined here, though others may have read it: they are asked for it.
    Unreadable(String),
    /// A commit that breaks a rule: the channel stops, and never comes back by itself.
    Stop(String),
    /// A commit that this device cannot process: it comes back by an external commit.
    Lost(String),
    /// This database was restored or copied.
    Clone,
    /// The database failed.
    Engine(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    pub(crate) fn channel_row(&self, channel: ChannelId) -> Result<Option<ChannelRow>> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT incarnation, epoch, cursor_seq, cursor_hash, cursor_time_ms, state, joined_seq
                 FROM channels WHERE channel = ?1",
            )?
            .query_row([channel.0], |row| {
                Ok(ChannelRow {
                    incarnation: row.get(0)?,
                    epoch: row.get(1)?,
                    cursor_seq: row.get(2)?,
                    cursor_hash: row.get(3)?,
                    cursor_time_ms: row.get(4)?,
                    state: row.get(5)?,
                    joined_seq: row.get(6)?,
                })
            })
            .optional()?)
    }

    pub(crate) fn incarnation(&self, channel: ChannelId) -> Result<u32> {
        let row = self.channel_row(channel)?;
        Ok(row.ok_or(Error::Unknown("thread"))?.incarnation)
    }

    /// The roster in force.
    pub(crate) fn roster(&self, channel: ChannelId) -> Result<CheckedRoster> {
        use prost::Message;
        let signed: Vec<u8> = self
            .db
            .prepare_cached(
                "SELECT signed FROM rosters WHERE channel = ?1 ORDER BY version DESC LIMIT 1",
            )?
            .query_row([channel.0], |row| row.get(0))
            .optional()?
            .ok_or(Error::Unknown("thread"))?;
        SignedRoster::decode(signed.as_slice())
            .ok()
            .and_then(|signed| CheckedRoster::read(&signed).ok())
            .ok_or(Error::Corrupt("roster"))
    }

    /// Keeps a roster; `seq`: the entry that put it in force, where that is known.
    pub(crate) fn put_roster(
        &self,
        channel: ChannelId,
        roster: &CheckedRoster,
        seq: Option<u64>,
    ) -> Result<()> {
        use prost::Message;
        self.db
            .prepare_cached(
                "INSERT INTO rosters (channel, version, signed, seq) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET seq = coalesce(seq, excluded.seq)",
            )?
            .execute(params![
                channel.0,
                roster.version,
                roster.signed().encode_to_vec(),
                seq
            ])?;
        Ok(())
    }

    pub(super) fn apply_entry(
        &mut self,
        channel: ChannelId,
        entry: &ChannelEntry,
    ) -> Result<Outcome> {
        let Some(row) = self.channel_row(channel)? else {
            return Ok(Outcome::Left); // A channel without its Welcome: read later.
        };
        // A copy of this database may have gone on: what follows from more is not ours to do.
        if row.state != "joined" || self.is_frozen() {
            return Ok(Outcome::Left);
        }
        if entry.seq <= row.cursor_seq {
            return Ok(Outcome::Done);
        }
        let sane = entry.time_ms >= row.cursor_time_ms && entry.time_ms < FAR_FUTURE_MS;
        if entry.seq != row.cursor_seq + 1 || !sane {
            // The server skipped an entry or invents times: ask again from our cursor.
            self.link.closed_by_server = Some(relais_wire::RefusalCode::Malformed);
            self.waiting.remove(&channel);
            return Ok(Outcome::Left);
        }
        // The savepoint needs the engine as a whole, so it is spelled out here.
        self.db.execute_batch("SAVEPOINT entry")?;
        let dirty = self.dirty;
        let applied = self.apply_kind(channel, &row, entry);
        let applied = applied.map_err(|fault| match self.blame(fault) {
            Fault::Engine(Error::Corrupt("group")) => {
                Fault::Lost("the encryption state was lost".into())
            }
            fault => fault,
        });
        match applied {
            Ok(()) => self.db.execute_batch("RELEASE entry")?,
            // The whole transaction goes back; SQLite may have begun that by itself.
            Err(Fault::Engine(error)) => return Err(error),
            Err(fault) => {
                self.db.execute_batch("ROLLBACK TO entry; RELEASE entry")?;
                self.groups.remove(&channel);
                // Memory goes back too: an entry that waits must not keep the device
                // awake.
                self.dirty = dirty;
                self.link.in_flight = self.count_in_flight()?;
                // What was noticed is kept, whatever becomes of the entry.
                self.remember_forks();
                match fault {
                    Fault::Waits(head) => {
                        if let Some(seq) = head {
                            self.claim_structure_head(seq)?;
                        }
                        return Ok(Outcome::Waits);
                    }
                    Fault::Park(reason) => self.park(channel, entry, &reason)?,
                    Fault::Unreadable(reason) => {
                        self.park(channel, entry, &reason)?;
                        self.miss_entry(channel, entry.seq)?;
                    }
                    Fault::Stop(reason) => {
                        self.park(channel, entry, &reason)?;
                        self.stop_channel(channel, &reason)?;
                        return Ok(Outcome::Done);
                    }
                    Fault::Clone => {
                        self.freeze()?;
                        return Ok(Outcome::Waits);
                    }
                    Fault::Lost(reason) => {
                        self.begin_rejoin(channel, &reason, 0)?;
                        return Ok(Outcome::Left);
                    }
                    // Invariant: returned above.
                    Fault::Engine(error) => return Err(error),
                }
            }
        }
        self.advance(channel, &row, entry)?;
        self.events.push_back(Event::ThreadChanged(channel));
        Ok(Outcome::Done)
    }

    /// What the database refused is nobody's fault: the entry comes again.
    pub(crate) fn blame(&self, fault: Fault) -> Fault {
        let refused = self.mls_refusal.take();
        refused.map_or(fault, |error| Fault::Engine(error.into()))
    }

    fn apply_kind(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
    ) -> Result<(), Fault> {
        let device = DeviceId::try_from(&entry.device_id)
            .map_err(|_| Fault::Park("entry without an author".into()))?;
        let own = device == self.identity()?.device();
        match entry.kind() {
            EntryKind::Created => self.apply_created(channel, entry, own),
            EntryKind::Commit => self.apply_commit(channel, row, entry, own),
            EntryKind::Message => self.apply_message(channel, row, entry, device, own),
            EntryKind::Rebooted => self.apply_rebooted(channel, row, entry, own),
            EntryKind::Unspecified => Err(Fault::Park("entry of an unknown kind".into())),
        }
    }

    /// The creator reads its own creation; everyone else joined after it.
    fn apply_created(
        &mut self,
        channel: ChannelId,
        entry: &ChannelEntry,
        own: bool,
    ) -> Result<(), Fault> {
        if !own || entry.seq != 1 {
            return Err(Fault::Stop("a creation that is not ours".into()));
        }
        let me = self.identity()?.professional();
        self.notice(channel, entry, 0, "created", &me, &me, "")?;
        Ok(())
    }

    fn park(&mut self, channel: ChannelId, entry: &ChannelEntry, reason: &str) -> Result<()> {
        // One of our own that nobody can accept is settled too, visibly.
        if let Some(intent) = self.intent_of(&entry.payload)? {
            self.fail(intent, reason)?;
        }
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO parked (channel, seq, reason, payload) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![channel.0, entry.seq, reason, entry.payload.as_ref()])?;
        let author = DeviceId::try_from(&entry.device_id)
            .ok()
            .and_then(|id| self.structure.device(&id))
            .map_or(relais_wire::ids::ProfessionalId([0; 16]), |d| {
                d.professional
            });
        self.notice(channel, entry, 0, "quarantined", &author, &author, reason)
    }

    /// Moves the cursor past an entry: its hash binds everything before it.
    fn advance(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
    ) -> Result<()> {
        use prost::Message;
        let header = chain::header(entry);
        let hash = chain::channel_header(&row.cursor_hash, &entry.channel_id, &header);
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO entries (channel, seq, hash, header)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![channel.0, entry.seq, hash, header.encode_to_vec()])?;
        self.db
            .prepare_cached(
                "UPDATE channels SET cursor_seq = ?2, cursor_hash = ?3, cursor_time_ms = ?4,
                 cursor_seal = ?5 WHERE channel = ?1",
            )?
            .execute(params![
                channel.0,
                entry.seq,
                hash,
                entry.time_ms,
                entry.seal.as_ref()
            ])?;
        Ok(())
    }

    /// Records that this device did not read the entries after `after_seq` up to and
    /// with `until_seq`: colleagues fill them.
    pub(crate) fn note_gap(
        &self,
        channel: ChannelId,
        after_seq: u64,
        until_seq: u64,
    ) -> Result<()> {
        if after_seq >= until_seq {
            return Ok(());
        }
        self.db
            .prepare_cached(
                "INSERT INTO gaps (channel, after_seq, until_seq) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET until_seq = max(until_seq, excluded.until_seq)",
            )?
            .execute(params![channel.0, after_seq, until_seq])?;
        Ok(())
    }

    /// The intent whose send carried exactly this payload.
    pub(crate) fn intent_of(&self, payload: &[u8]) -> Result<Option<i64>> {
        Ok(self
            .db
            .prepare_cached("SELECT intent FROM sends WHERE payload_hash = ?1 LIMIT 1")?
            .query_row([Sha256::digest(payload).as_slice()], |row| row.get(0))
            .optional()?)
    }

    /// Whether a send that carried exactly this payload still waits for the log.
    pub(super) fn is_live(&self, payload: &[u8]) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sends WHERE payload_hash = ?1 AND live = 1)",
            )?
            .query_row([Sha256::digest(payload).as_slice()], |row| row.get(0))?)
    }

    /// What an entry is that this device does not know, though it bears its name: the work
    /// of a copy; or, from before the server was restored, one that was settled and
    /// forgotten. After that one the way back is by a new leaf, whose keys are new.
    pub(crate) fn unknown_of_ours(&self, entry: &ChannelEntry) -> Result<Fault> {
        let restored_ms = life::began_ms(meta::get_u64(&self.db, keys::RESTORES)?);
        Ok(match entry.time_ms < restored_ms {
            true => Fault::Lost("an entry of this device came back after a restore".into()),
            false => Fault::Clone,
        })
    }

    /// What the log itself says in the thread.
    #[expect(clippy::too_many_arguments, reason = "a row of the notices table")]
    pub(crate) fn notice(
        &self,
        channel: ChannelId,
        entry: &ChannelEntry,
        part: u32,
        kind: &str,
        actor: &relais_wire::ids::ProfessionalId,
        subject: &relais_wire::ids::ProfessionalId,
        detail: &str,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO notices
                 (channel, seq, part, time_ms, kind, actor, subject, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                channel.0,
                entry.seq,
                part,
                entry.time_ms,
                kind,
                actor.0,
                subject.0,
                detail
            ])?;
        Ok(())
    }
}
