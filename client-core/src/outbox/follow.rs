//! Leaves follow the truth, whoever is online first (architecture D11, D12): devices
//! that were revoked and people whose membership has ended are removed from the
//! group by any member who may, after a delay that differs from device to device, so
//! that usually exactly one does it. Managers come first: they also drop from the
//! roster whoever has left.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::LeafNodeIndex;
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::label::{Label, hash};
use relais_wire::mls::{Leaf, leaves};
use relais_wire::roster::{CheckedRoster, Member, Operation, has_lasting_manager};
use rusqlite::params;

use super::intent::Wish;
use super::stage::Staged;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// The first in line acts after this; each further one a step later.
const FIRST_MS: u64 = 1_000;
const STEP_MS: u64 = 4_000;
/// However long the line is: somebody acts within a minute of being online.
const LAST_MS: u64 = 45_000;
/// What only time changes (an enrolment that lapses) is looked at so often.
const AGAIN_MS: u64 = 3_600_000;

/// When each channel is looked at; forgotten with the connection.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    structure_seq: u64,
    at_ms: BTreeMap<ChannelId, u64>,
    /// Whose turn has come for exactly this group and structure log.
    due: BTreeMap<ChannelId, Due>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    epoch: (u32, u64),
    structure_seq: u64,
    at_ms: u64,
}

impl Followed {
    /// The channel is looked at with the next step.
    pub(crate) fn look_at(&mut self, channel: ChannelId) {
        self.at_ms.insert(channel, 0);
    }

    /// When the next one is due.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.at_ms.values().copied().min()
    }
}

impl Engine {
    /// Wants to remove the leaves that must go where it is this device's turn.
    pub(super) fn want_follow(&mut self) -> Result<()> {
        let seq = self.structure.head().seq;
        if std::mem::replace(&mut self.link.followed.structure_seq, seq) != seq {
            for channel in self.link.caught_up.clone() {
                self.link.followed.look_at(channel);
            }
        }
        let now = self.now_ms;
        let at_ms = &self.link.followed.at_ms;
        let due = at_ms.iter().filter(|(_, at)| **at <= now);
        let due: Vec<ChannelId> = due.map(|(channel, _)| *channel).collect();
        for channel in due {
            self.link.followed.at_ms.remove(&channel);
            let joined = |state: &str| state == "joined";
            let row = self.channel_row(channel)?;
            let Some(row) = row.filter(|row| joined(&row.state)) else {
                continue;
            };
            if !self.link.caught_up.contains(&channel) {
                continue; // Looked at once it is.
            }
            let next = self.look_at_leaves(channel, (row.incarnation, row.epoch))?;
            self.link.followed.at_ms.insert(channel, next);
        }
        Ok(())
    }

    /// What was refused again and again waits until the group or the structure log moves,
    /// or for the next hour.
    pub(super) fn follow_later(&mut self, channel: ChannelId) {
        let at_ms = self.now_ms + AGAIN_MS;
        self.link.followed.at_ms.insert(channel, at_ms);
    }

