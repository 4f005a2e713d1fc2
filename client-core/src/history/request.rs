//! Asking for what is missing: first the person's own other devices, then colleagues',
//! one after the other, with pauses that grow and an end that is shown. Whoever is
//! asked answers by themselves.

use relais_content::v1::{HistoryDeclined, HistoryRequest, sealed_body};
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::roster::Operation;
use rusqlite::params;

use super::promise::NEVER;
use crate::engine::{Engine, Event, Phase};
use crate::error::{Denial, Error, Result};

/// First pause for an answer, doubled with each round through all who may be asked.
const ANSWER_MS: u64 = 2 * 60_000;
/// Pause where a channel must be caught up before anything is asked in it.
const BLOCKED_MS: u64 = 1_000;
/// Rounds before it is said that nobody has it.
const ROUNDS: u32 = 3;
/// Devices asked for a single entry.
const ASKED_FOR_ONE: u32 = 4;

/// Any answer ends here: asked no more.
pub(super) const GIVEN_UP: u64 = NEVER;

/// A row of the gaps table.
pub(super) struct Gap {
    pub channel: ChannelId,
    pub after_seq: u64,
    pub until_seq: u64,
    pub shown: bool,
    pub tries: u32,
}

impl Engine {
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

    /// Asks everybody anew for what a thread shows as had by nobody any more: somebody
    /// may be back who has it. How many stretches that are.
    ///
    /// # Errors
    /// [`Error::Unknown`] thread, [`Error::NotAllowed`] when there is none.
    pub fn ask_history_again(&mut self, channel: ChannelId) -> Result<usize> {
        self.require_unfrozen()?;
        self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let again = self
            .db
            .prepare_cached(
                "UPDATE gaps SET tries = 0, asked = NULL, next_ms = ?2
                 WHERE channel = ?1 AND shown = 1 AND next_ms = ?3",
            )?
            .execute(params![channel.0, self.now_ms, GIVEN_UP])?;
        if again == 0 {
            return Err(Error::NotAllowed(Denial::NothingGivenUp));
        }
        self.dirty = true;
        self.events.push_back(Event::ThreadChanged(channel));
        Ok(again)
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

    /// What waits for longer than `latest` is asked for now: the clock was put back.
    pub(crate) fn bound_requests(&self, latest: u64) -> Result<()> {
        self.db
            .prepare_cached("UPDATE gaps SET next_ms = ?1 WHERE next_ms > ?2 AND next_ms < ?3")?
            .execute([self.now_ms, latest, GIVEN_UP])?;
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
        let Ok(channel) = ChannelId::try_from(&declined.channel_id) else {
            return Ok(());
        };
        if self.knows_promises(channel, sender)? {
            self.was_never_promised(channel, sender, declined.promised_from)?;
        }
        self.ask_next(channel, sender)
    }

    /// Managers promise the past, and one's own devices have no reason to hide it.
    fn knows_promises(&self, channel: ChannelId, device: DeviceId) -> Result<bool> {
        let Some(device) = self.structure.device(&device) else {
            return Ok(false);
        };
        if device.professional == self.identity()?.professional() {
            return Ok(true);
        }
        let roster = match self.roster(channel) {
            // Whoever is of the structure can write of threads that nobody knows here.
            Err(Error::Unknown(_)) => return Ok(false),
            roster => roster?,
        };
        let manages = roster.may(&device.professional, Operation::ChangeRoster, self.now_ms);
        Ok(manages.is_ok())
    }

    /// Of the gaps that `asked` was asked for, what lies before `from` is no gap.
    fn was_never_promised(&mut self, channel: ChannelId, asked: DeviceId, from: u64) -> Result<()> {
        let before = from.saturating_sub(1).min(NEVER);
        for sql in [
            "DELETE FROM gaps WHERE channel = ?1 AND asked = ?2 AND until_seq <= ?3",
            "UPDATE OR REPLACE gaps SET after_seq = ?3
             WHERE channel = ?1 AND asked = ?2 AND after_seq < ?3",
        ] {
            self.db
                .prepare_cached(sql)?
                .execute(params![channel.0, asked.0, before])?;
        }
        self.events.push_back(Event::ThreadChanged(channel));
        Ok(())
    }

    /// The person whose device was asked last.
    pub(super) fn owner(&self, device: Option<[u8; 16]>) -> Option<ProfessionalId> {
        let device = self.structure.device(&DeviceId(device?))?;
        Some(device.professional)
    }
}
