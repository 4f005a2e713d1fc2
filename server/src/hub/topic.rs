//! One followed channel in memory: who follows it, its recent entries as the very
//! bytes that go out, and its delivery cursors.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use prost::Message;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::limits;
use relais_wire::v1::{Cursors, DeviceCursor, ServerFrame, server_frame};

use super::Wake;

/// Whose spans an entry opens and closes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SpanChange {
    /// Their span opens after the entry.
    pub joined: Vec<DeviceId>,
    /// Their span ends with the entry.
    pub left: Vec<DeviceId>,
}

/// An entry as it goes out: encoded once, shared by all who receive it.
#[derive(Debug, Clone)]
pub struct Recent {
    /// Its sequence in the channel.
    pub seq: u64,
    /// Encoded `ServerFrame`.
    pub frame: Bytes,
    /// Set for a commit that changes spans.
    pub change: Option<Arc<SpanChange>>,
}

/// What a follower finds after its cursor.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Too far behind for memory: read the store.
    InStore,
    /// These, and then look again from `cursor`.
    Frames {
        /// In order, possibly none.
        frames: Vec<Bytes>,
        /// Sequence of the last one, or the cursor that was asked with.
        cursor: u64,
        /// The last one ended the device's span.
        left: bool,
        /// More may follow in memory.
        more: bool,
    },
}

#[derive(Default)]
struct State {
    /// Last sequence of the gapless run that followers were told of; 0 before any.
    head: u64,
    recent: VecDeque<Recent>,
    bytes: usize,
    /// Written, but a predecessor is not yet published.
    waiting: BTreeMap<u64, Recent>,
    followers: BTreeMap<u64, Arc<Wake>>,
    cursors: BTreeMap<DeviceId, u64>,
    moved: BTreeSet<DeviceId>,
    version: u64,
    delta: Bytes,
}

/// See the module's head.
pub struct Topic {
    channel: ChannelId,
    state: Mutex<State>,
}

impl Topic {
    pub(super) fn new(channel: ChannelId) -> Self {
        Self {
            channel,
            state: Mutex::default(),
        }
    }

    pub(super) fn follow(&self, wake: &Arc<Wake>) {
        let mut state = self.state.lock();
        state.followers.insert(wake.session, wake.clone());
    }

    /// True when nobody is left.
    pub(super) fn unfollow(&self, session: u64) -> bool {
        let mut state = self.state.lock();
        state.followers.remove(&session);
        state.followers.is_empty()
    }

    /// Publishes a durable entry. Writes of one channel finish in any order here;
    /// followers see them in sequence.
    pub(super) fn publish(&self, entry: Recent) {
        let mut state = self.state.lock();
        if state.head != 0 && entry.seq <= state.head {
            return;
        }
        state.waiting.insert(entry.seq, entry);
        let before = state.head;
        while let Some(entry) = state.next_in_order() {
            // Invariant: `recent` is gapless and ends at `head`.
            state.head = entry.seq;
            state.bytes += entry.frame.len();
            state.recent.push_back(entry);
        }
        if state.waiting.len() > limits::RECENT_ENTRIES {
            state.forget();
        }
        state.trim();
        if state.head != before {
            state.wake(self.channel);
        }
    }

    /// What follows `after` for `device`, whose span is open at `after`.
    pub fn read(&self, after: u64, device: DeviceId, max_bytes: usize) -> Found {
        let state = self.state.lock();
        let mut frames = Vec::new();
        let mut cursor = after;
        if state.head <= after {
            let (left, more) = (false, false);
            return Found::Frames {
                frames,
                cursor,
                left,
                more,
            };
        }
        let Some(first) = state.recent.front().filter(|r| r.seq <= after + 1) else {
            return Found::InStore;
        };
        let skip = usize::try_from(after + 1 - first.seq).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let mut left = false;
        for entry in state.recent.iter().skip(skip) {
            if bytes > max_bytes {
                break;
            }
            if let Some(change) = &entry.change {
                let joined = change.joined.contains(&device);
                left = change.left.contains(&device) && !joined;
                if joined && !change.left.contains(&device) {
                    // Invariant 4: what precedes a span is not the device's to read.
                    frames.clear();
                    cursor = entry.seq;
                    continue;
                }
            }
            bytes += entry.frame.len();
            cursor = entry.seq;
            frames.push(entry.frame.clone());
            if left {
                break;
            }
        }
        let more = cursor < state.head;
        Found::Frames {
            frames,
            cursor,
            left,
            more,
        }
    }

    /// Notes that a device has everything up to `seq`; true when that is news.
    pub(super) fn acknowledged(&self, device: DeviceId, seq: u64) -> bool {
        let mut state = self.state.lock();
        let cursor = state.cursors.entry(device).or_insert(0);
        let moved = seq > *cursor;
        if moved {
            *cursor = seq;
            state.moved.insert(device);
        }
        moved
    }

    /// Summarises the cursors that moved and wakes the followers.
    pub(super) fn tick(&self) {
        let mut state = self.state.lock();
        if state.moved.is_empty() {
            return;
        }
        let moved = std::mem::take(&mut state.moved);
        let devices = moved
            .iter()
            .filter_map(|device| Some((*device, *state.cursors.get(device)?)));
        state.delta = cursors_frame(self.channel, devices);
        state.version += 1;
        state.wake(self.channel);
    }

