//! Coming back: a device that is not (or no longer usefully) in a channel's group
//! returns by an external commit (architecture D13). Nothing is deleted, what waits
//! to be sent goes on waiting, and what was missed is noted as a gap.
//!
//! Owns: why and when a channel comes back, the pace of trying. [`enter`] checks the
//! group that the server shows and stages the commit; [`answer`] is what its acceptance
//! or refusal means for what was in flight; [`doubt`] finds a group that the server has
//! left behind; [`listing`] compares the server's list of channels
//! with ours; [`reboot`] begins a new group.
//!
//! A channel in state `rejoin` has a row in `rejoins` and an intent; the row stays
//! for a day after the return, so that a channel that fails again and again slows
//! down and then stops.

mod answer;
mod doubt;
mod enter;
mod listing;
mod reboot;
#[cfg(test)]
mod tests;

use relais_wire::chain::GENESIS;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{AskGroup, Group, client_frame, group};
use rusqlite::{OptionalExtension, params};

pub(crate) use doubt::Doubts;
pub(crate) use listing::Listing;

use crate::engine::{Engine, Event};
use crate::error::{Denial, Error, Result};
use crate::outbox::intent::{self, Wish};

/// Channels that come back at the same time.
const AT_ONCE: usize = 4;
/// Returns and failures of a channel in a day, before a person must ask for more.
const ATTEMPTS: u32 = 8;
const DAY_MS: u64 = 24 * 3_600_000;
const HOUR_MS: u64 = 3_600_000;
/// Doubled with each failure.
const PAUSE_MS: u64 = 1_000;

