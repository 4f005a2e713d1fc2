//! Going back to where two logs part, in one transaction: what came after is kept
//! beside, the projections are folded anew from what remains, and what this device
//! itself had said waits to be said again, before everything else that waits.

use prost::Message;
use relais_content::v1::ThreadOpened;
use relais_content::v1::content::Kind;
use relais_wire::chain::GENESIS;
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::v1::{EntryHeader, EntryKind};
use rusqlite::params;

use super::again::turn;
use super::recovered::AUTHORS_MS;
use crate::content::{body_of, said_in, verbatim};
use crate::engine::{Engine, Event, Trouble};
use crate::error::{Error, Result};
use crate::inbox::ChannelRow;
use crate::outbox::intent::{self, Wish};
use crate::projection::Folded;

/// Times that a channel is rolled back in a day. A backup is restored once; a server
/// that does it again and again is not believed.
pub(super) const A_DAY: u64 = 4;
pub(super) const DAY_MS: u64 = 24 * 3_600_000;
pub(super) const REASON: &str = "the server was restored from a backup";

/// An event as it stood in the lost log.
struct Lost {
    seq: u64,
    id: EventId,
    device: DeviceId,
    professional: ProfessionalId,
    counter: u64,
    time_ms: u64,
    kind: u32,
    signed: Vec<u8>,
}

impl Engine {
    /// Everything of the channel after `seq` is not in the server's log any more.
    pub(super) fn roll_back(&mut self, channel: ChannelId, seq: u64) -> Result<()> {
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        if !self.count_rollback(channel, seq)? {
            self.trouble(Trouble::ChannelForked(channel));
            return self.stop_channel(channel, "the server's log changed again and again");
        }
        let same_group = row.state == "joined"
            && seq >= row.joined_seq
            && self.is_one_epoch(channel, seq, row.cursor_seq)?;
        let own = self.lose_events(channel, seq)?;
        self.lose_rosters(channel, seq, &row)?;
        self.cut_log(channel, seq)?;
        self.set_cursor(channel, seq)?;
        self.fold_anew(channel)?;
        self.recall_sends(channel)?;
        self.say_own_again(channel, &own)?;
        self.claim_again(channel)?;
        self.log_is_the_servers(channel)?;
        self.fork_is_explained(channel);
        self.forget_connection_of(channel);
        if same_group {
            self.clear_pending_commit(channel)?;
            self.subscribe(channel, seq)?;
        } else {
            self.leave_lost_group(channel, &row)?;
        }
        self.events.push_back(Event::ThreadsChanged);
        self.events.push_back(Event::ThreadChanged(channel));
        Ok(())
    }

    /// Notes it for the thread; `false` when it happens too often.
    fn count_rollback(&self, channel: ChannelId, seq: u64) -> Result<bool> {
        let since = self.now_ms.saturating_sub(DAY_MS);
        let before: u64 = self
            .db
            .prepare_cached("SELECT count(*) FROM rollbacks WHERE channel = ?1 AND at_ms > ?2")?
            .query_row(params![channel.0, since], |row| row.get(0))?;
        if before >= A_DAY {
            return Ok(false);
        }
        self.db
            .prepare_cached(
                "INSERT INTO rollbacks (channel, seq, at_ms, events) SELECT ?1, ?2, ?3, count(*)
                 FROM events WHERE channel = ?1 AND seq > ?2 AND kind NOT IN (10, 11, 12)",
            )?
            .execute(params![channel.0, seq, self.now_ms])?;
        Ok(true)
    }

    /// Whether this device read every entry after `seq`, and all were messages: then
    /// the group is still the one of that place.
    fn is_one_epoch(&self, channel: ChannelId, seq: u64, cursor: u64) -> Result<bool> {
        let mut statement = self
            .db
            .prepare_cached("SELECT header FROM entries WHERE channel = ?1 AND seq > ?2")?;
        let mut rows = statement.query(params![channel.0, seq])?;
        let mut messages = 0;
        while let Some(row) = rows.next()? {
            let header: Option<Vec<u8>> = row.get(0)?;
            let header = header.and_then(|bytes| EntryHeader::decode(bytes.as_slice()).ok());
            messages += u64::from(header.is_some_and(|h| h.kind() == EntryKind::Message));
        }
        Ok(messages == cursor.saturating_sub(seq))
    }

