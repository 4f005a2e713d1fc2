//! What the store keeps of a channel and of a device in memory, and the
//! questions that can be answered from it alone. Owns spans and remembered
//! answers; reading and writing them is the engine's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::limits;
use relais_wire::v1::{Answer, ChannelEntry, answer};

use super::records::{
    AnswerRecord, CounterRecord, DeviceRecord, HeadRecord, MemberRecord, SpanRecord, array, decode,
    encode,
};
use super::ring::Ring;
use super::{Channel, PublicState, StoreError, keyspaces as keys};

/// Entries of a channel kept in memory: connected devices read the last few.
pub const TAIL_ENTRIES: usize = 64;

/// Event counters that a channel's record carries at most: some 25 bytes each in
/// a record that every group rewrites.
const COUNTERS_AHEAD: usize = 32;

/// A channel's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub incarnation: u32,
    pub epoch: u64,
    pub seq: u64,
    pub hash: [u8; 32],
    pub time_ms: u64,
    pub first_seq: u64,
    /// Of the entry before `first_seq`: what is known of it once it is trimmed.
    pub hash_before: Option<[u8; 32]>,
}

/// What a device may read: `(join_seq, removal_seq]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub join_seq: u64,
    pub removal_seq: Option<u64>,
}

impl Span {
    pub fn covers(&self, seq: u64) -> bool {
        self.join_seq < seq && self.removal_seq.is_none_or(|removal| seq <= removal)
    }
}

/// A device that is or was in a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// Ascending; only the last one can be open.
    pub spans: Vec<Span>,
    pub event_counter: u64,
    pub cursor: u64,
}

impl Member {
    pub fn is_open(&self) -> bool {
        self.spans
            .last()
            .is_some_and(|span| span.removal_seq.is_none())
    }

    pub fn open(&mut self, join_seq: u64) {
        if !self.is_open() {
            self.spans.push(Span {
                join_seq,
                removal_seq: None,
            });
        }
    }

    pub fn close(&mut self, removal_seq: u64) {
        if let Some(span) = self.spans.last_mut() {
            span.removal_seq
                .get_or_insert(removal_seq.max(span.join_seq));
        }
    }

    pub fn covers(&self, seq: u64) -> bool {
        self.spans.iter().any(|span| span.covers(seq))
    }

    /// The cursor, moved over entries that no span covers: what lies before a
    /// device's time is nothing it has yet to read.
    pub fn passed(&self) -> u64 {
        self.passed_with(self.cursor)
    }

    /// [`Member::passed`] for a cursor that is not written yet.
    pub fn passed_with(&self, cursor: u64) -> u64 {
        let unread = |span: &&Span| {
            let from = cursor.max(span.join_seq);
            span.removal_seq.is_none_or(|removal| from < removal)
        };
        let next = self.spans.iter().find(unread);
        next.map_or(cursor, |span| cursor.max(span.join_seq))
    }

    /// The first entry that it still has to read, if its spans leave any.
    pub fn needs_from(&self) -> Option<u64> {
        let next = self.passed() + 1;
        self.covers(next).then_some(next)
    }

    pub fn encode(&self) -> Bytes {
        encode(&MemberRecord {
            spans: self
                .spans
                .iter()
                .map(|span| SpanRecord {
                    join_seq: span.join_seq,
                    removal_seq: span.removal_seq,
                })
                .collect(),
            event_counter: self.event_counter,
            cursor: self.cursor,
        })
    }

    pub fn decode(bytes: Bytes) -> Result<Self, StoreError> {
        let record: MemberRecord = decode(bytes, "member")?;
        Ok(Self {
            spans: record
                .spans
                .iter()
                .map(|span| Span {
                    join_seq: span.join_seq,
                    removal_seq: span.removal_seq,
                })
                .collect(),
            event_counter: record.event_counter,
            cursor: record.cursor,
        })
    }
}

/// A channel as the last durable group left it, or as the present one will.
#[derive(Debug, Clone)]
pub struct ChannelState {
    pub head: Head,
    pub members: BTreeMap<DeviceId, Member>,
    /// The last entries; none right after loading.
    pub tail: Ring<ChannelEntry, TAIL_ENTRIES>,
    /// Loaded when it is first asked for.
    pub public: Option<PublicState>,
    /// Members whose event counter is in the channel's record and not yet in
    /// their own: a message then rewrites one record and not two.
    counters_ahead: BTreeSet<DeviceId>,
}

