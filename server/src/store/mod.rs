//! The server's store, in the words of the domain (architecture D16): what is
//! appended, claimed and read, never keys and values. One conformance suite runs
//! over every implementation.
//!
//! Owns: durability, order, idempotency, spans, compare-and-set on the epoch.
//! Leaves to others: whether a request is allowed (`channels`, `structure_log`),
//! and who is told about it (`hub`).
//!
//! Every write is one durable step: when its future resolves, everything it did
//! survives a power cut; when it fails with [`StoreError`], nothing was done.

//!
//! # Layout
//! - [`LogStore`]: the implementation, over an ordered key-value backend.
//! - [`kv`]: what it needs of a backend; [`SledBackend`], [`MemoryBackend`].
//! - [`keyspaces`], `records`: what is on disk.
//! - `committer`: one thread that makes writes durable in groups; `inline`: none.
//! - `engine`: one group; `ops`: what each operation means.
//! - `shared`, `state`, `ring`: the read side and what is kept in memory.
//! - `conformance`: the suite; `tests` runs it and what one backend alone shows.

mod committer;
#[cfg(test)]
mod conformance;
mod engine;
mod inline;
pub mod keyspaces;
pub mod kv;
mod log_store;
mod memory_backend;
mod ops;
mod records;
mod ring;
mod shared;
mod sled_backend;
mod state;
#[cfg(test)]
mod tests;

pub use log_store::LogStore;
pub use memory_backend::{MemoryBackend, MemoryDisk};
pub use sled_backend::SledBackend;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use relais_wire::RefusalCode;
use relais_wire::ids::{BlobId, ChannelId, DeviceId, EventId, ProfessionalId, StructureId};
use relais_wire::v1::{Answer, ChannelEntry, InboxItem, LogHead, StructureEntry};

/// The store could not write or read. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Disk full or input/output error.
    #[error("store input/output: {0}")]
    Io(String),
    /// What is on disk does not decode.
    #[error("store corrupt: {0}")]
    Corrupt(&'static str),
    /// [`Store::found`] a second time.
    #[error("store founded already")]
    Founded,
    /// The store was shut down.
    #[error("store closed")]
    Closed,
}

/// What every method returns.
pub type Stored<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Made once by `init`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// The one structure of this server.
    pub structure: StructureId,
    /// Public half of the set-up link's key; ignored once the structure log has
    /// an entry.
    pub setup_key: [u8; 32],
    /// Secret of the bearer tokens' HMAC.
    pub token_key: [u8; 32],
}

/// One idempotent request of a device (architecture D10).
#[derive(Debug, Clone)]
pub struct Write {
    /// Who sends.
    pub device: DeviceId,
    /// Idempotency key together with `device`.
    pub send_counter: u64,
    /// SHA-256 of the request as sent: a repetition must be identical.
    pub request_hash: [u8; 32],
    /// The server's clock.
    pub now_ms: u64,
    /// What to do; already checked by rule, not yet against the state that
    /// concurrent writes change.
    pub operation: Operation,
}

/// What a [`Write`] does. The checks that race are the store's.
#[derive(Debug, Clone)]
pub enum Operation {
    /// New channel whose first entry (seq 1, kind CREATED, payload = GroupInfo)
    /// opens the creator's span. The channel begins with incarnation 0, epoch 0.
    CreateChannel(NewChannel),
    /// Refused with WRONG_EPOCH or WRONG_EVENT_COUNTER where those do not match,
    /// FORBIDDEN where the device has no open span or `member_until_ms` passed,
    /// NOT_FOUND where there is no such channel.
    AppendMessage(NewMessage),
    /// Refused with WRONG_EPOCH, STALE_STRUCTURE, NOT_FOUND, or FORBIDDEN where
    /// `valid_until_ms` passed.
    AppendCommit(NewCommit),
    /// Refused like a commit. Entry of kind REBOOTED (payload = GroupInfo), the next
    /// incarnation in epoch 0; every span but the author's closes with it.
    RebootChannel(NewReboot),
    /// Entries made by `Structure::append` on top of `expected_head`;
    /// `Applied::conflict` when the head moved (the caller rebuilds them).
    AppendStatements {
        /// Head that the entries follow.
        expected_head: u64,
        /// Consecutive entries.
        entries: Vec<StructureEntry>,
    },
    /// Replaces the device's whole set.
    PublishKeyPackages {
        /// One-time key packages.
        packages: Vec<Bytes>,
        /// Handed out when no other is left; replaced at the next publication.
        last_resort: Bytes,
    },
    /// Each package is handed out once; the last resort only when none is left.
    /// TOO_MANY_REQUESTS over `limits::CLAIMS_PER_HOUR`.
    ClaimKeyPackages(Vec<DeviceId>),
    /// Appends to the device's inbox; TOO_MANY_REQUESTS when it is full.
    SendToDevice {
        /// Receiver.
        device: DeviceId,
        /// HPKE encapsulation.
        kem_output: Bytes,
        /// HPKE ciphertext.
        ciphertext: Bytes,
    },
    /// Only remembers the refusal, so that a repetition gets the same answer.
    Refuse(RefusalCode),
}

