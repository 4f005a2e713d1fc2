//! Who is connected, what they follow, and telling them what was written. Holds
//! nothing that is not in the store: losing all of it loses nothing. Everything is
//! told in the order of ids, never of a hash: a simulation repeats every run.

mod topic;
mod wake;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use prost::Message;
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::v1::{ChannelEntry, Delivery, LogHead, ServerFrame, delivery, server_frame};

pub use topic::{Found, Recent, SpanChange, Topic, cursors_frame};
pub use wake::{Dirty, Wake};

use crate::restored::Seals;
use crate::store::Effect;

/// See the module's head.
pub struct Hub {
    seals: Arc<Seals>,
    next_session: AtomicU64,
    sessions: Mutex<BTreeMap<DeviceId, Arc<Wake>>>,
    topics: Mutex<BTreeMap<ChannelId, Arc<Topic>>>,
    moved: Mutex<BTreeSet<ChannelId>>,
}

impl Hub {
    /// Nobody is connected.
    pub fn new(seals: Arc<Seals>) -> Self {
        Self {
            seals,
            next_session: AtomicU64::new(0),
            sessions: Mutex::default(),
            topics: Mutex::default(),
            moved: Mutex::default(),
        }
    }

    /// Makes the device's connection the one that counts and ends an older one.
    pub fn connect(&self, device: DeviceId) -> Arc<Wake> {
        let session = self.next_session.fetch_add(1, Ordering::Relaxed);
        let wake = Arc::new(Wake::new(session, device));
        if let Some(older) = self.sessions.lock().insert(device, wake.clone()) {
            older.close(RefusalCode::Replaced);
        }
        wake
    }

    /// Forgets a connection that ended.
    pub fn disconnect(&self, wake: &Wake) {
        let mut sessions = self.sessions.lock();
        if sessions
            .get(&wake.device)
            .is_some_and(|w| w.session == wake.session)
        {
            sessions.remove(&wake.device);
        }
    }

    /// Wakes `wake` at every entry of the channel from now on.
    pub fn follow(&self, channel: ChannelId, wake: &Arc<Wake>) -> Arc<Topic> {
        let mut topics = self.topics.lock();
        let topic = topics
            .entry(channel)
            .or_insert_with(|| Arc::new(Topic::new(channel)));
        topic.follow(wake);
        topic.clone()
    }

    /// No more; the last follower takes the channel's memory along.
    pub fn unfollow(&self, channel: ChannelId, wake: &Wake) {
        let mut topics = self.topics.lock();
        if topics
            .get(&channel)
            .is_some_and(|t| t.unfollow(wake.session))
        {
            topics.remove(&channel);
        }
    }

    /// Tells of what a write did. `change` says whose spans it changed.
    pub fn publish(&self, effects: Vec<Effect>, change: Option<Arc<SpanChange>>) {
        for effect in effects {
            match effect {
                Effect::Channel(entry) => self.publish_entry(&entry, change.clone()),
                Effect::Inbox(device) => {
                    if let Some(wake) = self.sessions.lock().get(&device) {
                        wake.inbox();
                    }
                }
                // Told by `structure_changed`, once the live structure has them.
                Effect::Structure(_) => {}
            }
        }
    }

    fn publish_entry(&self, entry: &ChannelEntry, change: Option<Arc<SpanChange>>) {
        let Ok(channel) = ChannelId::try_from(&entry.channel_id) else {
            return;
        };
        let topic = self.topics.lock().get(&channel).cloned();
        if let Some(topic) = topic {
            topic.publish(Recent {
                seq: entry.seq,
                frame: self.entry_frame(entry),
                change,
            });
        }
    }

    /// Encodes the delivery of a channel's entry, with its seal.
    pub fn entry_frame(&self, entry: &ChannelEntry) -> bytes::Bytes {
        let item = Some(delivery::Item::Channel(self.seals.seal(entry)));
        let frame = Some(server_frame::Frame::Delivery(Delivery { item }));
        ServerFrame { frame }.encode_to_vec().into()
    }

    /// See [`Seals::proves_restore`].
    pub fn proves_restore(&self, channel: &[u8], last: &LogHead, seal: &[u8]) -> Option<u64> {
        self.seals.proves_restore(channel, last, seal)
    }

    /// The structure log has new entries: every connection reads them, and those
    /// whose device is not valid any more end (requirement I3).
    pub fn structure_changed(&self, valid: impl Fn(&DeviceId) -> bool) {
        for (device, wake) in self.sessions.lock().iter() {
            if valid(device) {
                wake.structure();
            } else {
                wake.close(RefusalCode::DeviceRevoked);
            }
        }
    }

    /// Ends the connections of devices that are not valid (any more).
    pub fn close_invalid(&self, valid: impl Fn(&DeviceId) -> bool) {
        for (device, wake) in self.sessions.lock().iter() {
            if !valid(device) {
                wake.close(RefusalCode::DeviceRevoked);
            }
        }
    }

    /// Ends all connections.
    pub fn close_all(&self) {
        for wake in self.sessions.lock().values() {
            wake.close(RefusalCode::Unavailable);
        }
    }

    /// A device has everything of a channel up to `seq`.
    pub fn acknowledged(&self, channel: ChannelId, topic: &Topic, device: DeviceId, seq: u64) {
        if topic.acknowledged(device, seq) {
            self.moved.lock().insert(channel);
        }
    }

    /// Summarises the cursors that moved since the last time.
    pub fn tick(&self) {
        let moved = std::mem::take(&mut *self.moved.lock());
        for channel in moved {
            let topic = self.topics.lock().get(&channel).cloned();
            if let Some(topic) = topic {
                topic.tick();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newer_connection_ends_the_older_one_and_not_the_other_way_round() {
        let hub = Hub::new(Arc::new(Seals::of_nobody()));
        let device = DeviceId([1; 16]);
        let older = hub.connect(device);
        let newer = hub.connect(device);
        assert_eq!(older.closed().await, RefusalCode::Replaced);
        hub.disconnect(&older);
        hub.structure_changed(|_| true);
        assert!(newer.take().structure);
        assert!(!older.take().structure);
    }

    // proves: I3
    #[tokio::test]
    async fn a_revoked_device_is_cut_off_when_the_statement_is_applied() {
        let hub = Hub::new(Arc::new(Seals::of_nobody()));
        let wake = hub.connect(DeviceId([1; 16]));
        hub.structure_changed(|_| false);
        assert_eq!(wake.closed().await, RefusalCode::DeviceRevoked);
    }
}