    /// Puts events beside, with who was in the circle when they were said. Returns this
    /// device's own.
    fn lose_events(&mut self, channel: ChannelId, seq: u64) -> Result<Vec<Lost>> {
        let me = self.identity()?.device();
        let turn_ms = AUTHORS_MS + turn(channel, me) % AUTHORS_MS;
        let mut lost: Vec<Lost> = self
            .db
            .prepare_cached(
                "SELECT seq, event_id, device, professional, counter, time_ms, kind, signed
                 FROM events WHERE channel = ?1 AND seq > ?2 ORDER BY seq",
            )?
            .query_map(params![channel.0, seq], |row| {
                Ok(Lost {
                    seq: row.get(0)?,
                    id: EventId(row.get(1)?),
                    device: DeviceId(row.get(2)?),
                    professional: ProfessionalId(row.get(3)?),
                    counter: row.get(4)?,
                    time_ms: row.get(5)?,
                    kind: row.get(6)?,
                    signed: row.get(7)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for event in &lost {
            // One that was recovered is lost as its author's.
            let said = verbatim(&event.signed)?;
            // What nobody says again, like a read marker, comes again all the same where it
            // is still under way: in its first bytes, which open once.
            let silent = !is_said_again(&said)?;
            if silent && event.device == me {
                continue;
            }
            let device = body_of(&said)?.device_id;
            self.db
                .prepare_cached(
                    "INSERT INTO lost_events (channel, event_id, time_ms, device, professional,
                     signed, audience, next_ms, silent)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                     ON CONFLICT (channel, event_id) DO NOTHING",
                )?
                .execute(params![
                    channel.0,
                    event.id.0,
                    event.time_ms,
                    device.as_ref(),
                    event.professional.0,
                    said,
                    self.circle_at(channel, event.seq)?,
                    self.now_ms + turn_ms,
                    silent
                ])?;
        }
        self.db
            .prepare_cached("DELETE FROM events WHERE channel = ?1 AND seq > ?2")?
            .execute(params![channel.0, seq])?;
        lost.retain(|event| event.device == me);
        Ok(lost)
    }

    /// Ids of the members in whose circle an entry was written.
    fn circle_at(&self, channel: ChannelId, seq: u64) -> Result<Vec<u8>> {
        let roster = self.roster_at(channel, seq)?;
        let members = roster.iter().flat_map(|roster| roster.members.keys());
        Ok(members.flat_map(|id: &ProfessionalId| id.0).collect())
    }

    /// What hangs on entries that are no more.
    fn cut_log(&mut self, channel: ChannelId, seq: u64) -> Result<()> {
        for sql in [
            "DELETE FROM entries WHERE channel = ?1 AND seq > ?2",
            "DELETE FROM notices WHERE channel = ?1 AND seq > ?2",
            "DELETE FROM parked WHERE channel = ?1 AND seq > ?2",
            "DELETE FROM gaps WHERE channel = ?1 AND after_seq >= ?2",
            "UPDATE gaps SET until_seq = min(until_seq, ?2) WHERE channel = ?1",
            "UPDATE cursors SET seq = min(seq, ?2) WHERE channel = ?1",
            "UPDATE imports SET state = 'refused', reason = 'the server lost what it holds'
             WHERE channel = ?1 AND last_seq > ?2",
        ] {
            self.db
                .prepare_cached(sql)?
                .execute(params![channel.0, seq])?;
        }
        self.fail_shares(channel, seq + 1..=i64::MAX as u64)
    }

    fn set_cursor(&self, channel: ChannelId, seq: u64) -> Result<()> {
        let hash = self.entry_hash(channel, seq)?;
        let header: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT max(header) FROM entries WHERE channel = ?1 AND seq = ?2")?
            .query_row(params![channel.0, seq], |row| row.get(0))?;
        let header = header.and_then(|bytes| EntryHeader::decode(bytes.as_slice()).ok());
        self.db
            .prepare_cached(
                "UPDATE channels SET cursor_seq = ?2, cursor_hash = ?3, cursor_time_ms = ?4,
                 cursor_seal = x'' WHERE channel = ?1",
            )?
            .execute(params![
                channel.0,
                seq,
                hash.unwrap_or_else(|| GENESIS.to_vec()),
                header.map_or(0, |header| header.time_ms)
            ])?;
        Ok(())
    }

    /// Folds the channel's projections from its events.
    pub(crate) fn fold_anew(&mut self, channel: ChannelId) -> Result<()> {
        let beside = ChannelId(self.random()?);
        let mut statement = self.db.prepare_cached(
            "SELECT seq, time_ms, professional, signed, event_id FROM shown_events
             WHERE channel = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query([channel.0])?;
        while let Some(row) = rows.next()? {
            let signed: Vec<u8> = row.get(3)?;
            if let Some(content) = &said_in(&signed)?.content {
                let event = Folded {
                    channel,
                    id: EventId(row.get(4)?),
                    seq: row.get(0)?,
                    time_ms: row.get(1)?,
                    author: ProfessionalId(row.get(2)?),
                    content,
                };
                self.fold_rows(beside, &event)?;
            }
        }
        drop(rows);
        drop(statement);
        self.swap_rows(channel, beside)?;
        self.name_by_latest_opening(channel)
    }

    /// Own events wait again under their counters and before all that waits; what must
    /// not be said again leaves a void.
    fn say_own_again(&mut self, channel: ChannelId, own: &[Lost]) -> Result<()> {
        let me = self.identity()?.device();
        let mut last = self.last_counter(channel, me)?;
        let mut waits = Vec::new();
        for (waiting, state, _) in intent::unsettled(&self.db, channel)? {
            if let Wish::Event { signed, .. } = &waiting.wish
                && matches!(state.as_str(), "waiting" | "sent" | "unplaced")
            {
                waits.push(body_of(signed)?.counter);
            }
        }
        let mut again = Vec::new();
        for event in own {
            // An entry of ours that nobody accepted took a counter too.
            while last + 1 < event.counter {
                last += 1;
                if !waits.contains(&last) {
                    let (id, signed) = self.void_at(channel, last)?;
                    again.push((id, signed, event.time_ms));
                }
            }
            last = event.counter;
            let verbatim = event.kind == VOID || is_said_again(&event.signed)?;
            let (id, signed) = match verbatim {
                true => (event.id, event.signed.clone()),
                false => self.instead_of(channel, &event.signed)?,
            };
            again.push((id, signed, event.time_ms));
        }
        self.want_before_all(channel, &again)?;
        let last = waits.into_iter().max().unwrap_or(0).max(last);
        self.db
            .prepare_cached("UPDATE channels SET event_counter = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, last])?;
        self.dirty = true;
        Ok(())
    }

    /// What takes the counter of an event that is not said again: a void, or, for an
    /// opening that was told to joiners, one with the rosters that are left.
    fn instead_of(&self, channel: ChannelId, signed: &[u8]) -> Result<(EventId, Vec<u8>)> {
        match body_of(signed)?.content.and_then(|content| content.kind) {
            Some(Kind::ThreadOpened(told)) => {
                let rosters = self.rosters_to_tell(channel)?;
                self.resign(signed, Kind::ThreadOpened(ThreadOpened { rosters, ..told }))
            }
            _ => self.void_for(signed),
        }
    }

    fn want_before_all(
        &self,
        channel: ChannelId,
        events: &[(EventId, Vec<u8>, u64)],
    ) -> Result<()> {
        let first: i64 = self
            .db
            .prepare_cached("SELECT min(0, coalesce(min(id), 0)) FROM intents")?
            .query_row([], |row| row.get(0))?;
        for (number, (id, signed, time_ms)) in (1i64..).zip(events.iter().rev()) {
            self.db
                .prepare_cached(
                    "INSERT INTO intents (id, channel, kind, payload, event_id, state, reason,
                     created_ms) VALUES (?1, ?2, 'event', ?3, ?4, 'waiting', ?5, ?6)",
                )?
                .execute(params![
                    first - number,
                    channel.0,
                    signed,
                    id.0,
                    REASON,
                    time_ms
                ])?;
        }
        Ok(())
    }

    /// The group went on after the place that remains: back in by an external commit.
    fn leave_lost_group(&mut self, channel: ChannelId, row: &ChannelRow) -> Result<()> {
        self.forget_group(channel, row.incarnation)?;
        self.db
            .prepare_cached("UPDATE channels SET incarnation = 0, epoch = 0 WHERE channel = ?1")?
            .execute([channel.0])?;
        self.db
            .prepare_cached(
                "UPDATE intents SET state = 'waiting' WHERE channel = ?1 AND state = 'unplaced'",
            )?
            .execute([channel.0])?;
        match row.state.as_str() {
            "joined" => self.begin_rejoin(channel, REASON, 0),
            _ => Ok(()),
        }
    }
}

const VOID: u32 = 11;

/// Whether an event is said again as it is.
fn is_said_again(signed: &[u8]) -> Result<bool> {
    let content = body_of(signed)?.content;
    Ok(content.is_some_and(|content| relais_content::validate::stands_for_itself(&content)))
}
