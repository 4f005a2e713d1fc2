//! From the server's logs to the database: each entry in a savepoint, in order,
//! once (architecture D2, D6). An entry that cannot be applied is parked with its
//! reason and never blocks what follows — unless it is a commit, without which
//! nothing that follows can be read: then the channel stops visibly.

pub(crate) mod commit;
mod entry;
mod message;
mod welcome;

use std::collections::BTreeMap;

use relais_wire::ids::ChannelId;
use relais_wire::v1::inbox_item;
use rusqlite::params;

use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event, Trouble};
use crate::error::Result;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Applied, parked or known: the next one can follow.
    Done,
    /// It needs structure entries that have not arrived.
    Waits,
}

impl Engine {
    pub(crate) fn has_applicable(&self) -> bool {
        let blocked = &self.link.blocked;
        self.waiting
            .iter()
            .any(|(channel, queue)| !queue.is_empty() && !blocked.contains(channel))
            || (!self.inbox.is_empty() && !self.link.inbox_blocked)
    }

    pub(crate) fn apply_channels(
        &mut self,
        left: &mut usize,
        acks: &mut BTreeMap<ChannelId, u64>,
    ) -> Result<()> {
        self.link.blocked.clear();
        let channels: Vec<ChannelId> = self.waiting.keys().copied().collect();
        for channel in channels {
            while *left > 0 {
                let Some(entry) = self.waiting.get_mut(&channel).and_then(|q| q.pop_front()) else {
                    break;
                };
                *left -= 1;
                match self.apply_entry(channel, &entry)? {
                    Outcome::Done => {
                        acks.insert(channel, entry.seq);
                    }
                    Outcome::Waits => {
                        self.waiting.entry(channel).or_default().push_front(entry);
                        self.link.blocked.insert(channel);
                        break;
                    }
                }
            }
            if self.waiting.get(&channel).is_some_and(|q| q.is_empty()) {
                self.waiting.remove(&channel);
            }
        }
        self.mark_caught_up()
    }

    fn mark_caught_up(&mut self) -> Result<()> {
        let marks: Vec<(ChannelId, u64)> = self
            .link
            .pending_caught_up
            .iter()
            .map(|(channel, head)| (*channel, *head))
            .collect();
        for (channel, head) in marks {
            let reached = self
                .channel_row(channel)?
                .is_none_or(|row| row.cursor_seq >= head);
            if reached {
                self.link.pending_caught_up.remove(&channel);
                self.link.caught_up.insert(channel);
                self.events.push_back(Event::SyncChanged);
            }
        }
        self.stop_closed()
    }

    fn stop_closed(&mut self) -> Result<()> {
        for channel in std::mem::take(&mut self.link.closed) {
            if self.waiting.contains_key(&channel) {
                self.link.closed.insert(channel); // Its removal may be among them.
                continue;
            }
            let row = self.channel_row(channel)?;
            if row.is_some_and(|row| row.state == "joined") {
                self.stop_channel(channel, "the server no longer counts this device in")?;
            }
        }
        Ok(())
    }

    pub(crate) fn apply_inbox(&mut self, left: &mut usize) -> Result<()> {
        self.link.inbox_blocked = false;
        let mut applied = None;
        while *left > 0 {
            let Some(item) = self.inbox.pop_front() else {
                break;
            };
            *left -= 1;
            if item.seq <= meta::get_u64(&self.db, keys::INBOX_SEQ)? {
                applied = Some(item.seq);
                continue;
            }
            match &item.item {
                Some(inbox_item::Item::Welcome(welcome))
                    if self.apply_welcome(welcome, item.time_ms)? == Outcome::Waits =>
                {
                    self.inbox.push_front(item);
                    self.link.inbox_blocked = true;
                    break;
                }
                Some(inbox_item::Item::Sealed(sealed)) => self.open_sealed(sealed)?,
                Some(inbox_item::Item::Welcome(_)) | None => {}
            }
            meta::put_u64(&self.db, keys::INBOX_SEQ, item.seq)?;
            applied = Some(item.seq);
        }
        // The acknowledgement is queued inside the transaction and leaves with it:
        // frames are taken only after the commit.
        if let Some(seq) = applied {
            self.ack_inbox(seq);
        }
        Ok(())
    }

    /// The channel cannot go on; what waits in it fails visibly.
    pub(crate) fn stop_channel(&mut self, channel: ChannelId, reason: &str) -> Result<()> {
        self.close_channel(channel, "stopped", reason)?;
        self.trouble(Trouble::ChannelStopped(channel));
        Ok(())
    }

    fn close_channel(&mut self, channel: ChannelId, state: &str, reason: &str) -> Result<()> {
        self.db
            .prepare_cached("UPDATE channels SET state = ?2, reason = ?3 WHERE channel = ?1")?
            .execute(params![channel.0, state, reason])?;
        let open: Vec<i64> = self
            .db
            .prepare_cached(
                "SELECT id FROM intents WHERE channel = ?1 AND state IN ('waiting', 'sent')",
            )?
            .query_map([channel.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for intent in open {
            self.fail(intent, reason)?;
        }
        self.link.caught_up.insert(channel);
        self.link.subscribed.remove(&channel);
        self.waiting.remove(&channel);
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }
}
