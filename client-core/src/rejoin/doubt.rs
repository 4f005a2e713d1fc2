//! A group that is behind without knowing it: the server refuses its epoch, and the log
//! does not bring the commit that ended it. Whoever was shown something else in that
//! commit's place can only come back.

use std::collections::BTreeMap;

use relais_wire::ids::ChannelId;

use crate::engine::Engine;
use crate::error::Result;

/// A commit that ended an epoch arrives within this.
const COMMIT_MS: u64 = 20_000;

/// Epochs that the server refused, and when they are looked at; forgotten with the
/// connection.
#[derive(Debug, Default)]
pub(crate) struct Doubts(BTreeMap<ChannelId, Doubt>);

#[derive(Debug, Clone, Copy)]
struct Doubt {
    epoch: (u32, u64),
    at_ms: u64,
}

impl Doubts {
    /// When the next one is looked at.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.0.values().map(|doubt| doubt.at_ms).min()
    }
}

impl Engine {
    /// The server says that a send was not of its epoch.
    pub(crate) fn doubt_epoch(&mut self, channel: ChannelId) -> Result<()> {
        if let Some(row) = self.channel_row(channel)? {
            let doubt = Doubt {
                epoch: (row.incarnation, row.epoch),
                at_ms: self.now_ms + COMMIT_MS,
            };
            self.link.doubts.0.entry(channel).or_insert(doubt);
        }
        Ok(())
    }

    /// The server says where in the log something of this device stands. Where that part
    /// was read already and it was not there, this device was shown something else.
    pub(crate) fn check_place(&mut self, channel: ChannelId, seq: u64) -> Result<()> {
        let row = self.channel_row(channel)?;
        let read = row.is_some_and(|row| row.state == "joined" && seq <= row.cursor_seq);
        match read && !self.is_behind(channel)? {
            true => self.begin_rejoin(channel, "the server showed another log", 0),
            false => Ok(()),
        }
    }

    /// Comes back to channels whose epoch the log did not end.
    pub(crate) fn settle_doubts(&mut self) -> Result<()> {
        let now = self.now_ms;
        let due = |(_, doubt): &(&ChannelId, &Doubt)| doubt.at_ms <= now;
        let due: Vec<_> = self.link.doubts.0.iter().filter(due).collect();
        let due: Vec<(ChannelId, Doubt)> = due.into_iter().map(|(c, d)| (*c, *d)).collect();
        for (channel, doubt) in due {
            self.link.doubts.0.remove(&channel);
            let same = self.channel_row(channel)?.is_some_and(|row| {
                row.state == "joined" && (row.incarnation, row.epoch) == doubt.epoch
            });
            if !same || self.is_behind(channel)? {
                continue;
            }
            if self
                .waiting
                .get(&channel)
                .is_some_and(|queue| !queue.is_empty())
            {
                // What is in the queue may be that commit.
                self.doubt_epoch(channel)?;
                continue;
            }
            self.begin_rejoin(channel, "the group went on without this device", 0)?;
        }
        Ok(())
    }
}
