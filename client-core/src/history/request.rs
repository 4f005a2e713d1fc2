//! Asking for what is missing: first the person's own other devices, then colleagues',
//! one after the other, with pauses that grow and an end that is shown. Whoever is
//! asked answers by themselves with what the asking person may have, never more.

use relais_content::v1::{
    HistoryDeclined, HistoryKind, HistoryRequest, MembershipNote, sealed_body,
};
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use rusqlite::params;

use super::HistoryChoice;
use super::archive::NOT_HELD;
use super::import::Import;
use super::promise::NEVER;
use super::share::Wanted;
use crate::engine::{Engine, Event, Phase};
use crate::error::Result;
use crate::projection::Folded;

/// Who promised a past shares it by themselves: others are asked only after this.
const PROMISER_MS: u64 = 5 * 60_000;
/// First pause for an answer, doubled with each round through all who may be asked.
const ANSWER_MS: u64 = 2 * 60_000;
/// Pause where a channel must be caught up before anything is asked in it.
const BLOCKED_MS: u64 = 1_000;
/// An own device that was there before this one may hold the past: asked after this.
const OWN_DEVICE_MS: u64 = 2_000;
/// Rounds before it is said that nobody has it.
const ROUNDS: u32 = 3;
/// Devices asked for a single entry.
const ASKED_FOR_ONE: u32 = 4;
/// Gaps of a channel beyond which single entries are not asked for.
const MISSED_ENTRIES: u64 = 32;
/// Requests of one device for one channel that are answered in an hour.
const ANSWERS_PER_HOUR: u64 = 12;
const HOUR_MS: u64 = 3_600_000;

/// Any answer ends here: asked no more.
const GIVEN_UP: u64 = NEVER;

struct Gap {
    channel: ChannelId,
    after_seq: u64,
    until_seq: u64,
    shown: bool,
    tries: u32,
}

impl Engine {
    /// A manager promised this person a past: should it not come by itself, it is asked
    /// for.
    pub(crate) fn expect_history(
        &mut self,
        event: &Folded<'_>,
        note: &MembershipNote,
    ) -> Result<()> {
        let me = self.identity()?.professional();
        let promised = HistoryChoice::of_note(note) != HistoryChoice::None
            && note.professional_id == me.to_bytes()
            && self.may_promise(event.channel, event.seq, event.time_ms, &event.author, note)?;
        if promised {
            self.want_past(event.channel, true, PROMISER_MS)?;
        }
        Ok(())
    }

    /// A single entry that this device could not read. Somebody who sends garbage to all
    /// must not make all ask all for it: few are asked, for few entries.
    pub(crate) fn miss_entry(&mut self, channel: ChannelId, seq: u64) -> Result<()> {
        let open: u64 = self
            .db
            .prepare_cached("SELECT count(*) FROM gaps WHERE channel = ?1 AND next_ms < ?2")?
            .query_row(params![channel.0, GIVEN_UP], |row| row.get(0))?;
        if open < MISSED_ENTRIES {
            self.note_gap(channel, seq - 1, seq)?;
        }
        Ok(())
    }

    /// After joining: another device of the same person may have been there before, and
    /// what it holds is this person's. Not shown as missing, because nobody said so.
    pub(crate) fn expect_own_past(&mut self, channel: ChannelId) -> Result<()> {
        let identity = self.identity()?;
        let (me, own) = (identity.professional(), identity.device());
        let others = self
            .structure
            .devices()
            .filter(|(id, device)| device.professional == me && **id != own);
        if others.count() > 0 {
            self.want_past(channel, false, OWN_DEVICE_MS)?;
        }
        Ok(())
    }

