//! The engine: a state machine over one encrypted database (architecture D1).
//!
//! Owns: the order in which inputs change the database, what is sent, what the
//! person is told. Leaves to the driver: sockets, timers, the clock, opening the
//! database. Nothing here blocks, spawns, or reads a clock.
//!
//! # Use
//! A driver feeds [`Engine::set_time`], [`Engine::connected`],
//! [`Engine::receive`], [`Engine::respond`] and calls [`Engine::step`] until it
//! returns `false`; after each call it carries out [`Engine::take_frames`] and
//! [`Engine::take_requests`] and hands [`Engine::take_events`] to the person.

mod clock;
mod connection;
pub mod http;
mod link;
mod restore;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};

use openmls::prelude::MlsGroup;
use openmls_traits::random::OpenMlsRand;
use prost::bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::{BlobId, ChannelId, ProfessionalId};
use relais_wire::structure::Structure;
use relais_wire::v1::{ChannelEntry, InboxItem};
use rusqlite::Connection;

use crate::db::{self, meta};
use crate::error::{Error, Result};
use crate::identity::enrol::{Enrolment, Stored};
use crate::identity::{self, Identity};
use crate::mls::{Crypto, Refusal};

pub use link::Phase;
pub use status::{SyncState, Trouble};

/// Something that the person, or the screen in front of them, should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The structure's log holds this device.
    Enrolled,
    /// The server refused the enrolment for good.
    EnrolmentRefused(RefusalCode),
    /// A frozen device came back under another id.
    Returned,
    /// This device was revoked and has forgotten everything; it can join again.
    Wiped,
    /// The device was accepted: the person types the code that the other one shows.
    CompareCode,
    /// Cards, professionals or devices changed.
    PeopleChanged,
    /// An invitation issued here or elsewhere was used.
    InvitationUsed(ProfessionalId),
    /// The keys of somebody whose safety code was compared are not those any more.
    VerificationLost(ProfessionalId),
    /// A coordinator proposes a new root's key and asks this person.
    RootProposed(ProfessionalId),
    /// A thread was created, joined, left or renamed.
    ThreadsChanged,
    /// Something in this channel's thread changed.
    ThreadChanged(ChannelId),
    /// A blob arrived or was sent completely, or cannot be had.
    BlobChanged(BlobId),
    /// A blob was sent or fetched by another step, and is not whole yet.
    BlobProgress(BlobId),
    /// Connection or synchronisation state changed.
    SyncChanged,
    /// The server was restored from a backup, and is given back what it lost.
    ServerRestored,
    /// Something that needs a person's attention.
    Trouble(Trouble),
}

/// What an engine is opened with besides its database and the time.
#[derive(Debug)]
pub struct Options {
    /// Cryptography and the only source of randomness.
    pub crypto: Crypto,
    /// One-time key packages in a set.
    pub key_packages: u32,
}

impl Options {
    /// Randomness of the operating system, and as many key packages as a device needs.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new() -> Result<Self> {
        Ok(Self {
            crypto: Crypto::new()?,
            // Three joins a day for ten days offline.
            key_packages: 32,
        })
    }
}

/// See the module's head.
pub struct Engine {
    pub(crate) db: Connection,
    pub(crate) crypto: Crypto,
    pub(crate) key_packages: u32,
    pub(crate) mls_refusal: Refusal,
    pub(crate) now_ms: u64,
    pub(crate) structure: Structure,
    pub(crate) identity: Option<Identity>,
    pub(crate) enrolment: Stored,
    pub(crate) groups: HashMap<ChannelId, MlsGroup>,
    pub(crate) link: link::Link,
    pub(crate) http: http::Http,
    pub(crate) frames: VecDeque<Bytes>,
    pub(crate) events: VecDeque<Event>,
    /// Entries received and not yet applied, in order.
    pub(crate) waiting: BTreeMap<ChannelId, VecDeque<ChannelEntry>>,
    pub(crate) inbox: VecDeque<InboxItem>,
    pub(crate) dirty: bool,
    /// After a refusal that says "later": nothing is staged before then.
    pub(crate) hold_until_ms: u64,
    pub(crate) trouble: Vec<Trouble>,
    told_sync: Option<SyncState>,
    ends: clock::Ends,
    /// When somebody is asked next for a missing stretch.
    pub(crate) next_history_ms: Option<u64>,
    clock_put_back: bool,
    clock_skipped: bool,
}

