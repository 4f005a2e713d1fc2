//! The server's answer to the commit or reboot by which a channel comes back, and what
//! it means for what was in flight.

use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::v1::Appended;
use rusqlite::params;

use crate::engine::{Engine, Event, Trouble};
use crate::error::{Error, Result};
use crate::outbox::commit::RENEWAL_MS;
use crate::outbox::intent::{self, Wish};

impl Engine {
    /// The server refused the commit or reboot by which the channel comes back: what
    /// was staged is void.
    pub(crate) fn rejoin_refused(
        &mut self,
        channel: ChannelId,
        intent: i64,
        code: RefusalCode,
        reason: &str,
    ) -> Result<()> {
        self.restage(intent, reason)?;
        self.forget_staged(channel)?;
        match code {
            RefusalCode::WrongEpoch
            | RefusalCode::StaleStructure
            | RefusalCode::StaleSendCounter
            | RefusalCode::TooManyRequests => self.rejoin_later(channel),
            _ => self.rejoin_failed(channel, reason),
        }
    }

    /// The server accepted it: from here on the channel is read like any other,
    /// beginning with the entry by which this device came in.
    pub(crate) fn rejoin_accepted(
        &mut self,
        channel: ChannelId,
        intent: i64,
        appended: &Appended,
    ) -> Result<()> {
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        if row.state != "rejoin" || appended.seq == 0 {
            return Ok(());
        }
        let (incarnation, epoch, was_out): (u32, u64, bool) = self
            .db
            .prepare_cached("SELECT incarnation, epoch, was_out FROM rejoins WHERE channel = ?1")?
            .query_row([channel.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let before = appended.seq - 1;
        let counter = self.place_events(channel, appended.event_counter)?;
        // A group of an earlier incarnation is over.
        if row.incarnation != incarnation {
            self.forget_group(channel, row.incarnation)?;
        }
        self.db
            .prepare_cached(
                "UPDATE channels SET state = 'joined', reason = '', incarnation = ?2, epoch = ?3,
                 joined_seq = ?4, cursor_seq = ?5, cursor_hash = ?6, cursor_time_ms = 0,
                 event_counter = ?7, renew_at_ms = ?8 WHERE channel = ?1",
            )?
            .execute(params![
                channel.0,
                incarnation,
                epoch,
                appended.seq,
                before,
                appended.predecessor.as_ref(),
                counter,
                self.now_ms + RENEWAL_MS
            ])?;
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO entries (channel, seq, hash) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![channel.0, before, appended.predecessor.as_ref()])?;
        if !was_out {
            self.note_gap(channel, row.cursor_seq, before)?;
        }
        // The log has the last word: the intent is settled by its own entry, whose
        // bytes stay recognisable; they are not sent again.
        self.supersede_sends(intent)?;
        self.db
            .prepare_cached(
                "DELETE FROM intents WHERE channel = ?1 AND kind IN ('rejoin', 'reboot')
                 AND id <> ?2",
            )?
            .execute(params![channel.0, intent])?;
        self.note_end(channel)?;
        self.count_attempt(channel)?;
        self.trouble
            .retain(|t| *t != Trouble::ChannelStopped(channel));
        self.groups.remove(&channel);
        self.forget_connection_of(channel);
        self.log_is_the_servers(channel)?;
        self.subscribe(channel, before)?;
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }

    /// Events of this device up to `counter` are in the log, in a part that it did
    /// not read: they are sent, their place is unknown until the gap is filled. Only
    /// bytes that left can be among them. Returns the counter of the last event that
    /// is in the log or waits; what failed in between never took its own.
    fn place_events(&mut self, channel: ChannelId, counter: u64) -> Result<u64> {
        let mut last = counter;
        for (intent, state, _) in intent::unsettled(&self.db, channel)? {
            let Wish::Event { signed, .. } = &intent.wish else {
                continue;
            };
            let own = crate::content::body_of(signed)?.counter;
            if state == "waiting" {
                last = last.max(own);
            }
            self.db
                .prepare_cached(
                    "UPDATE intents SET state = 'unplaced', reason = '' WHERE id = ?1 AND ?2 <= ?3
                     AND EXISTS (SELECT 1 FROM sends WHERE intent = intents.id)",
                )?
                .execute(params![intent.id, own, counter])?;
        }
        Ok(last)
    }
}