/// See [`Operation::CreateChannel`].
#[derive(Debug, Clone)]
pub struct NewChannel {
    /// Chosen by the creator; ALREADY_EXISTS when taken.
    pub channel: ChannelId,
    /// The group's public state.
    pub state: PublicState,
    /// Sequence of the structure head that it was judged by; must be the present one.
    pub structure_seq: u64,
    /// Whom its roster names: see [`Store::channels_naming`].
    pub named: Vec<ProfessionalId>,
}

/// See [`Operation::AppendMessage`].
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Where.
    pub channel: ChannelId,
    /// MLS group that encrypts the channel now.
    pub incarnation: u32,
    /// Must be the channel's present epoch.
    pub epoch: u64,
    /// The PrivateMessage as sent.
    pub payload: Bytes,
    /// Counter of (channel, device): must be the last accepted + 1.
    pub event_counter: u64,
    /// From the authenticated data; a void repeats no id.
    pub event_id: EventId,
    /// Blobs that it names: they stop being unreferenced.
    pub blobs: Vec<BlobId>,
    /// End of the author's membership, if it has one.
    pub member_until_ms: Option<u64>,
}

/// See [`Operation::AppendCommit`].
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// Where.
    pub channel: ChannelId,
    /// MLS group that encrypts the channel now.
    pub incarnation: u32,
    /// The epoch that it ends: must be the present one.
    pub epoch: u64,
    /// The PublicMessage as sent.
    pub payload: Bytes,
    /// Sequence of the structure head that it names; must be the present one.
    pub structure_seq: u64,
    /// Public state of the new epoch.
    pub state: PublicState,
    /// Devices whose span opens after this entry; each gets the Welcome and
    /// `state.ratchet_tree` in its inbox, even a full one. The author itself here
    /// means an external commit: its span begins with this entry, which it reads
    /// back, and it gets no Welcome.
    pub joined: Vec<DeviceId>,
    /// Devices whose span closes with this entry. Named in both lists, the author
    /// keeps its span, and another device gets a new one.
    pub left: Vec<DeviceId>,
    /// Of those in `left`, whose membership ended before: their span closes with the
    /// last entry dated before that time, ms (architecture D11).
    pub ended: Vec<(DeviceId, u64)>,
    /// Empty when nobody joins.
    pub welcome: Bytes,
    /// Whom the new roster names and the prior one did not.
    pub named: Vec<ProfessionalId>,
    /// Whom the prior roster named and the new one does not.
    pub unnamed: Vec<ProfessionalId>,
    /// The first end of the memberships that it was judged by as standing, ms.
    pub valid_until_ms: Option<u64>,
}

/// See [`Operation::RebootChannel`].
#[derive(Debug, Clone)]
pub struct NewReboot {
    /// Where.
    pub channel: ChannelId,
    /// MLS group that it ends.
    pub incarnation: u32,
    /// The epoch that it ends: must be the present one.
    pub epoch: u64,
    /// Sequence of the structure head that it names; must be the present one.
    pub structure_seq: u64,
    /// Public state of the new group.
    pub state: PublicState,
    /// End of the author's membership, if it has one, ms.
    pub valid_until_ms: Option<u64>,
}

