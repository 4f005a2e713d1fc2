//! Threads, their patient headers and their circles.

use prost::Message;
use relais_content::v1::{MembershipNote, PatientHeader};
use relais_wire::ids::{ChannelId, ProfessionalId, ThreadId};
use relais_wire::v1::ChannelRole;
use rusqlite::{OptionalExtension, params};

use super::reachability::Reachability;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::identity::safety::Verification;

/// Whether a thread can be used on this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThreadState {
    /// Opened here; the server does not know it yet.
    Creating,
    /// A member.
    Joined,
    /// A member whose time is over: nothing that is written now reaches this device,
    /// unless a manager prolongs the membership.
    Ended,
    /// On its way back into the thread, for this reason; nothing is lost.
    Rejoining(String),
    /// Removed by a manager; what was received stays readable.
    Removed,
    /// The channel cannot go on, for this reason.
    Stopped(String),
}

/// What is unread is counted so far: a number that nobody reads costs no more than this.
pub const UNREAD_MOST: u64 = 1_000;

/// All threads. `?1`: the person of this device. `?2`: [`UNREAD_MOST`]. `?3`: one of them.
pub(super) const THREADS: &str = "SELECT c.channel, c.thread, c.title, c.state, c.reason,
     c.cursor_seq, c.joined_seq, c.epoch,
     (SELECT count(*) FROM (SELECT 1 FROM said_events e WHERE e.channel = c.channel
        AND e.professional <> ?1 AND e.seq > coalesce(
        (SELECT seq FROM reads r WHERE r.channel = c.channel AND r.professional = ?1), 0)
        LIMIT ?2)),
     (SELECT count(*) FROM tasks t WHERE t.channel = c.channel AND t.status IN (0, 1)),
     coalesce((SELECT time_ms FROM shown_events e WHERE e.channel = c.channel
        AND kind NOT IN (10, 11) ORDER BY seq DESC LIMIT 1), c.created_ms),
     c.until_ms, c.incarnation FROM channels c WHERE ?3 IS NULL OR c.channel = ?3
     ORDER BY 11 DESC, c.channel";

/// A thread in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadRecord {
    /// Its main channel, by which commands name it.
    pub channel: ChannelId,
    /// The thread; unknown until its opening arrived.
    pub thread: Option<ThreadId>,
    /// Title given at its opening.
    pub title: String,
    /// Whether it can be used.
    pub state: ThreadState,
    /// Last entry read from the log.
    pub seq: u64,
    /// Where this device's knowledge of the log begins.
    pub joined_seq: u64,
    /// How often the MLS group was replaced.
    pub incarnation: u32,
    /// MLS epoch in it.
    pub epoch: u64,
    /// What others said or did after the person's read marker, counted to [`UNREAD_MOST`].
    pub unread: u64,
    /// Open or taken tasks.
    pub open_tasks: u64,
    /// Server time of the last event, what people have read aside.
    pub last_ms: u64,
}

/// The patient header in force.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderRecord {
    /// Who wrote this version.
    pub author: ProfessionalId,
    /// Server time of this version.
    pub time_ms: u64,
    /// The header.
    pub header: PatientHeader,
}

/// A member of a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRecord {
    /// Who.
    pub professional: ProfessionalId,
    /// Their name, as far as known.
    pub name: String,
    /// What they may do.
    pub role: ChannelRole,
    /// End of the membership, milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// Basis, role in words; absent until somebody wrote it.
    pub note: Option<MembershipNote>,
    /// Whether a coordinator has counter-signed their enrolment.
    pub confirmed: bool,
    /// Whether their keys were compared on this device: a thread with somebody whose
    /// verification is lost says so.
    pub verification: Verification,
    /// Up to where they have read.
    pub read_seq: u64,
    /// Whether what is written reaches them.
    pub reachability: Reachability,
}

impl Engine {
    /// All threads, the most recent first.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`], or of the database.
    pub fn threads(&self) -> Result<Vec<ThreadRecord>> {
        self.list_threads(None)
    }

