//! From the server's logs to the database: each entry in a savepoint, in order,
//! once (architecture D2, D6). An entry that cannot be applied is parked with its
//! reason and never blocks what follows — unless it is a commit, without which
//! nothing that follows can be read: then the channel stops visibly.

pub(crate) mod commit;
mod entry;
pub(crate) mod message;
mod welcome;

pub(crate) use entry::{ChannelRow, Fault};

use std::collections::BTreeMap;

use relais_wire::ids::ChannelId;
use relais_wire::v1::inbox_item;
use rusqlite::params;

use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event, Trouble};
use crate::error::Result;
use crate::rejoin::Listing;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Applied, parked or known: the next one can follow.
    Done,
    /// It needs structure entries that have not arrived.
    Waits,
    /// Not read: the channel is not open here (any more). Not acknowledged either.
    Left,
}

impl Engine {
    pub(crate) fn has_applicable(&self) -> bool {
        let blocked = &self.link.blocked;
        let agreed = self.link.structure_agreed;
        let mut waiting = self.waiting.iter();
        (agreed && waiting.any(|(channel, queue)| !queue.is_empty() && !blocked.contains(channel)))
            || (!self.inbox.is_empty() && self.link.structure_caught_up)
    }

    /// Channels wait until the server has shown that it has the structure log that is held
    /// here: commits and events name its entries.
    pub(crate) fn apply_channels(
        &mut self,
        left: &mut usize,
        acks: &mut BTreeMap<ChannelId, u64>,
    ) -> Result<()> {
        if !self.link.structure_agreed {
            return Ok(());
        }
        self.link.blocked.clear();
        self.link.statement_at_ms = None;
        let channels: Vec<ChannelId> = self.waiting.keys().copied().collect();
        for channel in channels {
            if self.link.parted.contains(&channel) {
                self.waiting.remove(&channel); // Read again from where the logs part.
                continue;
            }
            while *left > 0 {
                let Some(entry) = self.waiting.get_mut(&channel).and_then(|q| q.pop_front()) else {
                    break;
                };
                *left -= 1;
                match self.apply_entry(channel, &entry)? {
                    Outcome::Done => {
                        acks.insert(channel, entry.seq);
                    }
                    Outcome::Left => {}
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
            let row = self.channel_row(channel)?;
            if row.as_ref().is_some_and(|row| row.state == "rejoin") {
                // It will be read from where it comes back.
                self.link.pending_caught_up.remove(&channel);
                continue;
            }
            let reached = row.is_none_or(|row| row.cursor_seq >= head);
            if reached && !self.link.parted.contains(&channel) {
                self.link.pending_caught_up.remove(&channel);
                self.link.caught_up.insert(channel);
                self.link.followed.look_at(channel);
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
            if row.is_none_or(|row| row.state != "joined") {
                continue;
            }
            if self.membership_ended(channel)? {
                // The removal is of after the end: it is not ours to read.
                self.close_channel(channel, "removed", "your membership has ended")?;
                continue;
            }
            // Nothing is sent there before the list has said what it is.
            self.link.doubtful.insert(channel);
            self.link.listing = Listing::Due;
            self.dirty = true;
        }
        Ok(())
    }

    /// The inbox waits for the structure log: without it nobody can say who sent what.
    pub(crate) fn apply_inbox(&mut self, left: &mut usize) -> Result<()> {
        if !self.link.structure_caught_up {
            return Ok(());
        }
        self.apply_welcomes()?;
        self.apply_sealed()?;
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
            if let Some(inbox_item::Item::Welcome(welcome)) = &item.item
                && let Ok(channel) = ChannelId::try_from(&welcome.channel_id)
            {
                // Counted in by now, it is shown the log.
                self.link.incomparable.remove(&channel);
            }
            match &item.item {
                // One that waits is kept here, so that it holds nothing else back.
                Some(inbox_item::Item::Welcome(welcome))
                    if self.apply_welcome(welcome, item.time_ms)? == Outcome::Waits =>
                {
                    self.keep_welcome(welcome, item.time_ms)?;
                }
                Some(inbox_item::Item::Sealed(sealed)) => self.receive_sealed(sealed)?,
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

    /// The log was trimmed before this device read it.
    pub(crate) fn trimmed(&mut self, channel: ChannelId) -> Result<()> {
        let row = self.channel_row(channel)?;
        if row.is_some_and(|row| row.state == "joined") {
            self.begin_rejoin(channel, "the log was trimmed before it was read here", 0)?;
        }
        Ok(())
    }

    /// Whether this person's membership is over, by the roster and the server's time.
    pub(crate) fn membership_ended(&self, channel: ChannelId) -> Result<bool> {
        let me = self.identity()?.professional();
        let now = self.log_now();
        let member = self.roster(channel)?.members.get(&me).copied();
        Ok(member.is_some_and(|member| !member.stands(now)))
    }

    /// Notes when this person's membership ends, so that lists need not read rosters.
    pub(crate) fn note_end(&self, channel: ChannelId) -> Result<()> {
        let me = self.identity()?.professional();
        let member = self.roster(channel)?.members.get(&me).copied();
        let until_ms = member.and_then(|member| member.expires_at_ms);
        self.db
            .prepare_cached("UPDATE channels SET until_ms = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, until_ms.unwrap_or(0)])?;
        Ok(())
    }

    pub(crate) fn close_channel(
        &mut self,
        channel: ChannelId,
        state: &str,
        reason: &str,
    ) -> Result<()> {
        self.give_up_rejoin(channel)?;
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
