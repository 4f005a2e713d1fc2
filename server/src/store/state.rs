//! What the store keeps of a channel and of a device in memory, and the
//! questions that can be answered from it alone. Owns spans and remembered
//! answers; reading and writing them is the engine's.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::limits;
use relais_wire::v1::{Answer, ChannelEntry};

use super::records::{
    AnswerRecord, DeviceRecord, HeadRecord, MemberRecord, SpanRecord, array, decode, encode,
};
use super::{Channel, PublicState, StoreError, keyspaces as keys};

/// Entries of a channel kept in memory: connected devices read the last few.
pub const TAIL_ENTRIES: usize = 64;

/// A channel's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub incarnation: u32,
    pub epoch: u64,
    pub seq: u64,
    pub hash: [u8; 32],
    pub time_ms: u64,
    pub first_seq: u64,
}

impl Head {
    pub fn encode(&self) -> Bytes {
        encode(&HeadRecord {
            incarnation: self.incarnation,
            epoch: self.epoch,
            seq: self.seq,
            hash: Bytes::copy_from_slice(&self.hash),
            time_ms: self.time_ms,
            first_seq: self.first_seq,
        })
    }

    pub fn decode(bytes: Bytes) -> Result<Self, StoreError> {
        let record: HeadRecord = decode(bytes, "channel head")?;
        Ok(Self {
            incarnation: record.incarnation,
            epoch: record.epoch,
            seq: record.seq,
            hash: array(&record.hash, "channel head")?,
            time_ms: record.time_ms,
            first_seq: record.first_seq,
        })
    }
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
            span.removal_seq.get_or_insert(removal_seq);
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
        let passed = cursor;
        for span in &self.spans {
            match span.removal_seq {
                Some(removal) if removal <= passed => {}
                _ if span.covers(passed + 1) => return passed,
                _ if passed < span.join_seq => return span.join_seq,
                _ => {}
            }
        }
        passed
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
    pub tail: VecDeque<Arc<ChannelEntry>>,
    /// Loaded when it is first asked for.
    pub public: Option<PublicState>,
}

impl ChannelState {
    pub fn push(&mut self, entry: Arc<ChannelEntry>) {
        if self.tail.len() == TAIL_ENTRIES {
            self.tail.pop_front();
        }
        self.tail.push_back(entry);
    }

    pub fn to_channel(&self, state: PublicState) -> Channel {
        Channel {
            incarnation: self.head.incarnation,
            epoch: self.head.epoch,
            head_seq: self.head.seq,
            head_hash: self.head.hash,
            head_time_ms: self.head.time_ms,
            first_seq: self.head.first_seq,
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
    pub inbox_last: u64,
    pub inbox_acknowledged: u64,
    pub claims_since_ms: u64,
    pub claims: u64,
    /// Ascending by counter, since a lower counter is never accepted later.
    answers: VecDeque<Arc<Remembered>>,
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
            inbox_last: self.inbox_last,
            inbox_acknowledged: self.inbox_acknowledged,
            claims_since_ms: self.claims_since_ms,
            claims: self.claims,
        })
    }

    /// Highest send counter seen. The newest answer has it: refusals are
    /// remembered too.
    pub fn send_counter(&self) -> u64 {
        self.answers.back().map_or(0, |last| last.send_counter)
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
        let remembered = self
            .answers
            .binary_search_by_key(&send_counter, |answer| answer.send_counter)
            .ok()
            .and_then(|index| self.answers.get(index))
            .filter(|answer| answer.request_hash == *request_hash);
        Some(match remembered {
            Some(answer) => Ok(answer.answer.clone()),
            None => Err(RefusalCode::StaleSendCounter),
        })
    }

    /// Remembers an answer and returns the slot that it goes to.
    pub fn remember(&mut self, answer: Arc<Remembered>) -> u8 {
        // Invariant: counters ascend, so the newest answer carries the highest.
        debug_assert!(answer.send_counter > self.send_counter());
        if self.answers.len() == limits::IN_FLIGHT {
            self.answers.pop_front();
        }
        self.answers.push_back(answer);
        let slot = self.slot;
        self.slot = next_slot(slot);
        slot
    }

    pub fn inbox_items(&self) -> u64 {
        self.inbox_last - self.inbox_acknowledged
    }
}

fn next_slot(slot: u8) -> u8 {
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