    /// Acts if it is time; when to look again.
    fn look_at_leaves(&mut self, channel: ChannelId, epoch: (u32, u64)) -> Result<u64> {
        let later = self.now_ms + AGAIN_MS;
        let roster = self.roster(channel)?;
        let now = self.log_now();
        let ends = roster.members.values().filter_map(|m| m.expires_at_ms);
        let next_end = ends.filter(|end| *end > now).min();
        let next_end = next_end.map(|end| self.now_ms + (end - now));
        let later = next_end.map_or(later, |end| end.min(later));
        let group = match self.take_group(channel) {
            // Found out, and come back from, when something is sent or read.
            Err(Error::Corrupt("group")) => return Ok(later),
            group => group?,
        };
        let all = leaves(group.public_group()).map_err(Error::mls)?;
        self.keep_group(channel, group);
        let (gone, stay): (Vec<&Leaf>, Vec<&Leaf>) =
            all.iter().partition(|leaf| self.must_go(&roster, leaf));
        let me = self.identity()?.device();
        let may = |leaf: &Leaf, operation| roster.may(&leaf.professional, operation, now).is_ok();
        let manages = |leaf: &Leaf| may(leaf, Operation::ChangeRoster);
        let changes = self.who_stays(&roster) != roster.members;
        let mut line: Vec<(bool, [u8; 32], DeviceId)> = stay
            .iter()
            .filter(|leaf| match gone.is_empty() {
                true => changes && manages(leaf),
                false => may(leaf, Operation::FollowRoster),
            })
            .map(|leaf| {
                let place = place(channel, epoch, leaf.device);
                (!manages(leaf), place, leaf.device)
            })
            .collect();
        line.sort_unstable();
        let Some(rank) = line.iter().position(|(_, _, device)| *device == me) else {
            self.link.followed.due.remove(&channel);
            return Ok(later);
        };
        let found = Due {
            epoch,
            structure_seq: self.structure.head().seq,
            at_ms: self.now_ms + (FIRST_MS + STEP_MS * rank as u64).min(LAST_MS),
        };
        let same =
            |due: &&Due| (due.epoch, due.structure_seq) == (found.epoch, found.structure_seq);
        let due = *self
            .link
            .followed
            .due
            .get(&channel)
            .filter(same)
            .unwrap_or(&found);
        if due.at_ms > self.now_ms {
            self.link.followed.due.insert(channel, due);
            return Ok(due.at_ms.min(later));
        }
        self.link.followed.due.remove(&channel);
        let wanted: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM intents WHERE channel = ?1 AND kind = 'follow'
                 AND state IN ('waiting', 'sent'))",
            )?
            .query_row(params![channel.0], |row| row.get(0))?;
        if !wanted {
            self.want(Some(channel), Wish::Follow)?;
        }
        // Refused, it is tried again after the whole line had its turn.
        Ok((self.now_ms + LAST_MS).min(later))
    }

    /// Whether a leaf has no ground to stay: its device's chain does not hold any
    /// more, or its owner's membership has ended.
    fn must_go(&self, roster: &CheckedRoster, leaf: &Leaf) -> bool {
        let (seq, now) = (self.structure.head().seq, self.log_now());
        let valid = self
            .structure
            .valid_device(&leaf.device, seq, now)
            .is_some();
        !valid || roster.standing(&leaf.professional, now).is_none()
    }

    /// The members without those who have left the structure or whose membership has
    /// ended; all of them where nobody who manages for good would be left.
    fn who_stays(&self, roster: &CheckedRoster) -> BTreeMap<ProfessionalId, Member> {
        let now = self.log_now();
        let here = |id: &ProfessionalId| {
            let person = self.structure.professional(id);
            person.is_some_and(|person| person.present().is_some())
        };
        let mut members = roster.members.clone();
        members.retain(|id, member| member.stands(now) && here(id));
        match has_lasting_manager(&members) {
            true => members,
            false => roster.members.clone(),
        }
    }

    /// Stages the removal of the leaves that must go; a manager drops those who have
    /// left from the roster with it.
    pub(super) fn stage_follow(
        &mut self,
        intent: i64,
        channel: ChannelId,
        counter: u64,
    ) -> Result<Option<Staged>> {
        let prior = self.roster(channel)?;
        let group = self.take_group(channel)?;
        let all = leaves(group.public_group()).map_err(Error::mls)?;
        let me = self.identity()?.professional();
        let now = self.log_now();
        let may = |operation| prior.may(&me, operation, now).is_ok();
        let gone: Vec<&Leaf> = all.iter().filter(|l| self.must_go(&prior, l)).collect();
        let own = self.identity()?.device();
        let members = self.who_stays(&prior);
        let changes = members != prior.members && may(Operation::ChangeRoster);
        let nothing = gone.is_empty() && !changes;
        if nothing || !may(Operation::FollowRoster) || gone.iter().any(|l| l.device == own) {
            self.keep_group(channel, group);
            self.settle(intent)?;
            return Ok(None);
        }
        let removed: BTreeSet<u32> = gone.iter().filter_map(|leaf| leaf.index).collect();
        let roster = changes
            .then(|| self.next_roster(channel, &prior, &members))
            .transpose()?;
        let removed = removed.into_iter().map(LeafNodeIndex::new).collect();
        self.stage_commit(channel, group, counter, Vec::new(), removed, roster)
            .map(Some)
    }
}

/// A device's place in the line: another one in each epoch, the same for everybody.
fn place(channel: ChannelId, (incarnation, epoch): (u32, u64), device: DeviceId) -> [u8; 32] {
    hash(
        Label::FollowOrder,
        &[
            channel.as_ref(),
            &incarnation.to_be_bytes(),
            &epoch.to_be_bytes(),
            device.as_ref(),
        ],
    )
}