impl Engine {
    /// The channel comes back by itself, now or after `pause_ms`.
    pub(crate) fn begin_rejoin(
        &mut self,
        channel: ChannelId,
        reason: &str,
        pause_ms: u64,
    ) -> Result<()> {
        // What was written while this person was outside is nobody's promise to them.
        let state = self.channel_row(channel)?.map(|row| row.state);
        let was_out = match state.as_deref() {
            Some("rejoin") => self.was_out(channel)?,
            state => state == Some("removed"),
        };
        self.db
            .prepare_cached(
                "INSERT INTO channels (channel, incarnation, epoch, joined_seq, cursor_seq,
                 cursor_hash, cursor_time_ms, state, reason, created_ms)
                 VALUES (?1, 0, 0, 0, 0, ?2, 0, 'rejoin', ?3, ?4)
                 ON CONFLICT (channel) DO UPDATE SET state = 'rejoin', reason = ?3",
            )?
            .execute(params![channel.0, GENESIS, reason, self.now_ms])?;
        self.db
            .prepare_cached(
                "INSERT INTO rejoins (channel, next_ms, since_ms, was_out) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (channel) DO UPDATE SET next_ms = max(next_ms, excluded.next_ms),
                 was_out = excluded.was_out",
            )?
            .execute(params![
                channel.0,
                self.now_ms + pause_ms,
                self.now_ms,
                was_out
            ])?;
        self.recall_sends(channel)?;
        // A new leaf is fresh, and who must go is looked at again afterwards.
        self.db
            .prepare_cached(
                "DELETE FROM intents WHERE channel = ?1 AND kind IN ('renew', 'follow')",
            )?
            .execute([channel.0])?;
        if self.comeback(channel)?.is_none() {
            self.want(Some(channel), Wish::Rejoin)?;
        }
        self.groups.remove(&channel);
        self.forget_connection_of(channel);
        self.dirty = true;
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }

    /// Whether the person was no member when the channel began to come back.
    fn was_out(&self, channel: ChannelId) -> Result<bool> {
        let was_out: Option<bool> = self
            .db
            .prepare_cached("SELECT was_out FROM rejoins WHERE channel = ?1")?
            .query_row([channel.0], |row| row.get(0))
            .optional()?;
        Ok(was_out.unwrap_or(false))
    }

    /// What was in flight in the channel waits again; its bytes stay recognisable.
    pub(crate) fn recall_sends(&mut self, channel: ChannelId) -> Result<()> {
        for sql in [
            "UPDATE sends SET live = 0 WHERE channel = ?1",
            "UPDATE intents SET state = 'waiting' WHERE channel = ?1 AND state = 'sent'",
        ] {
            self.db.prepare_cached(sql)?.execute([channel.0])?;
        }
        self.link.in_flight = self.count_in_flight()?;
        Ok(())
    }

    /// A return that is under way was staged after its log was compared with one that the
    /// server has not any more: it begins again.
    pub(crate) fn recall_returns(&mut self) -> Result<()> {
        let returning: Vec<[u8; 16]> = self
            .db
            .prepare_cached("SELECT channel FROM channels WHERE state = 'rejoin'")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for channel in returning {
            self.recall_sends(ChannelId(channel))?;
        }
        Ok(())
    }

    pub(crate) fn forget_connection_of(&mut self, channel: ChannelId) {
        self.link.subscribed.remove(&channel);
        self.link.caught_up.remove(&channel);
        self.link.pending_caught_up.remove(&channel);
        self.link.closed.remove(&channel);
        self.link.blocked.remove(&channel);
        self.link.compared.remove(&channel);
        self.link.parted.remove(&channel);
        self.waiting.remove(&channel);
    }

    /// The intent by which a channel comes back or begins anew.
    fn comeback(&self, channel: ChannelId) -> Result<Option<intent::Intent>> {
        let id: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT id FROM intents WHERE channel = ?1 AND kind IN ('rejoin', 'reboot')
                 AND state IN ('waiting', 'sent') ORDER BY kind LIMIT 1",
            )?
            .query_row([channel.0], |row| row.get(0))
            .optional()?;
        match id {
            Some(id) => intent::load(&self.db, id),
            None => Ok(None),
        }
    }

    /// Asks for the groups of channels that come back, a few at a time.
    pub(crate) fn pump_rejoins(&mut self) -> Result<()> {
        self.adopt_rejoins()?;
        self.link.rejoin_at_ms = None;
        let waiting: Vec<([u8; 16], u64, bool)> = self
            .db
            .prepare_cached(
                "SELECT r.channel, r.next_ms, EXISTS (SELECT 1 FROM sends s JOIN intents i
                    ON i.id = s.intent WHERE s.channel = r.channel AND s.live = 1
                    AND i.kind IN ('rejoin', 'reboot'))
                 FROM rejoins r JOIN channels c ON c.channel = r.channel
                 WHERE c.state = 'rejoin' ORDER BY r.next_ms, r.channel",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let staged = waiting.iter().filter(|(_, _, staged)| *staged).count();
        for (channel, next_ms, staged_already) in waiting {
            let channel = ChannelId(channel);
            if staged_already || self.link.asked.contains(&channel) {
                continue;
            }
            if next_ms > self.now_ms {
                self.link.rejoin_at_ms = Some(next_ms);
                break;
            }
            if self.compares_first(channel)? {
                continue; // Going on when the server has answered.
            }
            if staged + self.link.asked.len() >= AT_ONCE {
                break; // An answer or an acceptance makes room.
            }
            self.link.asked.insert(channel);
            self.push(client_frame::Frame::AskGroup(AskGroup {
                channel_id: channel.to_bytes(),
            }));
        }
        Ok(())
    }

    /// Channels that were put into the state `rejoin` by others (a device that
    /// returned with new keys) get their intent.
    fn adopt_rejoins(&mut self) -> Result<()> {
        let new: Vec<([u8; 16], String)> = self
            .db
            .prepare_cached(
                "SELECT channel, reason FROM channels c WHERE state = 'rejoin' AND NOT EXISTS
                 (SELECT 1 FROM intents i WHERE i.channel = c.channel
                  AND i.kind IN ('rejoin', 'reboot') AND i.state IN ('waiting', 'sent'))",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (channel, reason) in new {
            self.begin_rejoin(ChannelId(channel), &reason, 0)?;
        }
        Ok(())
    }

    /// The server's answer to [`AskGroup`].
    pub(crate) fn group_told(&mut self, told: Group) -> Result<()> {
        let Ok(channel) = ChannelId::try_from(&told.channel_id) else {
            return Ok(());
        };
        if !self.link.asked.remove(&channel) {
            return Ok(()); // Nobody asked.
        }
        self.transaction(|engine| {
            let row = engine.channel_row(channel)?;
            if row.is_none_or(|row| row.state != "rejoin") {
                return Ok(());
            }
            match &told.result {
                Some(group::Result::State(state)) => engine.enter(channel, state),
                Some(group::Result::Refusal(_)) | None => engine.not_let_in(channel),
            }
        })
    }

    /// The server says that the membership does not stand.
    fn not_let_in(&mut self, channel: ChannelId) -> Result<()> {
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        if row.cursor_seq == 0 && row.joined_seq == 0 {
            // It only ever stood on the server's list: there is nothing to lose. Should
            // it be on the next one, it is come back to then.
            self.give_up_rejoin(channel)?;
            for table in ["rejoins", "channels"] {
                self.db
                    .prepare_cached(&format!("DELETE FROM {table} WHERE channel = ?1"))?
                    .execute([channel.0])?;
            }
            self.events.push_back(Event::ThreadsChanged);
            return Ok(());
        }
        let forgot = self.is_behind(channel)? || !self.rollbacks(channel)?.is_empty();
        if forgot && self.was_out(channel)? {
            // Let in for a moment, by a server that had forgotten the removal.
            return self.close_channel(channel, "removed", "you were removed from this thread");
        }
        if self.membership_ended(channel).unwrap_or(false) {
            return self.close_channel(channel, "removed", "your membership has ended");
        }
        self.rejoin_failed(channel, "the server does not let this device in")
    }

    /// Tries again after a pause, without counting: somebody else was faster, or
    /// something is on its way.
    fn rejoin_later(&mut self, channel: ChannelId) -> Result<()> {
        // Several devices that come back at once do not meet again and again.
        let pause = 100 + u64::from(u16::from_be_bytes(self.random()?)) % 900;
        self.db
            .prepare_cached("UPDATE rejoins SET next_ms = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, self.now_ms + pause])?;
        self.dirty = true;
        Ok(())
    }

    /// Tries again later, or stops after too many attempts in a day.
    fn rejoin_failed(&mut self, channel: ChannelId, reason: &str) -> Result<()> {
        let attempts = self.count_attempt(channel)?;
        if attempts >= ATTEMPTS {
            return self.stop_channel(channel, reason);
        }
        self.db
            .prepare_cached("UPDATE channels SET reason = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, reason])?;
        self.dirty = true;
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }

    /// Counts an attempt or a return and puts the next one off.
    fn count_attempt(&mut self, channel: ChannelId) -> Result<u32> {
        let attempts: u32 = self
            .db
            .prepare_cached(
                "UPDATE rejoins SET attempts = CASE WHEN since_ms + ?3 < ?2 THEN 1
                    ELSE attempts + 1 END,
                 since_ms = CASE WHEN since_ms + ?3 < ?2 THEN ?2 ELSE since_ms END
                 WHERE channel = ?1 RETURNING attempts",
            )?
            .query_row(params![channel.0, self.now_ms, DAY_MS], |row| row.get(0))?;
        let pause = (PAUSE_MS << attempts.min(16)).min(HOUR_MS);
        self.db
            .prepare_cached("UPDATE rejoins SET next_ms = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, self.now_ms + pause])?;
        Ok(attempts)
    }

    /// A channel is over for this device: it does not come back by itself.
    pub(crate) fn give_up_rejoin(&mut self, channel: ChannelId) -> Result<()> {
        if let Some(intent) = self.comeback(channel)? {
            self.settle(intent.id)?;
        }
        self.link.asked.remove(&channel);
        Ok(())
    }

    /// Comes back to a thread that has stopped or was tried too often.
    ///
    /// # Errors
    /// [`Error::Unknown`] thread, [`Error::NotAllowed`] for one that goes on anyway.
    pub fn rejoin_thread(&mut self, channel: ChannelId) -> Result<()> {
        self.require_unfrozen()?;
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        if !matches!(row.state.as_str(), "stopped" | "removed" | "rejoin") {
            return Err(Error::NotAllowed(Denial::GoesOnByItself));
        }
        self.transaction(|engine| {
            engine
                .db
                .prepare_cached("DELETE FROM rejoins WHERE channel = ?1")?
                .execute([channel.0])?;
            engine.begin_rejoin(channel, "asked for by the person", 0)
        })
    }
}