impl ChannelState {
    pub fn new(head: Head) -> Self {
        Self {
            head,
            members: BTreeMap::new(),
            tail: Ring::default(),
            public: None,
            counters_ahead: BTreeSet::new(),
        }
    }

    /// Puts together what is on disk.
    pub fn restore(
        head: Bytes,
        mut members: BTreeMap<DeviceId, Member>,
    ) -> Result<Self, StoreError> {
        let record: HeadRecord = decode(head, "channel head")?;
        let mut counters_ahead = BTreeSet::new();
        for counter in &record.counters {
            let device = DeviceId(array(&counter.device, "event counter")?);
            if let Some(member) = members.get_mut(&device) {
                // The member's own record may have been written since.
                member.event_counter = member.event_counter.max(counter.event_counter);
                counters_ahead.insert(device);
            }
        }
        Ok(Self {
            head: Head {
                incarnation: record.incarnation,
                epoch: record.epoch,
                seq: record.seq,
                hash: array(&record.hash, "channel head")?,
                time_ms: record.time_ms,
                first_seq: record.first_seq,
                hash_before: match record.hash_before.is_empty() {
                    true => None,
                    false => Some(array(&record.hash_before, "channel head")?),
                },
            },
            members,
            counters_ahead,
            tail: Ring::default(),
            public: None,
        })
    }

    pub fn encode_head(&self) -> Bytes {
        let counters = self.counters_ahead.iter().filter_map(|device| {
            Some(CounterRecord {
                device: device.to_bytes(),
                event_counter: self.members.get(device)?.event_counter,
            })
        });
        encode(&HeadRecord {
            incarnation: self.head.incarnation,
            epoch: self.head.epoch,
            seq: self.head.seq,
            hash: Bytes::copy_from_slice(&self.head.hash),
            time_ms: self.head.time_ms,
            first_seq: self.head.first_seq,
            counters: counters.collect(),
            hash_before: self
                .head
                .hash_before
                .map_or_else(Bytes::new, |hash| Bytes::copy_from_slice(&hash)),
        })
    }

    /// Notes an event of a member.
    pub fn count_event(&mut self, device: DeviceId, event_counter: u64) {
        if let Some(member) = self.members.get_mut(&device) {
            member.event_counter = event_counter;
            self.counters_ahead.insert(device);
        }
    }

    /// Members to write because the channel's record has no more room for their
    /// counters.
    pub fn counters_to_settle(&self) -> Vec<DeviceId> {
        match self.counters_ahead.len() > COUNTERS_AHEAD {
            true => self.counters_ahead.iter().copied().collect(),
            false => Vec::new(),
        }
    }

    /// The member's record as it will be written; its counter is settled then.
    pub fn encode_member(&mut self, device: DeviceId) -> Option<Bytes> {
        self.counters_ahead.remove(&device);
        self.members.get(&device).map(Member::encode)
    }

    pub fn to_channel(&self, state: PublicState) -> Channel {
        Channel {
            incarnation: self.head.incarnation,
            epoch: self.head.epoch,
            head_seq: self.head.seq,
            head_hash: self.head.hash,
            head_time_ms: self.head.time_ms,
            first_seq: self.head.first_seq,
            hash_before: self.head.hash_before,
            state,
        }
    }

    /// What all members have passed: entries up to here are needed by nobody.
    pub fn passed_by_all(&self) -> u64 {
        let needed = self.members.values().filter_map(Member::needs_from).min();
        needed.map_or(self.head.seq, |seq| {
            seq.saturating_sub(1).min(self.head.seq)
        })
    }
}

/// An answer that a repetition gets again.
#[derive(Debug, Clone)]
pub struct Remembered {
    pub send_counter: u64,
    pub request_hash: [u8; 32],
    pub answer: Answer,
}

impl Remembered {
    /// Whether it may exceed [`super::kv::PIECE_BYTES`].
    pub fn may_be_large(&self) -> bool {
        matches!(self.answer.result, Some(answer::Result::KeyPackages(_)))
    }

    pub fn encode(&self) -> Bytes {
        encode(&AnswerRecord {
            send_counter: self.send_counter,
            request_hash: Bytes::copy_from_slice(&self.request_hash),
            answer: Some(self.answer.clone()),
        })
    }