/// What the server keeps of a channel's MLS group (architecture D5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicState {
    /// TLS bytes of the MlsMessage with the GroupInfo of this epoch.
    pub group_info: Bytes,
    /// TLS bytes of the ratchet tree of this epoch.
    pub ratchet_tree: Bytes,
}

/// A channel as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// MLS group in its incarnation.
    pub incarnation: u32,
    /// Present epoch.
    pub epoch: u64,
    /// Last entry.
    pub head_seq: u64,
    /// Its hash.
    pub head_hash: [u8; 32],
    /// Its server time: monotonic in the channel.
    pub head_time_ms: u64,
    /// First entry still kept (1 until something was trimmed).
    pub first_seq: u64,
    /// Hash of the entry before `first_seq`, if it is known: what a device has read that
    /// has passed all that was trimmed.
    pub hash_before: Option<[u8; 32]>,
    /// The group's public state.
    pub state: PublicState,
}

/// What a write did.
#[derive(Debug, Clone)]
pub struct Applied {
    /// For the device; the same for each repetition.
    pub answer: Answer,
    /// Whom to tell; empty for a repetition or refusal.
    pub effects: Vec<Effect>,
    /// The structure head moved: rebuild and try again (nothing was written).
    pub conflict: bool,
}

/// Something durable that others must hear of.
#[derive(Debug, Clone)]
pub enum Effect {
    /// A channel's log has a new entry.
    Channel(Arc<ChannelEntry>),
    /// A device's inbox has a new item.
    Inbox(DeviceId),
    /// The structure log has new entries.
    Structure(Vec<StructureEntry>),
}

/// What a device presents when it connects.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// Of this connection.
    pub lease: Bytes,
    /// Of the one before.
    pub previous_lease: Bytes,
    /// Highest send counter that the device ever used.
    pub send_counter: u64,
    /// Number of the connection under `previous_lease`, as a receipt of this server
    /// proves; 0 without one.
    pub proved: u64,
}

/// Answer to a device that connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connected {
    /// The lease presented is now the one held.
    Accepted {
        /// See [`relais_wire::v1::Ready::send_counter`].
        send_counter: u64,
        /// Number of this connection, from 1: a lease that is presented again has
        /// the same.
        connection: u64,
        /// The device proved a connection that this store does not know: the store
        /// is older than what the device saw, restored from a backup.
        restored: bool,
    },
    /// Unknown lease, or a send counter that the device does not know.
    CloneSuspected,
}

/// A page of a channel's log.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Consecutive entries inside the device's spans.
    pub entries: Vec<Arc<ChannelEntry>>,
    /// What follows this page.
    pub next: Next,
}

/// What follows a [`Page`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Next {
    /// There is more: read on after the last entry.
    More,
    /// The head is reached and the span is open.
    #[default]
    Head,
    /// The span ends here; nothing follows unless the device joins again.
    Closed,
    /// The device has no span that covers what follows its cursor.
    NoSpan,
    /// Entries after the cursor were trimmed.
    Trimmed,
}

/// A blob's record; its bytes are in the spool or the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The channel whose members may fetch it.
    pub channel: ChannelId,
    /// Who uploads it.
    pub uploader: DeviceId,
    /// Total length, bytes.
    pub length: u64,
    /// True once every byte is in the object store.
    pub complete: bool,
    /// Server time of its creation.
    pub created_ms: u64,
    /// A message names it.
    pub referenced: bool,
}

