//! The small records as they are on disk (protobuf, so that fields can be
//! added). Owns their encoding; the types that operations work with are in
//! [`super::state`].

use bytes::Bytes;
use prost::Message;
use relais_wire::v1::Answer;

use super::StoreError;

/// Version of the layout; see [`super::keyspaces::FORMAT`].
pub const FORMAT: u32 = 1;

/// Under FOUNDING.
#[derive(Clone, PartialEq, Message)]
pub struct FoundingRecord {
    /// Identifier of the structure.
    #[prost(bytes = "bytes", tag = "1")]
    pub structure: Bytes,
    /// Public half of the set-up key.
    #[prost(bytes = "bytes", tag = "2")]
    pub setup_key: Bytes,
    /// Secret of the bearer tokens.
    #[prost(bytes = "bytes", tag = "3")]
    pub token_key: Bytes,
}

/// Under HEAD.
#[derive(Clone, PartialEq, Message)]
pub struct HeadRecord {
    /// MLS group in its incarnation.
    #[prost(uint32, tag = "1")]
    pub incarnation: u32,
    /// Present epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Last entry.
    #[prost(uint64, tag = "3")]
    pub seq: u64,
    /// Its hash.
    #[prost(bytes = "bytes", tag = "4")]
    pub hash: Bytes,
    /// Its server time.
    #[prost(uint64, tag = "5")]
    pub time_ms: u64,
    /// First entry still kept.
    #[prost(uint64, tag = "6")]
    pub first_seq: u64,
    /// Event counters that went on since their member's record was written.
    #[prost(message, repeated, tag = "7")]
    pub counters: Vec<CounterRecord>,
    /// Hash of the entry before the first one still kept; empty where that was trimmed
    /// without keeping it.
    #[prost(bytes = "bytes", tag = "8")]
    pub hash_before: Bytes,
}

/// Part of [`HeadRecord`].
#[derive(Clone, PartialEq, Message)]
pub struct CounterRecord {
    /// The member.
    #[prost(bytes = "bytes", tag = "1")]
    pub device: Bytes,
    /// Its last accepted event counter.
    #[prost(uint64, tag = "2")]
    pub event_counter: u64,
}

/// Under MEMBER.
#[derive(Clone, PartialEq, Message)]
pub struct MemberRecord {
    /// In ascending order.
    #[prost(message, repeated, tag = "1")]
    pub spans: Vec<SpanRecord>,
    /// Last accepted event counter.
    #[prost(uint64, tag = "2")]
    pub event_counter: u64,
    /// Acknowledged up to here.
    #[prost(uint64, tag = "3")]
    pub cursor: u64,
}

/// Part of [`MemberRecord`].
#[derive(Clone, PartialEq, Message)]
pub struct SpanRecord {
    /// The entry before the first one covered.
    #[prost(uint64, tag = "1")]
    pub join_seq: u64,
    /// The last one covered; absent while the span is open.
    #[prost(uint64, optional, tag = "2")]
    pub removal_seq: Option<u64>,
}

/// Under DEVICE.
#[derive(Clone, PartialEq, Message)]
pub struct DeviceRecord {
    /// Empty before the first connection.
    #[prost(bytes = "bytes", tag = "1")]
    pub lease: Bytes,
    /// Last sequence given in the inbox.
    #[prost(uint64, tag = "2")]
    pub inbox_last: u64,
    /// Items up to here are deleted.
    #[prost(uint64, tag = "3")]
    pub inbox_acknowledged: u64,
    /// When the present hour of the claim budget began.
    #[prost(uint64, tag = "4")]
    pub claims_since_ms: u64,
    /// Key packages claimed in it.
    #[prost(uint64, tag = "5")]
    pub claims: u64,
    /// Number of the connection under `lease`.
    #[prost(uint64, tag = "6")]
    pub connections: u64,
}

/// Under ANSWER.
#[derive(Clone, PartialEq, Message)]
pub struct AnswerRecord {
    /// The idempotency key, with the device.
    #[prost(uint64, tag = "1")]
    pub send_counter: u64,
    /// SHA-256 of the request.
    #[prost(bytes = "bytes", tag = "2")]
    pub request_hash: Bytes,
    /// What the device was told.
    #[prost(message, optional, tag = "3")]
    pub answer: Option<Answer>,
}

/// Under BLOB.
#[derive(Clone, PartialEq, Message)]
pub struct BlobRecord {
    /// The channel whose members may fetch it.
    #[prost(bytes = "bytes", tag = "1")]
    pub channel: Bytes,
    /// Who uploads it.
    #[prost(bytes = "bytes", tag = "2")]
    pub uploader: Bytes,
    /// Total length, bytes.
    #[prost(uint64, tag = "3")]
    pub length: u64,
    /// Every byte is in the object store.
    #[prost(bool, tag = "4")]
    pub complete: bool,
    /// Server time of its creation.
    #[prost(uint64, tag = "5")]
    pub created_ms: u64,
    /// A message names it.
    #[prost(bool, tag = "6")]
    pub referenced: bool,
}

/// Under BLOB_NAMED.
#[derive(Clone, PartialEq, Message)]
pub struct BlobNamedRecord {
    /// Server time of the message.
    #[prost(uint64, tag = "1")]
    pub named_ms: u64,
    /// The device that wrote it.
    #[prost(bytes = "bytes", tag = "2")]
    pub author: Bytes,
}

/// The bytes of a record.
pub fn encode(record: &impl Message) -> Bytes {
    record.encode_to_vec().into()
}

/// Reads a record; `what` names it in the error.
pub fn decode<M: Message + Default>(bytes: Bytes, what: &'static str) -> Result<M, StoreError> {
    M::decode(bytes).map_err(|_| StoreError::Corrupt(what))
}

/// Reads an array of fixed length.
pub fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt(what))
}