    pub fn decode(bytes: Bytes) -> Result<Self, StoreError> {
        let record: AnswerRecord = decode(bytes, "remembered answer")?;
        Ok(Self {
            send_counter: record.send_counter,
            request_hash: array(&record.request_hash, "remembered answer")?,
            answer: record
                .answer
                .ok_or(StoreError::Corrupt("remembered answer"))?,
        })
    }
}

/// A device as the last durable group left it, or as the present one will.
#[derive(Debug, Clone, Default)]
pub struct DeviceState {
    pub lease: Bytes,
    pub connections: u64,
    pub inbox_last: u64,
    pub inbox_acknowledged: u64,
    pub claims_since_ms: u64,
    pub claims: u64,
    /// Ascending by counter, since a lower counter is never accepted later.
    answers: Ring<Remembered, { limits::IN_FLIGHT }>,
    /// Where the next answer goes.
    slot: u8,
}

impl DeviceState {
    /// Puts together what is on disk; `answers` by slot.
    pub fn restore(record: DeviceRecord, mut answers: Vec<(u8, Remembered)>) -> Self {
        answers.sort_by_key(|(_, answer)| answer.send_counter);
        let slot = answers.last().map_or(0, |(slot, _)| next_slot(*slot));
        Self {
            lease: record.lease,
            connections: record.connections,
            inbox_last: record.inbox_last,
            inbox_acknowledged: record.inbox_acknowledged,
            claims_since_ms: record.claims_since_ms,
            claims: record.claims,
            answers: answers
                .into_iter()
                .map(|(_, answer)| Arc::new(answer))
                .collect(),
            slot,
        }
    }

    pub fn encode(&self) -> Bytes {
        encode(&DeviceRecord {
            lease: self.lease.clone(),
            connections: self.connections,
            inbox_last: self.inbox_last,
            inbox_acknowledged: self.inbox_acknowledged,
            claims_since_ms: self.claims_since_ms,
            claims: self.claims,
        })
    }

    /// Highest send counter seen. The newest answer has it: refusals are
    /// remembered too.
    pub fn send_counter(&self) -> u64 {
        self.answers.last().map_or(0, |last| last.send_counter)
    }

    /// See [`super::Store::recall`].
    pub fn recall(
        &self,
        send_counter: u64,
        request_hash: &[u8; 32],
    ) -> Option<Result<Answer, RefusalCode>> {
        if send_counter > self.send_counter() {
            return None;
        }
        let find = |part: &[Arc<Remembered>]| {
            let found = part.binary_search_by_key(&send_counter, |answer| answer.send_counter);
            found.ok().and_then(|index| part.get(index)).cloned()
        };
        let remembered = self.answers.parts().into_iter().find_map(find);
        let remembered = remembered.filter(|answer| answer.request_hash == *request_hash);
        Some(match remembered {
            Some(answer) => Ok(answer.answer.clone()),
            None => Err(RefusalCode::StaleSendCounter),
        })
    }

    /// Remembers an answer; the slot that it goes to, and what was there.
    pub fn remember(&mut self, answer: Arc<Remembered>) -> (u8, Option<Arc<Remembered>>) {
        // Invariant: counters ascend, so the newest answer carries the highest.
        debug_assert!(answer.send_counter > self.send_counter());
        let replaced = self.answers.push(answer);
        let slot = self.slot;
        self.slot = next_slot(slot);
        (slot, replaced)
    }

    pub fn inbox_items(&self) -> u64 {
        self.inbox_last - self.inbox_acknowledged
    }
}

pub(super) fn next_slot(slot: u8) -> u8 {
    const { assert!(limits::IN_FLIGHT <= 256) };
    ((usize::from(slot) + 1) % limits::IN_FLIGHT) as u8
}

/// The device of a member's key.
pub fn member_of(key: &[u8]) -> Result<DeviceId, StoreError> {
    keys::trailing_id(key)
        .map(DeviceId)
        .ok_or(StoreError::Corrupt("member key"))
}

/// The channel of a key that ends with it.
pub fn channel_of(key: &[u8]) -> Result<ChannelId, StoreError> {
    keys::trailing_id(key)
        .map(ChannelId)
        .ok_or(StoreError::Corrupt("channel key"))
}
