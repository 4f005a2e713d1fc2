//! What a person should know about the state of their device.

use relais_wire::ids::{ChannelId, ProfessionalId};

use super::{Engine, Event, Phase};
use crate::db::meta::{self, keys};
use crate::error::Result;
use crate::identity::enrol::WhoAmI;

/// Marks who disputes the structure log, as stored.
const BY: &str = "by ";

/// Something that needs a person's attention. Each is shown until it is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The database was restored or copied: the device must be enrolled again.
    Frozen,
    /// The server says that this device was revoked. When its log proves it, the
    /// device wipes itself ([`crate::Event::Wiped`]).
    Revoked,
    /// This device was revoked and has forgotten everything; it can join again.
    Wiped,
    /// This device's enrolment counts no more: nobody confirmed it in time, or the server
    /// lost it ([`crate::identity::Enrolment::Lapsed`]). A coordinator invites again.
    Lapsed,
    /// The server needs a newer version of the program.
    UpdateNeeded,
    /// The server showed two versions of the structure log, or one that breaks
    /// its rules.
    StructureForked,
    /// This person's device says that it has seen another structure log: the server shows
    /// two, or that device says what is not so. Nobody is silenced by one colleague's word:
    /// sending goes on.
    StructureDisputed(ProfessionalId),
    /// A colleague, or this device itself, knows more of the structure log than the
    /// server shows.
    StructureWithheld,
    /// The server showed two versions of a channel's log, or a member says to have seen
    /// another one.
    ChannelForked(ChannelId),
    /// A channel cannot go on; its state says why.
    ChannelStopped(ChannelId),
}

/// Whether everything is up to date, and what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncState {
    /// Where the connection stands.
    pub phase: Phase,
    /// All logs were read to the head that they had at connection.
    pub caught_up: bool,
    /// Acts that the log has not settled.
    pub waiting: u64,
    /// Acts that failed and need a person.
    pub failed: u64,
    /// Blobs and stretches of history not completely sent or fetched.
    pub transfers: u64,
}

impl Engine {
    pub(crate) fn trouble(&mut self, trouble: Trouble) {
        if !self.trouble.contains(&trouble) {
            self.trouble.push(trouble.clone());
            self.remember_forks();
            self.events.push_back(Event::Trouble(trouble));
        }
    }

    /// A fork that was seen stays shown after a restart. A database that cannot be
    /// written now must not hide it either: memory keeps it.
    pub(crate) fn remember_forks(&self) {
        let forks: Vec<String> = self
            .trouble
            .iter()
            .filter_map(|trouble| match trouble {
                Trouble::StructureForked => Some(String::new()),
                Trouble::StructureDisputed(by) => Some(format!("{BY}{by}")),
                Trouble::ChannelForked(channel) => Some(channel.to_string()),
                _ => None,
            })
            .collect();
        let _ = meta::put_json(&self.db, keys::FORKS, &forks);
    }

    pub(super) fn recall_forks(&mut self) -> Result<()> {
        let forks: Vec<String> = meta::get_json(&self.db, keys::FORKS)?.unwrap_or_default();
        for fork in forks {
            let by = fork.strip_prefix(BY).and_then(ProfessionalId::from_hex);
            let channel = ChannelId::from_hex(&fork).map(Trouble::ChannelForked);
            let known = by.map(Trouble::StructureDisputed).or(channel);
            self.trouble.push(known.unwrap_or(Trouble::StructureForked));
        }
        Ok(())
    }

    /// Last entry of the structure log that this device applied.
    pub fn structure_seq(&self) -> u64 {
        self.structure.head().seq
    }

    /// What needs attention now.
    pub fn troubles(&self) -> &[Trouble] {
        &self.trouble
    }

    /// Whether everything is up to date, and what waits.
    ///
    /// # Errors
    /// Of the database.
    pub fn sync_state(&self) -> Result<SyncState> {
        let applied = self.inbox.is_empty() && self.waiting.values().all(|queue| queue.is_empty());
        let caught_up = self.link.phase == Phase::Ready
            && self.link.structure_caught_up
            && self.link.inbox_caught_up
            && applied
            && self.channels_caught_up()?;
        let mut statement = self.db.prepare_cached(
            "SELECT (SELECT count(*) FROM intents WHERE state IN ('waiting', 'sent')),
                (SELECT count(*) FROM intents WHERE state = 'failed'),
                (SELECT count(*) FROM blobs b JOIN channels c ON c.channel = b.channel
                    WHERE b.state IN ('send', 'fetch', 'again') AND c.state IN ('joined', 'creating')
                       OR b.state = 'send' AND c.state = 'removed')
                 + (SELECT count(*) FROM shares s JOIN channels c ON c.channel = s.channel
                    WHERE s.state <> 'failed' AND c.state = 'joined')
                 + (SELECT count(*) FROM imports i JOIN channels c ON c.channel = i.channel
                    WHERE i.state NOT IN ('waiting', 'refused') AND c.state = 'joined')",
        )?;
        Ok(statement.query_row([], |row| {
            Ok(SyncState {
                phase: self.link.phase,
                caught_up,
                waiting: row.get(0)?,
                failed: row.get(1)?,
                transfers: row.get(2)?,
            })
        })?)
    }

    /// Says so when the state is another than when it was said last.
    pub(crate) fn tell_sync(&mut self) -> Result<()> {
        let now = Some(self.sync_state()?);
        if self.told_sync != now {
            self.told_sync = now;
            self.events.push_back(Event::SyncChanged);
        }
        Ok(())
    }

    fn channels_caught_up(&self) -> Result<bool> {
        let joined: Vec<[u8; 16]> = self
            .db
            .prepare_cached("SELECT channel FROM channels WHERE state = 'joined'")?
            .query_map([], |row| row.get(0))?
            .collect::<std::result::Result<_, _>>()?;
        let caught_up = |channel| self.link.caught_up.contains(&ChannelId(channel));
        Ok(joined.into_iter().all(caught_up))
    }

    /// This device's public identity.
    ///
    /// # Errors
    /// [`crate::Error::NotEnrolled`].
    pub fn whoami(&self) -> Result<WhoAmI> {
        let identity = self.identity()?;
        let professional = identity.professional();
        let person = self.structure.professional(&professional);
        Ok(WhoAmI {
            structure: identity.structure(),
            professional,
            device: identity.device(),
            card: self.card(&professional)?,
            confirmed: person.is_some_and(|p| p.is_confirmed()),
            coordinator: self.structure.is_coordinator(&professional),
            server_url: self.enrolment.server_url.clone(),
        })
    }

    /// Remembers the highest structure head that an author knew, and says so when
    /// the server shows less (requirement I5).
    pub(crate) fn claim_structure_head(&mut self, seq: u64) -> Result<()> {
        if seq > meta::get_u64(&self.db, keys::STRUCTURE_CLAIMED)? {
            meta::put_u64(&self.db, keys::STRUCTURE_CLAIMED, seq)?;
        }
        self.check_structure_claims()
    }

    pub(crate) fn check_structure_claims(&mut self) -> Result<()> {
        let claimed = meta::get_u64(&self.db, keys::STRUCTURE_CLAIMED)?;
        if !self.link.structure_caught_up {
            return Ok(());
        }
        if claimed > self.structure.head().seq {
            self.trouble(Trouble::StructureWithheld);
        } else {
            self.trouble.retain(|t| *t != Trouble::StructureWithheld);
        }
        Ok(())
    }
}