impl Engine {
    /// Takes over an opened (and keyed) database.
    ///
    /// # Errors
    /// [`Error::TooNew`], [`Error::Corrupt`], or of the database.
    pub fn open(db: Connection, now_ms: u64) -> Result<Self> {
        Self::open_with(db, now_ms, Options::new()?)
    }

    /// As [`Engine::open`], with options: one seed reproduces every byte.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_with(db: Connection, now_ms: u64, options: Options) -> Result<Self> {
        db::migrate(&db)?;
        let structure = identity::log::load(&db)?;
        let identity = meta::get_json(&db, meta::keys::IDENTITY)?;
        let enrolment: Stored = meta::get_json(&db, meta::keys::ENROLMENT)?.unwrap_or_default();
        let mut engine = Self {
            db,
            crypto: options.crypto,
            key_packages: options.key_packages,
            mls_refusal: Refusal::default(),
            now_ms,
            structure,
            identity,
            enrolment,
            groups: HashMap::new(),
            link: link::Link::default(),
            http: http::Http::default(),
            frames: VecDeque::new(),
            events: VecDeque::new(),
            waiting: BTreeMap::new(),
            inbox: VecDeque::new(),
            dirty: true,
            hold_until_ms: 0,
            trouble: Vec::new(),
            told_sync: None,
            ends: clock::Ends::default(),
            next_history_ms: None,
            clock_put_back: false,
            clock_skipped: false,
        };
        if meta::get(&engine.db, meta::keys::FROZEN)?.is_some() {
            engine.trouble.push(Trouble::Frozen);
        }
        if meta::get(&engine.db, meta::keys::WIPED)?.is_some() {
            engine.trouble.push(Trouble::Wiped);
        }
        if engine.enrolment.state == Enrolment::Lapsed {
            engine.trouble.push(Trouble::Lapsed);
            engine.http.retry_enrolment_ms = Some(now_ms);
        }
        engine.fold_after_migration()?;
        engine.recall_forks()?;
        engine.continue_enrolment();
        Ok(engine)
    }

    /// Frames to send, in order, while connected.
    pub fn take_frames(&mut self) -> Vec<Bytes> {
        self.frames.drain(..).collect()
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Runs `work` in one transaction (architecture D2): database, queues and
    /// memory change together or not at all.
    pub(crate) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let (frames, events) = (self.frames.len(), self.events.len());
        self.mls_refusal.take();
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let result = work(self)
            .map_err(|error| self.mls_refusal.take().map_or(error, Error::Database))
            .and_then(|value| {
                self.db.execute_batch("COMMIT")?;
                Ok(value)
            });
        if result.is_err() {
            // What memory holds may be ahead of the database: read it again.
            if !self.db.is_autocommit() {
                self.db.execute_batch("ROLLBACK")?;
            }
            self.frames.truncate(frames);
            self.events.truncate(events);
            self.groups.clear();
            self.structure = identity::log::load(&self.db)?;
            self.identity = meta::get_json(&self.db, meta::keys::IDENTITY)?;
            self.enrolment = meta::get_json(&self.db, meta::keys::ENROLMENT)?.unwrap_or_default();
            self.link.in_flight = self.count_in_flight()?;
        }
        result
    }

    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N]> {
        self.crypto.random_array().map_err(Error::mls)
    }

    pub(crate) fn identity(&self) -> Result<&Identity> {
        match (&self.enrolment.state, &self.identity) {
            (Enrolment::None | Enrolment::Refused(_), _) | (_, None) => Err(Error::NotEnrolled),
            (_, Some(identity)) => Ok(identity),
        }
    }

    pub(crate) fn is_enrolled(&self) -> bool {
        self.enrolment.state == Enrolment::Enrolled
    }

    /// Address of the server, once a link was given.
    pub fn server_url(&self) -> Option<&str> {
        Some(self.enrolment.server_url.as_str()).filter(|url| !url.is_empty())
    }

    /// How far the enrolment is.
    pub fn enrolment(&self) -> &Enrolment {
        &self.enrolment.state
    }

    /// Whether the driver should hold a WebSocket open now.
    pub fn wants_connection(&self) -> bool {
        self.is_enrolled() && !self.is_frozen()
    }

    /// Closes the database after writing what is pending (WAL checkpoint).
    ///
    /// # Errors
    /// Of the database.
    pub fn close(self) -> Result<()> {
        self.groups.into_iter().for_each(drop);
        self.db.close().map_err(|(_, error)| error.into())
    }
}