/// See the module's head. Reads may be served from memory; writes are durable.
pub trait Store: Send + Sync + 'static {
    /// Writes the founding record; [`StoreError::Founded`] when there is one.
    fn found(&self, founding: Founding) -> Stored<'_, ()>;
    /// The founding record, if `init` ran.
    fn founding(&self) -> Stored<'_, Option<Founding>>;

    /// Appends the first statements of an enrolment (no device exists yet, so no
    /// idempotency key: the statements themselves can be said only once).
    /// `false` when the head is not `expected_head`.
    fn enrol(&self, expected_head: u64, entries: Vec<StructureEntry>) -> Stored<'_, bool>;
    /// Structure entries after `after_seq`, at most `max`.
    fn read_structure(&self, after_seq: u64, max: usize) -> Stored<'_, Vec<StructureEntry>>;

    /// Checks and moves the lease (D10): accepts if it holds the lease or the
    /// previous one (or none yet), or if a later connection than it knows is proved,
    /// and has seen no counter above `send_counter`. Accepted means: the lease is now
    /// the one held, durably.
    fn connect(&self, device: DeviceId, presented: Presented) -> Stored<'_, Connected>;
    /// Number of the store's life since it was last restored from a backup; 0 for one
    /// that never was, as far as anybody noticed.
    fn restores(&self) -> Stored<'_, u64>;
    /// A new life begins: its number, higher than the last one that the store knows and
    /// at least `at_least`, so that a backup that is restored twice does not use a number
    /// twice.
    fn note_restore(&self, at_least: u64) -> Stored<'_, u64>;
    /// The remembered answer of a repetition; `Some(Err(STALE_SEND_COUNTER))` for a counter
    /// used with other bytes, or not above the highest one and forgotten; `None` for a new one.
    fn recall(
        &self,
        device: DeviceId,
        send_counter: u64,
        request_hash: [u8; 32],
    ) -> Stored<'_, Option<Result<Answer, RefusalCode>>>;
    /// Carries out a write once, whatever the number of repetitions.
    fn write(&self, write: Write) -> Stored<'_, Applied>;

    /// A channel as it is now.
    fn channel(&self, channel: ChannelId) -> Stored<'_, Option<Arc<Channel>>>;
    /// Entries after `after_seq` that the device's spans cover, at most `max_bytes`
    /// (at least one entry if there is one).
    fn read_channel(
        &self,
        channel: ChannelId,
        device: DeviceId,
        after_seq: u64,
        max_bytes: usize,
    ) -> Stored<'_, Page>;
    /// The hashes of those of a channel's entries that are kept.
    fn entry_hashes(&self, channel: ChannelId, seqs: Vec<u64>) -> Stored<'_, Vec<LogHead>>;
    /// Whether the device has an open span, i.e. is a member now.
    fn is_member(&self, channel: ChannelId, device: DeviceId) -> Stored<'_, bool>;
    /// Channels whose roster names the professional, in the order of their ids, after
    /// `after`, at most `max`.
    fn channels_naming(
        &self,
        professional: ProfessionalId,
        after: Option<ChannelId>,
        max: usize,
    ) -> Stored<'_, Vec<ChannelId>>;
    /// Cursors of the devices with an open span; one that has nothing to read
    /// before its span counts as being there.
    fn cursors(&self, channel: ChannelId) -> Stored<'_, Vec<(DeviceId, u64)>>;
    /// Cumulative, never backwards, never beyond the head; persisted lazily (losing
    /// one only repeats a delivery).
    fn acknowledge(&self, channel: ChannelId, device: DeviceId, seq: u64) -> Stored<'_, ()>;

    /// Inbox items after `after_seq`, at most `max`.
    fn read_inbox(
        &self,
        device: DeviceId,
        after_seq: u64,
        max: usize,
    ) -> Stored<'_, Vec<InboxItem>>;
    /// Deletes items up to `seq`.
    fn acknowledge_inbox(&self, device: DeviceId, seq: u64) -> Stored<'_, ()>;

    /// Records a new blob; `false` when the id is taken by another upload (another
    /// channel, uploader or length). A message may have named it before.
    fn create_blob(&self, id: BlobId, blob: Blob) -> Stored<'_, bool>;
    /// A blob's record.
    fn blob(&self, id: BlobId) -> Stored<'_, Option<Blob>>;
    /// The device that a blob is wanted of, because a message of the channel names it:
    /// who began its upload, before that who wrote the message.
    fn blob_wanted_of(&self, id: BlobId, channel: ChannelId) -> Stored<'_, Option<DeviceId>>;
    /// Marks a blob as complete, if it is still known.
    fn complete_blob(&self, id: BlobId) -> Stored<'_, ()>;

    /// Trims entries that all spans have passed or that are older than
    /// `limits::RETENTION_MS`, and forgets blobs never referenced; returns the
    /// blobs whose bytes can go.
    fn expire(&self, now_ms: u64) -> Stored<'_, Vec<BlobId>>;
    /// Writes what is lazy and closes; later calls fail with `Closed`.
    fn close(&self) -> Stored<'_, ()>;
}