    /// Wants everything before this device's joining. `shown`: as missing, because it
    /// is known to be this person's.
    pub(crate) fn want_past(
        &mut self,
        channel: ChannelId,
        shown: bool,
        delay_ms: u64,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT INTO gaps (channel, after_seq, until_seq, shown, next_ms)
                 SELECT c.channel, 0, c.joined_seq, ?2, ?3 FROM channels c
                 WHERE c.channel = ?1 AND c.joined_seq > 0 AND NOT EXISTS (SELECT 1 FROM entries e
                    WHERE e.channel = ?1 AND e.seq = c.joined_seq AND e.header IS NOT NULL)
                 ON CONFLICT DO UPDATE SET shown = max(shown, excluded.shown)",
            )?
            .execute(params![
                channel.0,
                shown,
                self.now_ms.saturating_add(delay_ms)
            ])?;
        self.dirty = true;
        Ok(())
    }

    /// When somebody is asked next. What is due and could not be asked for waits for its
    /// channel: it is looked at again a little later.
    pub(super) fn next_request_ms(&self) -> Result<Option<u64>> {
        let next: Option<u64> = self
            .db
            .prepare_cached(
                "SELECT min(g.next_ms) FROM gaps g JOIN channels c ON c.channel = g.channel
                 WHERE c.state = 'joined' AND g.next_ms < ?1",
            )?
            .query_row([GIVEN_UP], |row| row.get(0))?;
        Ok(next.map(|at| at.max(self.now_ms + BLOCKED_MS)))
    }

    /// Asks for each gap whose time has come.
    pub(super) fn step_requests(&mut self) -> Result<()> {
        if self.link.phase != Phase::Ready || self.is_frozen() {
            return Ok(());
        }
        let due: Vec<Gap> = self
            .db
            .prepare_cached(
                "SELECT g.channel, g.after_seq, g.until_seq, g.shown, g.tries FROM gaps g
                 JOIN channels c ON c.channel = g.channel
                 WHERE c.state = 'joined' AND g.next_ms <= ?1 ORDER BY g.channel, g.after_seq
                 LIMIT 16",
            )?
            .query_map([self.now_ms], |row| {
                Ok(Gap {
                    channel: ChannelId(row.get(0)?),
                    after_seq: row.get(1)?,
                    until_seq: row.get(2)?,
                    shown: row.get(3)?,
                    tries: row.get(4)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for gap in due {
            if self.link.caught_up.contains(&gap.channel) {
                self.ask(&gap)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self, gap: &Gap) -> Result<()> {
        let asked = self.may_be_asked(gap.channel)?;
        let count = asked.len() as u32;
        let most = match (gap.shown, gap.until_seq - gap.after_seq) {
            (true, 1) => count.min(ASKED_FOR_ONE),
            (true, _) => count * ROUNDS,
            (false, _) => count,
        };
        let Some((device, sealing_key)) = asked
            .into_iter()
            .nth((gap.tries % count.max(1)) as usize)
            .filter(|_| gap.tries < most)
        else {
            return self.set_asked(gap, gap.tries, None, GIVEN_UP);
        };
        let request = HistoryRequest {
            channel_id: gap.channel.to_bytes(),
            after_seq: gap.after_seq,
            until_seq: gap.until_seq,
        };
        let item = sealed_body::Item::HistoryRequest(request);
        self.seal_to(device, &sealing_key, item)?;
        let pause = ANSWER_MS << (gap.tries / count).min(ROUNDS);
        let next_ms = self.now_ms.saturating_add(pause);
        self.set_asked(gap, gap.tries + 1, Some(device), next_ms)
    }

    fn set_asked(
        &mut self,
        gap: &Gap,
        tries: u32,
        asked: Option<DeviceId>,
        next_ms: u64,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "UPDATE gaps SET tries = ?3, asked = ?4, next_ms = ?5
                 WHERE channel = ?1 AND after_seq = ?2",
            )?
            .execute(params![
                gap.channel.0,
                gap.after_seq,
                tries,
                asked.map(|device| device.0),
                next_ms
            ])?;
        self.events.push_back(Event::ThreadChanged(gap.channel));
        Ok(())
    }

    /// Devices that may be asked, in an order that every try keeps: own ones first, then
    /// managers', who hold most, then the others'.
    fn may_be_asked(&self, channel: ChannelId) -> Result<Vec<(DeviceId, Vec<u8>)>> {
        let identity = self.identity()?;
        let (me, own) = (identity.professional(), identity.device());
        let roster = self.roster(channel)?;
        let head = self.structure.head().seq;
        let mut found = Vec::new();
        for (id, device) in self.structure.devices() {
            let valid = self.structure.valid_device(id, head, self.now_ms).is_some();
            let member = roster.standing(&device.professional, self.now_ms);
            if let Some(member) = member.filter(|_| valid && *id != own) {
                let rank = (device.professional != me, i32::from(member.role), *id);
                found.push((rank, device.sealing_key.clone()));
            }
        }
        found.sort();
        Ok(found
            .into_iter()
            .map(|((_, _, id), key)| (id, key))
            .collect())
    }

    /// The device that was asked has nothing, or sent what does not hold: the next one
    /// is asked at once.
    pub(super) fn ask_next(&mut self, channel: ChannelId, asked: DeviceId) -> Result<()> {
        self.db
            .prepare_cached(
                "UPDATE gaps SET next_ms = ?3 WHERE channel = ?1 AND asked = ?2 AND next_ms < ?4",
            )?
            .execute(params![channel.0, asked.0, self.now_ms, GIVEN_UP])?;
        self.dirty = true;
        Ok(())
    }

    /// See [`HistoryDeclined`].
    pub(crate) fn history_declined(
        &mut self,
        sender: DeviceId,
        declined: &HistoryDeclined,
    ) -> Result<()> {
        match ChannelId::try_from(&declined.channel_id) {
            Ok(channel) => self.ask_next(channel, sender),
            Err(_) => Ok(()),
        }
    }

    /// Answers a member's device with what its person may have of a stretch. Others, and
    /// whoever asks too often, get no answer.
    pub(crate) fn history_requested(
        &mut self,
        sender: DeviceId,
        request: &HistoryRequest,
    ) -> Result<()> {
        let Ok(channel) = ChannelId::try_from(&request.channel_id) else {
            return Ok(());
        };
        let Some(row) = self.channel_row(channel)? else {
            return Ok(());
        };
        let ordered = request.after_seq < request.until_seq;
        if row.state != "joined" || !ordered || !self.is_member_device(channel, sender)? {
            return Ok(());
        }
        let Some(device) = self.structure.device(&sender).cloned() else {
            return Ok(());
        };
        if !self.may_answer(channel, sender)? {
            return Ok(());
        }
        let wanted = Wanted {
            channel,
            professional: device.professional,
            device: Some(sender),
            kind: HistoryKind::Requested,
            since_ms: 0,
            promised: self.promised_to(channel, &device.professional)?,
            first_seq: request.after_seq + 1,
            last_seq: request.until_seq,
        };
        let known = request.until_seq <= row.cursor_seq;
        if known && (self.is_shared_already(&wanted)? || self.plan_share(&wanted)?) {
            return Ok(());
        }
        let declined = HistoryDeclined {
            channel_id: request.channel_id.clone(),
            after_seq: request.after_seq,
            until_seq: request.until_seq,
        };
        let item = sealed_body::Item::HistoryDeclined(declined);
        self.seal_to(sender, &device.sealing_key, item)
    }

    /// The same stretch is on its way to that device.
    fn is_shared_already(&self, wanted: &Wanted) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM shares WHERE channel = ?1 AND professional = ?2
                 AND (device IS NULL OR device = ?3) AND first_seq >= ?4 AND last_seq = ?5
                 AND state <> 'failed')",
            )?
            .query_row(
                params![
                    wanted.channel.0,
                    wanted.professional.0,
                    wanted.device.map(|device| device.0),
                    wanted.first_seq,
                    wanted.last_seq
                ],
                |row| row.get(0),
            )?)
    }

    fn may_answer(&self, channel: ChannelId, device: DeviceId) -> Result<bool> {
        self.db
            .prepare_cached("DELETE FROM answers WHERE time_ms <= ?1")?
            .execute([self.now_ms.saturating_sub(HOUR_MS)])?;
        let answered: u64 = self
            .db
            .prepare_cached("SELECT count(*) FROM answers WHERE channel = ?1 AND device = ?2")?
            .query_row(params![channel.0, device.0], |row| row.get(0))?;
        if answered >= ANSWERS_PER_HOUR {
            return Ok(false);
        }
        self.db
            .prepare_cached("INSERT INTO answers (channel, device, time_ms) VALUES (?1, ?2, ?3)")?
            .execute(params![channel.0, device.0, self.now_ms])?;
        Ok(true)
    }

    /// After an archive: what it brought is missing no more, nor what its sharer says
    /// was never promised; the rest is asked of the next one.
    pub(super) fn close_gaps(&mut self, import: &Import) -> Result<()> {
        let (channel, last) = (import.channel, import.last_seq);
        let first = import.first_seq.min(import.promised_from);
        let gaps: Vec<Gap> = self
            .db
            .prepare_cached(
                "SELECT after_seq, until_seq, shown, tries FROM gaps WHERE channel = ?1
                 AND after_seq < ?3 AND until_seq >= ?2",
            )?
            .query_map(params![channel.0, first, last], |row| {
                Ok(Gap {
                    channel,
                    after_seq: row.get(0)?,
                    until_seq: row.get(1)?,
                    shown: row.get(2)?,
                    tries: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for gap in gaps {
            self.db
                .prepare_cached("DELETE FROM gaps WHERE channel = ?1 AND after_seq = ?2")?
                .execute(params![channel.0, gap.after_seq])?;
            for (after_seq, until_seq) in self.still_missing(import, &gap)? {
                self.db
                    .prepare_cached(
                        "INSERT OR REPLACE INTO gaps (channel, after_seq, until_seq, shown, tries,
                         next_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        channel.0,
                        after_seq,
                        until_seq,
                        gap.shown,
                        gap.tries,
                        self.now_ms
                    ])?;
            }
        }
        self.dirty = true;
        Ok(())
    }

    /// Stretches of a gap that an archive left open.
    fn still_missing(&self, import: &Import, gap: &Gap) -> Result<Vec<(u64, u64)>> {
        let mut open = Vec::new();
        // Before what was sent, from where on the person may have it.
        let from = gap.after_seq.max(import.promised_from - 1);
        if from < (import.first_seq - 1).min(gap.until_seq) {
            open.push((from, (import.first_seq - 1).min(gap.until_seq)));
        }
        let mut statement = self.db.prepare_cached(
            "SELECT DISTINCT n.seq FROM shown_notices n WHERE n.channel = ?1
             AND n.seq BETWEEN ?2 AND ?3 AND ((n.kind = 'omitted' AND n.detail = ?4)
                OR (n.kind = 'quarantined' AND ?2 = ?3))
             AND NOT EXISTS (SELECT 1 FROM shown_events e WHERE e.channel = n.channel
                AND e.seq = n.seq) ORDER BY n.seq",
        )?;
        let rows = statement.query_map(
            params![
                import.channel.0,
                import.first_seq.max(gap.after_seq + 1),
                import.last_seq.min(gap.until_seq),
                NOT_HELD
            ],
            |row| row.get::<_, u64>(0),
        )?;
        for seq in rows {
            let seq = seq?;
            match open.last_mut() {
                Some((_, until)) if *until + 1 == seq => *until = seq,
                _ => open.push((seq - 1, seq)),
            }
        }
        if import.last_seq < gap.until_seq {
            open.push((import.last_seq.max(gap.after_seq), gap.until_seq));
        }
        Ok(open)
    }

    /// The person whose device was asked last.
    pub(super) fn owner(&self, device: Option<[u8; 16]>) -> Option<ProfessionalId> {
        let device = self.structure.device(&DeviceId(device?))?;
        Some(device.professional)
    }
}
