//! Saying again what a restored server has lost. Changes of the circle come first: who
//! was removed must be out before anybody says a word. An event is said again only to
//! those who were in the circle when it was said first.

use std::collections::BTreeSet;

use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::label::{Label, hash};
use relais_wire::roster::{CheckedRoster, Member};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::content::body_of;
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};
use crate::history::read_roster;
use crate::inbox::ChannelRow;
use crate::outbox::intent::{self, HexBytes, HexId, MemberWish, MembersChange, Wish};

/// The author of a lost change makes it again at once; other managers after this, and
/// up to as long again, each at another time.
const OTHERS_MS: u64 = 20_000;
/// Events wait so long for those to be added who had heard them.
const HEARERS_MS: u64 = 120_000;
/// Times that a device makes a lost change again before it leaves it to people.
const TRIES: u32 = 3;

/// A change of the circle that the server has lost.
#[derive(Debug, Default, Serialize, Deserialize)]
struct LostChange {
    add: Vec<MemberWish>,
    remove: Vec<HexId>,
}

/// What is to be done with an event that waits.
pub(crate) enum Hearing {
    /// It can go.
    Open,
    /// Somebody who heard it is not back yet.
    Waits,
    /// Somebody would hear it who was not in the circle then.
    Closed(ProfessionalId),
}

impl LostChange {
    /// `me`: one's own removal is for others to make again, and closes the thread here.
    fn between(before: &CheckedRoster, after: &CheckedRoster, me: ProfessionalId) -> Self {
        let wish = |(id, member): (&ProfessionalId, &Member)| MemberWish {
            professional: HexId(id.0),
            role: member.role.into(),
            expires_at_ms: member.expires_at_ms,
            note: HexBytes::default(), // It is an event of its own.
        };
        let changed =
            |(id, member): &(&ProfessionalId, &Member)| before.members.get(id) != Some(*member);
        let gone = before.members.keys();
        let gone = gone.filter(|id| !after.members.contains_key(id) && **id != me);
        Self {
            add: after.members.iter().filter(changed).map(wish).collect(),
            remove: gone.map(|id| HexId(id.0)).collect(),
        }
    }

    /// What was lost before and is not made again yet, where this change is silent.
    fn over(mut self, earlier: Self) -> Self {
        let named: BTreeSet<[u8; 16]> = self.people().collect();
        let silent = |id: &HexId| !named.contains(&id.0);
        let add = earlier.add.into_iter();
        self.add
            .extend(add.filter(|wish| silent(&wish.professional)));
        self.remove
            .extend(earlier.remove.into_iter().filter(silent));
        self
    }

    fn people(&self) -> impl Iterator<Item = [u8; 16]> {
        let add = self.add.iter().map(|wish| wish.professional.0);
        add.chain(self.remove.iter().map(|id| id.0))
    }

    /// What of it the circle still lacks.
    fn missing(self, roster: &CheckedRoster, now_ms: u64) -> Self {
        let member = |wish: &MemberWish| Member {
            role: wish.role(),
            expires_at_ms: wish.expires_at_ms,
        };
        let lacks = |wish: &MemberWish| {
            roster.members.get(&wish.professional()) != Some(&member(wish))
                && wish.expires_at_ms.is_none_or(|end| end > now_ms)
        };
        let within = |id: &HexId| roster.members.contains_key(&ProfessionalId(id.0));
        Self {
            add: self.add.into_iter().filter(lacks).collect(),
            remove: self.remove.into_iter().filter(within).collect(),
        }
    }
}