    /// Version of the cursors, to ask [`Topic::cursors_since`] with.
    pub fn cursors_version(&self) -> u64 {
        self.state.lock().version
    }

    /// The cursors that moved since `version`, encoded, and the present version.
    pub fn cursors_since(&self, version: u64) -> Option<(u64, Bytes)> {
        let state = self.state.lock();
        if state.version == version {
            None
        } else if state.version == version + 1 {
            Some((state.version, state.delta.clone()))
        } else {
            let all = state.cursors.iter().map(|(device, seq)| (*device, *seq));
            Some((state.version, cursors_frame(self.channel, all)))
        }
    }
}

impl State {
    fn wake(&self, channel: ChannelId) {
        for follower in self.followers.values() {
            follower.channel(channel);
        }
    }

    fn next_in_order(&mut self) -> Option<Recent> {
        let first = self.waiting.first_entry()?;
        let follows = self.head == 0 || *first.key() == self.head + 1;
        follows.then(|| first.remove())
    }

    fn trim(&mut self) {
        while self.recent.len() > limits::RECENT_ENTRIES || self.bytes > limits::RECENT_BYTES {
            let Some(entry) = self.recent.pop_front() else {
                break;
            };
            self.bytes -= entry.frame.len();
        }
    }

    /// Jumps to the newest known entry; followers read the store.
    fn forget(&mut self) {
        if let Some((seq, _)) = self.waiting.pop_last() {
            self.head = seq;
        }
        self.waiting.clear();
        self.recent.clear();
        self.bytes = 0;
    }
}

/// Encodes a summary of cursors.
pub fn cursors_frame(
    channel: ChannelId,
    devices: impl IntoIterator<Item = (DeviceId, u64)>,
) -> Bytes {
    let cursors = Cursors {
        channel_id: channel.to_bytes(),
        devices: devices
            .into_iter()
            .map(|(device, seq)| DeviceCursor {
                device_id: device.to_bytes(),
                seq,
            })
            .collect(),
    };
    let frame = Some(server_frame::Frame::Cursors(cursors));
    ServerFrame { frame }.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: DeviceId = DeviceId([1; 16]);

    fn entry(seq: u64) -> Recent {
        Recent {
            seq,
            frame: Bytes::from(vec![seq as u8]),
            change: None,
        }
    }

    fn topic(seqs: &[u64]) -> Topic {
        let topic = Topic::new(ChannelId([0; 16]));
        for seq in seqs {
            topic.publish(entry(*seq));
        }
        topic
    }

    fn seen(topic: &Topic, after: u64) -> Option<Vec<u8>> {
        match topic.read(after, ME, usize::MAX) {
            Found::InStore => None,
            Found::Frames { frames, .. } => Some(frames.iter().map(|f| f[0]).collect()),
        }
    }

    // proves: D3
    #[test]
    fn entries_that_finish_out_of_order_are_followed_in_order() {
        let topic = topic(&[5]);
        topic.publish(entry(7));
        assert_eq!(seen(&topic, 5), Some(vec![]));
        topic.publish(entry(8));
        topic.publish(entry(6));
        assert_eq!(seen(&topic, 5), Some(vec![6, 7, 8]));
        assert_eq!(seen(&topic, 4), Some(vec![5, 6, 7, 8]));
        assert_eq!(seen(&topic, 3), None);
        topic.publish(entry(5));
        assert_eq!(seen(&topic, 5), Some(vec![6, 7, 8]));
    }

    // proves: M8
    #[test]
    fn a_removed_device_gets_its_removal_and_nothing_after_it() {
        let topic = topic(&[1, 2]);
        let left = SpanChange {
            joined: vec![],
            left: vec![ME],
        };
        topic.publish(Recent {
            change: Some(Arc::new(left)),
            ..entry(3)
        });
        topic.publish(entry(4));
        let found = topic.read(1, ME, usize::MAX);
        let Found::Frames {
            frames,
            cursor,
            left,
            ..
        } = found
        else {
            panic!("in memory");
        };
        assert_eq!((frames.len(), cursor, left), (2, 3, true));
    }

    // proves: W1
    #[test]
    fn a_joiner_gets_nothing_of_what_precedes_its_span() {
        let topic = topic(&[1, 2]);
        let joined = SpanChange {
            joined: vec![ME],
            left: vec![],
        };
        topic.publish(Recent {
            change: Some(Arc::new(joined)),
            ..entry(3)
        });
        topic.publish(entry(4));
        assert_eq!(seen(&topic, 1), Some(vec![4]));
    }

    // proves: W2
    #[test]
    fn what_is_kept_in_memory_is_bounded() {
        let topic = Topic::new(ChannelId([0; 16]));
        for seq in 1..=1_000 {
            topic.publish(entry(seq));
        }
        assert_eq!(topic.state.lock().recent.len(), limits::RECENT_ENTRIES);
        for seq in (2_000..3_000).rev() {
            topic.publish(entry(seq));
        }
        let state = topic.state.lock();
        assert!(state.waiting.len() <= limits::RECENT_ENTRIES);
        assert!(state.recent.is_empty());
    }

    #[test]
    fn cursors_are_summarised_once_and_only_when_they_move() {
        let topic = topic(&[1]);
        assert!(topic.acknowledged(ME, 1));
        assert!(!topic.acknowledged(ME, 1));
        topic.tick();
        let (version, _) = topic.cursors_since(0).expect("news");
        topic.tick();
        assert!(topic.cursors_since(version).is_none());
    }
}
