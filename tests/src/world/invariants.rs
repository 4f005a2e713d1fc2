//! The invariants that hold after each settle (architecture "Invariants").

use std::collections::BTreeMap;

use relais_core::query::{EventState, ThreadRecord, ThreadState};
use relais_wire::ids::ChannelId;

use super::{Who, World};

impl World {
    fn joined(&self) -> BTreeMap<ChannelId, Vec<(Who, ThreadRecord)>> {
        let mut channels: BTreeMap<ChannelId, Vec<(Who, ThreadRecord)>> = BTreeMap::new();
        for (who, device) in self.devices.iter().enumerate() {
            if !device.is_online() || !device.engine.wants_connection() {
                continue;
            }
            for thread in device.engine.threads().unwrap_or_default() {
                if thread.state == ThreadState::Joined {
                    channels
                        .entry(thread.channel)
                        .or_default()
                        .push((who, thread));
                }
            }
        }
        channels
    }

    /// All online members of a channel have read to the same entry.
    pub(super) fn same_heads(&self) -> bool {
        self.joined().values().all(|members| {
            let mut seqs = members.iter().map(|(_, t)| t.seq);
            let first = seqs.next();
            seqs.all(|seq| Some(seq) == first)
        })
    }

    pub(super) fn assert_invariants(&mut self) {
        for (channel, members) in self.joined() {
            self.same_epoch(channel, &members);
            self.same_projection(channel, &members);
            self.nothing_goes_back(channel, &members);
        }
        self.nothing_is_quarantined();
        self.nothing_is_stale();
    }

    /// An app that looks again at what events name shows what is.
    fn nothing_is_stale(&self) {
        for device in &self.devices {
            if let Some(stale) = device.listener.stale(&device.engine) {
                panic!("{}'s app {stale}", device.name);
            }
        }
    }

    /// 2. The same (incarnation, epoch) means the same epoch authenticator.
    fn same_epoch(&mut self, channel: ChannelId, members: &[(Who, ThreadRecord)]) {
        let mut seen = BTreeMap::new();
        for (who, _) in members {
            let device = &mut self.devices[*who];
            let (epoch, authenticator) = device.engine.epoch_authenticator(channel).expect("group");
            let first = seen.entry(epoch).or_insert_with(|| authenticator.clone());
            assert_eq!(
                *first, authenticator,
                "{}: forked at epoch {epoch}",
                device.name
            );
        }
        assert_eq!(seen.len(), 1, "members at the head are of one epoch");
    }

    /// 3. The same sequence means the same projection, after the latest joiner.
    fn same_projection(&self, channel: ChannelId, members: &[(Who, ThreadRecord)]) {
        let after = members.iter().map(|(_, t)| t.joined_seq).max().unwrap_or(0);
        let mut first = None;
        for (who, _) in members {
            let device = &self.devices[*who];
            let hash = device.engine.projection_hash(channel, after).expect("hash");
            let first = first.get_or_insert(hash);
            assert_eq!(*first, hash, "{}: another projection", device.name);
        }
    }

    /// 1 and 6. What was settled stays, once, in order.
    fn nothing_goes_back(&mut self, channel: ChannelId, members: &[(Who, ThreadRecord)]) {
        for (who, thread) in members {
            let before = self.accepted.entry((*who, channel)).or_insert(0);
            assert!(*before <= thread.seq, "the log of a device went back");
            *before = thread.seq;
            let items = self.devices[*who]
                .engine
                .timeline(channel, 0, usize::MAX)
                .expect("timeline");
            let settled: Vec<u64> = items.iter().filter_map(|item| item.seq).collect();
            assert!(settled.is_sorted(), "the timeline is in log order");
            let waiting = items
                .iter()
                .filter(|i| matches!(i.state, EventState::Waiting | EventState::InFlight));
            assert_eq!(
                waiting.count(),
                0,
                "nothing waits once the world has settled"
            );
        }
    }

    /// In a world without hostile parties nobody's entry is ever refused by a device.
    fn nothing_is_quarantined(&self) {
        if self.hostile {
            return;
        }
        for device in &self.devices {
            // A device that was revoked, or whose enrolment lapsed, says so until it
            // joins again.
            use relais_core::engine::Trouble;
            let outside = [Trouble::Wiped, Trouble::Lapsed];
            let troubles = device.engine.troubles().iter();
            let troubles: Vec<_> = troubles.filter(|t| !outside.contains(t)).collect();
            assert!(troubles.is_empty(), "{troubles:?}: {}", self.describe());
            for thread in device.engine.threads().unwrap_or_default() {
                let items = device.engine.timeline(thread.channel, 0, usize::MAX);
                for item in items.expect("timeline") {
                    if let relais_core::query::TimelineBody::Notice { kind, detail, .. } = item.body
                    {
                        assert_ne!(kind, "quarantined", "{}: {detail}", device.name);
                    }
                }
            }
        }
    }

    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        for device in &self.devices {
            let state = device.engine.sync_state();
            let troubles = device.engine.troubles();
            let threads: Vec<_> = device
                .engine
                .threads()
                .unwrap_or_default()
                .iter()
                .map(|t| (t.seq, t.epoch, t.state.clone()))
                .collect();
            text += &format!("\n{}: {state:?} {troubles:?} {threads:?}", device.name);
        }
        text
    }
}
