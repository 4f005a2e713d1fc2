//! What the server knows of people, devices and threads: what a device shows is judged
//! by it.

use std::collections::BTreeSet;

use relais_core::engine::Trouble;
use relais_core::identity::Enrolment;
use relais_core::query::{EventState, ThreadState, TimelineBody, TimelineItem};
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};

use super::{Checked, Sim};

/// Where a person's device stands in a channel, by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything that is written is theirs.
    Member,
    /// Past the end of the membership, which a manager may prolong.
    Paused,
    /// Not in the roster, or the device does not stand.
    Outside,
}

impl Sim {
    /// The device's ids, and whether the structure log lets it in now.
    fn lets_in(&self, who: usize) -> Option<(ProfessionalId, DeviceId)> {
        let (person, device) = self.devices[who].identity?;
        let structure = self.host.structure();
        let valid = structure.valid_device(&device, structure.head().seq, self.host.now_ms());
        valid.map(|_| (person, device))
    }

    /// Whether the structure log revokes a device that was enrolled.
    pub(super) fn is_revoked(&self, who: usize) -> bool {
        let id = self.devices[who].identity.map(|(_, device)| device);
        let structure = self.host.structure();
        let known = id.and_then(|id| structure.device(&id));
        known.is_some_and(|device| device.revoked_seq.is_some())
    }

    /// Whether a structure log revoked it that a restore made forgotten.
    fn was_revoked(&self, who: usize) -> bool {
        let identity = self.devices[who].identity;
        identity.is_some_and(|identity| self.losses.revoked.contains(&identity))
    }

    /// Whether nobody confirmed a device in time: the server lets it in no more.
    pub(super) fn has_lapsed(&self, who: usize) -> bool {
        let id = self.devices[who].identity.map(|(_, device)| device);
        let known = id.is_some_and(|id| self.host.structure().device(&id).is_some());
        match known {
            true => !self.is_revoked(who) && self.lets_in(who).is_none(),
            // The server cannot take it again.
            false => {
                self.losses.structure && *self.devices[who].engine.enrolment() == Enrolment::Lapsed
            }
        }
    }

    /// Whether somebody joined whom the server has forgotten for good: what that ended, their
    /// earlier key, stands again.
    fn an_enrolment_is_lost(&self) -> bool {
        let structure = self.host.structure();
        (0..self.devices.len()).any(|who| {
            let id = self.devices[who].identity.map(|(_, device)| device);
            let known = id.is_some_and(|id| structure.device(&id).is_some());
            !known && self.has_lapsed(who)
        })
    }

    /// Whether a frozen device can go on by itself: it holds its person's present key.
    fn can_return(&self, who: usize) -> bool {
        let structure = self.host.structure();
        let holds = |(person, device): (ProfessionalId, DeviceId)| {
            let newest = structure.professional(&person)?.keys.len() - 1;
            Some(structure.device(&device)?.generation == newest)
        };
        let holds = self.devices[who].identity.and_then(holds);
        holds == Some(true) && !self.is_revoked(who)
    }

    /// What a device may show by what the server says of it.
    pub(super) fn is_grounded(&self, who: usize, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Wiped => self.is_revoked(who) || self.was_revoked(who),
            Trouble::Revoked => self.is_revoked(who) || self.has_lapsed(who),
            // A log that it left may have ended what the present one goes by: until a
            // coordinator revokes it by that (ADR 10).
            Trouble::StructureForked => {
                self.losses.structure && (self.losses.restores > 1 || self.an_enrolment_is_lost())
            }
            // It looks by the hour whether it was revoked, or a restored server has it again.
            Trouble::Lapsed => {
                let looks = self.is_revoked(who) || self.losses.structure;
                self.has_lapsed(who) || (looks && !self.an_hour_passed)
            }
            Trouble::Frozen => !self.can_return(who),
            // A full disk keeps it from going on.
            Trouble::ChannelStopped(channel) => {
                self.devices[who].disk_full || self.standing(who, *channel) == Standing::Outside
            }
            // What was proved holds until somebody can be asked again.
            Trouble::StructureWithheld => {
                let device = &self.devices[who];
                !device.online || device.disk_full || device.engine.is_frozen()
            }
            _ => false,
        }
    }

    /// See [`Standing`].
    pub(super) fn standing(&self, who: usize, channel: ChannelId) -> Standing {
        let Some((person, _)) = self.lets_in(who) else {
            return Standing::Outside;
        };
        let roster = self.host.roster(channel);
        let member = roster.and_then(|roster| roster.members.get(&person).cloned());
        match member {
            None => Standing::Outside,
            Some(member) if member.stands(self.host.now_ms()) => Standing::Member,
            Some(_) => Standing::Paused,
        }
    }

    /// A channel in which a lost change of the circle holds up what this device has to say.
    pub(super) fn waits_for_people(&self, who: usize) -> Option<ChannelId> {
        let lost = |item: &TimelineItem| {
            item.state == EventState::Lost
                && matches!(&item.body, TimelineBody::CircleChange { removed, .. } if !removed.is_empty())
        };
        let threads = self.devices[who].engine.threads().ok()?;
        let waits = |channel: &ChannelId| {
            let items = self.items(who, *channel).unwrap_or_default();
            items.iter().any(lost)
        };
        threads.into_iter().map(|t| t.channel).find(waits)
    }

    /// Whether a membership is past its end: the server sends nothing then, not even
    /// the new end.
    pub(super) fn is_paused(&self, who: usize, channel: ChannelId) -> bool {
        self.standing(who, channel) == Standing::Paused
    }

    /// What a paused member wants to send waits until the membership is renewed.
    pub(super) fn is_paused_somewhere(&self, who: usize) -> bool {
        let threads = self.devices[who].engine.threads().unwrap_or_default();
        threads.iter().any(|t| self.is_paused(who, t.channel))
    }

    /// Once everything is mended: who belongs into a channel is in it and has read all,
    /// who does not is out.
    pub(super) fn everybody_is_where_they_belong(&self) -> Checked {
        let mut channels = BTreeSet::new();
        for device in &self.devices {
            let threads = device.engine.threads().unwrap_or_default();
            channels.extend(threads.into_iter().map(|t| t.channel));
        }
        for channel in channels {
            let Some(head) = self.host.head(channel) else {
                continue; // Never left the device.
            };
            for (who, device) in self.devices.iter().enumerate() {
                let enrolled = self.devices[who].professional().is_some();
                if !enrolled || self.stands_still(device) {
                    continue;
                }
                let thread = device.engine.thread(channel).ok();
                let state = thread.as_ref().map(|t| &t.state);
                let shows = format!("device {who} shows {state:?} for {channel}");
                if state.is_some_and(|s| self.allowances.state(s)) {
                    continue;
                }
                match (self.standing(who, channel), state) {
                    (Standing::Member, Some(ThreadState::Joined)) => {
                        let seq = thread.map_or(0, |t| t.seq);
                        if seq != head {
                            return Err(format!("{shows}, at {seq} of {head}").into());
                        }
                    }
                    (Standing::Member, _) => {
                        return Err(format!("{shows} and is a member").into());
                    }
                    (Standing::Outside, Some(ThreadState::Joined))
                        if self.lets_in(who).is_some() =>
                    {
                        return Err(format!("{shows} and is no member").into());
                    }
                    (Standing::Outside | Standing::Paused, _) => {}
                }
            }
        }
        Ok(())
    }
}