    fn list_threads(&self, only: Option<ChannelId>) -> Result<Vec<ThreadRecord>> {
        let me = self.identity()?.professional();
        let mut statement = self.db.prepare_cached(THREADS)?;
        let now = self.log_now();
        let only = only.map(|channel| channel.0);
        let rows = statement.query_map(params![me.0, UNREAD_MOST, only], |row| {
            let state: String = row.get(3)?;
            let until_ms: u64 = row.get(11)?;
            Ok(ThreadRecord {
                channel: ChannelId(row.get(0)?),
                thread: row.get::<_, Option<[u8; 16]>>(1)?.map(ThreadId),
                title: row.get(2)?,
                state: match state.as_str() {
                    "creating" => ThreadState::Creating,
                    "joined" if until_ms > 0 && until_ms <= now => ThreadState::Ended,
                    "joined" => ThreadState::Joined,
                    "rejoin" => ThreadState::Rejoining(row.get(4)?),
                    "removed" => ThreadState::Removed,
                    _ => ThreadState::Stopped(row.get(4)?),
                },
                seq: row.get(5)?,
                joined_seq: row.get(6)?,
                incarnation: row.get(12)?,
                epoch: row.get(7)?,
                unread: row.get(8)?,
                open_tasks: row.get(9)?,
                last_ms: row.get(10)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One thread.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn thread(&self, channel: ChannelId) -> Result<ThreadRecord> {
        let mut found = self.list_threads(Some(channel))?;
        found.pop().ok_or(Error::Unknown("thread"))
    }

    pub(crate) fn header_record(&self, channel: ChannelId) -> Result<Option<HeaderRecord>> {
        let row: Option<([u8; 16], u64, Vec<u8>)> = self
            .db
            .prepare_cached("SELECT author, time_ms, header FROM headers WHERE channel = ?1")?
            .query_row([channel.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        row.map(|(author, time_ms, header)| {
            Ok(HeaderRecord {
                author: ProfessionalId(author),
                time_ms,
                header: PatientHeader::decode(header.as_slice())
                    .map_err(|_| Error::Corrupt("header"))?,
            })
        })
        .transpose()
    }

    /// The patient header in force, `None` before the first.
    ///
    /// # Errors
    /// Of the database.
    pub fn patient_header(&self, channel: ChannelId) -> Result<Option<HeaderRecord>> {
        self.header_record(channel)
    }

    /// The circle of a thread.
    ///
    /// # Errors
    /// [`Error::Unknown`] thread.
    pub fn members(&self, channel: ChannelId) -> Result<Vec<MemberRecord>> {
        let roster = self.roster(channel)?;
        let mut list = Vec::new();
        for (id, member) in &roster.members {
            let note: Option<Vec<u8>> = self
                .db
                .prepare_cached("SELECT note FROM circle WHERE channel = ?1 AND professional = ?2")?
                .query_row(params![channel.0, id.0], |row| row.get(0))
                .optional()?;
            let read_seq: Option<u64> = self
                .db
                .prepare_cached("SELECT seq FROM reads WHERE channel = ?1 AND professional = ?2")?
                .query_row(params![channel.0, id.0], |row| row.get(0))
                .optional()?;
            let person = self.structure.professional(id);
            list.push(MemberRecord {
                professional: *id,
                name: self.name(id),
                role: member.role,
                expires_at_ms: member.expires_at_ms,
                note: note.and_then(|n| MembershipNote::decode(n.as_slice()).ok()),
                confirmed: person.is_some_and(|p| p.is_confirmed()),
                verification: self.verification(id)?,
                read_seq: read_seq.unwrap_or(0),
                reachability: self.reachability(channel, *id)?,
            });
        }
        list.sort_by_key(|member| member.name.to_lowercase());
        Ok(list)
    }

    /// The channel's MLS epoch authenticator: equal on all devices of an epoch
    /// (invariant 2).
    ///
    /// # Errors
    /// [`Error::Unknown`] for a thread that this device is not in.
    pub fn epoch_authenticator(&mut self, channel: ChannelId) -> Result<(u64, Vec<u8>)> {
        self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let group = self.take_group(channel)?;
        let found = (
            group.epoch().as_u64(),
            group.epoch_authenticator().as_slice().to_vec(),
        );
        self.keep_group(channel, group);
        Ok(found)
    }
}