impl Engine {
    /// Takes the rosters out that only the lost log had, and notes what they changed.
    pub(super) fn lose_rosters(
        &mut self,
        channel: ChannelId,
        seq: u64,
        row: &ChannelRow,
    ) -> Result<()> {
        let earlier = self.lost_change(channel)?;
        // One without a place came with this device's joining.
        let joining_is_lost = seq < row.joined_seq;
        let lost: Vec<Vec<u8>> = self
            .db
            .prepare_cached(
                "DELETE FROM rosters WHERE channel = ?1 AND (seq > ?2 OR (?3 AND seq IS NULL
                    AND version > (SELECT coalesce(max(version), 0) FROM rosters r
                        WHERE r.channel = ?1 AND r.seq <= ?2)))
                 RETURNING signed",
            )?
            .query_map(params![channel.0, seq, joining_is_lost], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let lost: Vec<CheckedRoster> = lost
            .iter()
            .map(|signed| read_roster(signed))
            .collect::<Result<_>>()?;
        let after = lost.iter().max_by_key(|roster| roster.version);
        // Without a roster that remains nobody can tell what changed.
        let (Some(after), Ok(before)) = (after, self.roster(channel)) else {
            return Ok(());
        };
        let (me, own) = (self.identity()?.professional(), self.identity()?.device());
        let change = LostChange::between(&before, after, me).over(earlier);
        let first_ms = match lost.iter().any(|roster| roster.device == own) {
            true => 0,
            false => self.now_ms + OTHERS_MS + turn(channel, own) % OTHERS_MS,
        };
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO lost_changes (channel, change, version, tries, next_ms,
                 until_ms) VALUES (?1, ?2, ?3, 0, ?4, ?5)",
            )?
            .execute(params![
                channel.0,
                serde_json::to_vec(&change).map_err(|_| Error::Corrupt("lost change"))?,
                before.version,
                first_ms,
                self.now_ms + HEARERS_MS
            ])?;
        Ok(())
    }

    /// What the server has lost of a circle's changes and nobody has made again. A change
    /// that was made again is: what people change afterwards stands.
    fn lost_change(&self, channel: ChannelId) -> Result<LostChange> {
        let noted: Option<(Vec<u8>, u64)> = self
            .db
            .prepare_cached("SELECT change, version FROM lost_changes WHERE channel = ?1")?
            .query_row([channel.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((change, version)) = noted else {
            return Ok(LostChange::default());
        };
        let change: LostChange =
            serde_json::from_slice(&change).map_err(|_| Error::Corrupt("lost change"))?;
        let since: Vec<Vec<u8>> = self
            .db
            .prepare_cached("SELECT signed FROM rosters WHERE channel = ?1 AND version >= ?2")?
            .query_map(params![channel.0, version], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let now = self.log_now();
        since.iter().try_fold(change, |change, signed| {
            Ok(change.missing(&read_roster(signed)?, now))
        })
    }

    /// The people who were added and removed by what [`Self::lost_change`] says.
    pub(crate) fn lost_circle(
        &self,
        channel: ChannelId,
    ) -> Result<(Vec<ProfessionalId>, Vec<ProfessionalId>)> {
        let lost = self.lost_change(channel)?;
        let added = lost.add.iter().map(MemberWish::professional).collect();
        let removed = lost.remove.iter().map(|id| ProfessionalId(id.0)).collect();
        Ok((added, removed))
    }

    /// Makes lost changes of circles again where it is this device's turn. Returns the
    /// channels in which nothing may be said: somebody who was removed is back in.
    pub(crate) fn want_lost_changes(&mut self) -> Result<BTreeSet<ChannelId>> {
        let rows: Vec<([u8; 16], u32, u64)> = self
            .db
            .prepare_cached("SELECT channel, tries, next_ms FROM lost_changes")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut held = BTreeSet::new();
        for (channel, tries, next_ms) in rows {
            let channel = ChannelId(channel);
            // On its way back there is nothing to compare with.
            if !self.link.caught_up.contains(&channel) {
                held.insert(channel);
                continue;
            }
            let roster = match self.roster(channel) {
                // Its joining is lost too, and it stopped there: it knows no circle.
                Err(Error::Unknown(_)) => continue,
                roster => roster?,
            };
            let missing = self.lost_change(channel)?;
            if missing.add.is_empty() && missing.remove.is_empty() {
                self.db
                    .prepare_cached("DELETE FROM lost_changes WHERE channel = ?1")?
                    .execute([channel.0])?;
                continue;
            }
            if !missing.remove.is_empty() {
                held.insert(channel);
            }
            let change = MembersChange {
                add: missing.add,
                remove: missing.remove,
                ..MembersChange::default()
            };
            // Where no manager can be reached, somebody has to take the lead first.
            let circle = change.applied_to(&roster.members);
            let may = self.may_not_become(&roster, &circle)?.is_none();
            if !may || tries >= TRIES || self.is_changing(channel)? {
                continue;
            }
            if next_ms > self.now_ms {
                self.link.wake_for_lost(next_ms);
                continue;
            }
            self.want(Some(channel), Wish::Members(change))?;
            self.db
                .prepare_cached(
                    "UPDATE lost_changes SET tries = tries + 1, next_ms = ?2 WHERE channel = ?1",
                )?
                .execute(params![channel.0, self.now_ms + OTHERS_MS])?;
        }
        Ok(held)
    }

    /// Leaves the circle as the server has it: a change that a restore made forgotten, and
    /// that nobody who may has made again, is not wanted any more, and what waits here for
    /// it is said to whoever is in now. What was said once goes to nobody new all the same.
    ///
    /// # Errors
    /// [`Error::Unknown`] when no change is missing.
    pub fn accept_circle(&mut self, channel: ChannelId) -> Result<()> {
        let (added, removed) = self.lost_circle(channel)?;
        if added.is_empty() && removed.is_empty() {
            return Err(Error::Unknown("lost change of the circle"));
        }
        self.transaction(|engine| {
            engine
                .db
                .prepare_cached("DELETE FROM lost_changes WHERE channel = ?1")?
                .execute([channel.0])?;
            engine.dirty = true;
            engine.events.push_back(Event::ThreadChanged(channel));
            Ok(())
        })
    }

    /// Whether an act brings nobody in but who was lost: what waits for the circle to be
    /// as it was must not hold it up.
    pub(crate) fn mends_circle(&self, channel: ChannelId, wish: &Wish) -> Result<bool> {
        let change = match wish {
            Wish::Follow => return Ok(true),
            Wish::Members(change) => change,
            _ => return Ok(false),
        };
        let lost = self.lost_change(channel)?;
        let back = |wish: &MemberWish| {
            let again = |lost: &MemberWish| lost.professional() == wish.professional();
            lost.add.iter().any(again)
        };
        Ok(change.add.iter().all(back))
    }

    /// Whether a change that mends the circle is on its way. Another one may have to wait
    /// for it.
    fn is_changing(&self, channel: ChannelId) -> Result<bool> {
        for (waiting, state, _) in intent::unsettled(&self.db, channel)? {
            if matches!(waiting.wish, Wish::Members(_))
                && matches!(state.as_str(), "waiting" | "sent")
                && self.mends_circle(channel, &waiting.wish)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether those who would hear an event now are those who heard it first.
    pub(crate) fn hearing(&mut self, channel: ChannelId, event: EventId) -> Result<Hearing> {
        let Some(audience) = self.audience(channel, event)? else {
            return Ok(Hearing::Open); // It is said for the first time.
        };
        let roster = self.roster(channel)?;
        let newcomer = roster.members.keys().find(|id| !audience.contains(id));
        if let Some(newcomer) = newcomer {
            return Ok(Hearing::Closed(*newcomer));
        }
        let waits: Option<u64> = self
            .db
            .prepare_cached(
                "SELECT until_ms FROM lost_changes WHERE channel = ?1 AND until_ms > ?2",
            )?
            .query_row(params![channel.0, self.now_ms], |row| row.get(0))
            .optional()?;
        let Some(until_ms) = waits else {
            return Ok(Hearing::Open);
        };
        let missing = self.lost_change(channel)?;
        let heard = |wish: &MemberWish| audience.contains(&wish.professional());
        if missing.add.iter().any(heard) {
            self.link.wake_for_lost(until_ms);
            return Ok(Hearing::Waits);
        }
        Ok(Hearing::Open)
    }

    /// Whether what the event's author had seen last is of another log than this one.
    pub(crate) fn is_of_lost_log(&self, channel: ChannelId, signed: &[u8]) -> Result<bool> {
        let body = body_of(signed)?;
        if self.names_lost_structure(&body)? {
            return Ok(true);
        }
        if self.rollbacks(channel)?.is_empty() {
            return Ok(false); // Whatever else differs is a fork, for others to see.
        }
        let known = self.entry_hash(channel, body.last_seen_seq)?;
        Ok(body.last_seen_seq > 0 && known.is_none_or(|hash| hash != body.last_seen_hash))
    }

    /// Key packages that were claimed from the lost store are claimed again.
    pub(super) fn claim_again(&mut self, channel: ChannelId) -> Result<()> {
        for (waiting, state, _) in intent::unsettled(&self.db, channel)? {
            if let Wish::Members(mut change) = waiting.wish
                && matches!(state.as_str(), "waiting" | "sent")
                && change.claims > 0
            {
                change.claimed.clear();
                change.claims = 0;
                self.db
                    .prepare_cached("UPDATE intents SET payload = ?2 WHERE id = ?1")?
                    .execute(params![waiting.id, Wish::Members(change).encode()?])?;
            }
        }
        Ok(())
    }
}

/// A number by which devices take turns, the same for everybody.
pub(super) fn turn(channel: ChannelId, device: DeviceId) -> u64 {
    let place = hash(Label::LostTurn, &[channel.as_ref(), device.as_ref()]);
    place
        .iter()
        .take(4)
        .fold(0, |n, byte| n << 8 | u64::from(*byte))
}
