//! What must hold whenever the world is at rest (ARCHITECTURE.md, "Invariants").

use std::collections::{BTreeMap, BTreeSet};

use relais_core::engine::Trouble;
use relais_core::identity::Enrolment;
use relais_core::query::{ProjectionRow, ThreadRecord, ThreadState, TimelineBody, TimelineItem};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId};

use super::truth::Standing;
use super::{Checked, PLANTED, Sim};

/// A member's device and the thread as it has it.
type Member = (usize, ThreadRecord);

impl Sim {
    /// Everything that holds at every rest.
    pub(super) fn check(&mut self) -> Checked {
        if self.losses.restores == 0 && self.host.believes_it_was_restored() {
            return Err("the server takes itself for restored".to_owned().into());
        }
        self.only_what_is_allowed_stands_still()?;
        for who in 0..self.devices.len() {
            let device = &mut self.devices[who];
            if device.engine.troubles().contains(&Trouble::Wiped) {
                device.ledger = Default::default();
            }
            let again = self.allowances.divergence() || self.allowances.shows_more(who);
            let checked = device.ledger.check(&device.engine, again);
            checked.map_err(|v| format!("device {who}: {}", v.0))?;
        }
        self.nothing_was_said_again_to_others()?;
        for (channel, members) in self.members() {
            self.epochs_agree(channel, &members)?;
            if !self.allowances.divergence() {
                self.projections_agree(channel, &members)?;
                self.everything_arrived(channel, &members)?;
                self.nothing_arrived_outside_a_span(channel, &members)?;
            }
        }
        Ok(())
    }

    /// What holds once everything is mended and everybody is online.
    pub(super) fn check_at_rest(&mut self) -> Checked {
        if self.allowances.divergence() {
            return Ok(());
        }
        self.everybody_is_where_they_belong()
    }

    /// What holds of the server's disk.
    pub(super) fn check_the_end(&self) -> Checked {
        if self.host.shows(PLANTED.as_bytes()) {
            return Err("the server's disk shows what people wrote"
                .to_owned()
                .into());
        }
        Ok(())
    }

    /// Devices that are in a channel, are online, and are not paused.
    fn members(&self) -> BTreeMap<ChannelId, Vec<Member>> {
        let mut channels: BTreeMap<ChannelId, Vec<Member>> = BTreeMap::new();
        for (who, device) in self.devices.iter().enumerate() {
            if self.stands_still(device) {
                continue;
            }
            for thread in device.engine.threads().unwrap_or_default() {
                if thread.state == ThreadState::Joined && !self.is_paused(who, thread.channel) {
                    let members = channels.entry(thread.channel).or_default();
                    members.push((who, thread));
                }
            }
        }
        channels
    }

    /// Whether a device can do nothing, or not all, until something is mended.
    pub(super) fn stands_still(&self, device: &super::Device) -> bool {
        // What was proved to be false is not read on from.
        let forked =
            |t: &Trouble| matches!(t, Trouble::StructureForked | Trouble::ChannelForked(_));
        let forked = device.engine.troubles().iter().any(forked);
        !device.online
            || device.disk_full
            || forked
            || device.faults.is_lying()
            || device.engine.is_frozen()
    }

    fn only_what_is_allowed_stands_still(&self) -> Checked {
        for (who, device) in self.devices.iter().enumerate() {
            for trouble in device.engine.troubles() {
                let allowed =
                    self.is_grounded(who, trouble) || self.allowances.trouble(who, trouble);
                if !allowed && !device.faults.is_lying() {
                    let threads = device.engine.threads().unwrap_or_default();
                    let states: Vec<_> = threads.into_iter().map(|t| t.state).collect();
                    return Err(format!("device {who} shows {trouble:?}, {states:?}").into());
                }
            }
            if self.stands_still(device) {
                continue;
            }
            for thread in device.engine.threads().unwrap_or_default() {
                let plain = match &thread.state {
                    ThreadState::Joined | ThreadState::Removed => true,
                    // A restored device may not know that it was removed.
                    ThreadState::Stopped(_) => {
                        self.standing(who, thread.channel) == Standing::Outside
                    }
                    // It waits, like all that was written, for a new invitation; the device
                    // knows it once its own clock says so.
                    ThreadState::Creating | ThreadState::Rejoining(_)
                        if self.has_lapsed(who)
                            || *device.engine.enrolment() == Enrolment::Lapsed =>
                    {
                        true
                    }
                    ThreadState::Creating => false,
                    // So it does where a membership is over by the server's clock alone.
                    ThreadState::Rejoining(_) => {
                        self.allowances.is_dated_ahead()
                            && self.standing(who, thread.channel) == Standing::Paused
                    }
                    ThreadState::Ended => self.standing(who, thread.channel) != Standing::Member,
                };
                if !plain && !self.allowances.state(&thread.state) {
                    let text = format!("device {who}: {} is {:?}", thread.channel, thread.state);
                    return Err(text.into());
                }
            }
        }
        Ok(())
    }

    /// Invariants 2 and 7: the same epoch of a group means the same authenticator, and no device goes back.
    fn epochs_agree(&mut self, channel: ChannelId, members: &[Member]) -> Checked {
        let mut seen: BTreeMap<(u32, u64), Vec<u8>> = BTreeMap::new();
        for (who, thread) in members {
            let device = &mut self.devices[*who];
            let (epoch, authenticator) = device.engine.epoch_authenticator(channel)?;
            let epoch = (thread.incarnation, epoch);
            let before = device.epochs.insert(channel, epoch).unwrap_or_default();
            if epoch < before {
                let text = format!("device {who} went from epoch {before:?} to {epoch:?}");
                return Err(text.into());
            }
            let first = seen.entry(epoch).or_insert_with(|| authenticator.clone());
            if *first != authenticator && !self.allowances.divergence() {
                return Err(format!("device {who} is in another epoch {epoch:?}").into());
            }
        }
        Ok(())
    }

    /// Invariant 3: the same sequence means the same projection, from the later joiner on.
    fn projections_agree(&self, channel: ChannelId, members: &[Member]) -> Checked {
        let members = members
            .iter()
            .filter(|(who, _)| !self.allowances.shows_more(*who));
        let Some((first, reference)) = members.clone().min_by_key(|(_, t)| t.joined_seq) else {
            return Ok(());
        };
        for (who, thread) in members.filter(|(_, t)| t.seq == reference.seq) {
            let hash = |who: &usize| {
                let engine = &self.devices[*who].engine;
                engine.projection_hash(channel, thread.joined_seq)
            };
            let after = thread.joined_seq;
            if hash(who)? != hash(first)?
                && !self.differ_in_place_alone(channel, after, *who, *first)?
            {
                let text = format!("devices {first} and {who} show {channel} differently");
                return Err(text.into());
            }
        }
        Ok(())
    }

    /// Whether two devices differ in nothing but the place of what was said twice: whoever
    /// was not there at first shows it where it came again. A returned device says events
    /// again; and a person may acknowledge a handover twice.
    fn differ_in_place_alone(
        &self,
        channel: ChannelId,
        after_seq: u64,
        one: usize,
        other: usize,
    ) -> Checked<bool> {
        let rows = |who: usize, after_seq| -> Checked<BTreeSet<ProjectionRow>> {
            let engine = &self.devices[who].engine;
            let rows = engine.projection_rows(channel, after_seq)?;
            Ok(rows.into_iter().collect())
        };
        let places = |who| -> Checked<BTreeMap<_, u64>> {
            let rows = rows(who, 0)?.into_iter();
            Ok(rows
                .filter_map(|row| Some((row.subject()?, row.seq)))
                .collect())
        };
        let (here, there) = (places(one)?, places(other)?);
        let both = here
            .iter()
            .filter_map(|(said, seq)| Some((*seq, *there.get(said)?)));
        let moved: BTreeSet<u64> = both
            .filter(|(here, there)| here != there)
            .flat_map(|(here, there)| [here, there])
            .collect();
        let (here, there) = (rows(one, after_seq)?, rows(other, after_seq)?);
        let mut differing = here.symmetric_difference(&there);
        Ok(differing.all(|row| moved.contains(&row.seq)))
    }

    pub(super) fn items(&self, who: usize, channel: ChannelId) -> Checked<Vec<TimelineItem>> {
        Ok(self.devices[who].engine.timeline(channel, 0, usize::MAX)?)
    }

    /// Invariant 1: every event that one device has, all have whose span covers it, once.
    fn everything_arrived(&self, channel: ChannelId, members: &[Member]) -> Checked {
        let mut all: BTreeMap<u64, EventId> = BTreeMap::new();
        let mut had: Vec<BTreeMap<u64, EventId>> = Vec::new();
        for (who, _) in members {
            let mut mine = BTreeMap::new();
            for item in self.items(*who, channel)? {
                let (Some(seq), TimelineBody::Event(event, _)) = (item.seq, item.body) else {
                    continue;
                };
                // Said again by a returned device, it is shown to the others where it was
                // said first.
                let expected = match self.allowances.shows_more(*who) {
                    true => all.get(&seq).copied().unwrap_or(event),
                    false => *all.entry(seq).or_insert(event),
                };
                if mine.insert(seq, event).is_some() || expected != event {
                    return Err(format!("device {who}: two events at {seq} of {channel}").into());
                }
            }
            had.push(mine);
        }
        for ((who, thread), mine) in members.iter().zip(&had) {
            let after_joining = all.range(thread.joined_seq + 1..);
            for (seq, event) in after_joining.take_while(|(seq, _)| **seq <= thread.seq) {
                // What is said again is shown once, where it was first read.
                let known = mine.values().any(|mine| mine == event)
                    || self.is_retold(channel, *seq, members)?
                    || self.says_that_it_misses(*who, channel, *seq)?;
                if !known {
                    let text = format!("device {who} has not {event} at {seq} of {channel}");
                    return Err(text.into());
                }
            }
        }
        Ok(())
    }

    /// A gap, or an entry that did not hold, is shown in its place.
    fn says_that_it_misses(&self, who: usize, channel: ChannelId, seq: u64) -> Checked<bool> {
        if !self.allowances.shows_more(who) {
            return Ok(false);
        }
        let engine = &self.devices[who].engine;
        let missing = engine.history(channel)?.missing;
        let quarantined = |item: TimelineItem| {
            let is_notice =
                matches!(&item.body, TimelineBody::Notice { kind, .. } if kind == "quarantined");
            item.seq == Some(seq) && is_notice
        };
        let gap = missing
            .iter()
            .any(|m| m.after_seq < seq && seq <= m.until_seq);
        Ok(gap || self.items(who, channel)?.into_iter().any(quarantined))
    }

    fn is_retold(&self, channel: ChannelId, seq: u64, members: &[Member]) -> Checked<bool> {
        use relais_content::v1::content::Kind;
        for (who, _) in members {
            for item in self.items(*who, channel)? {
                if item.seq == Some(seq)
                    && let TimelineBody::Event(_, kind) = &item.body
                {
                    return Ok(matches!(
                        **kind,
                        Kind::ThreadOpened(_) | Kind::PatientHeader(_)
                    ));
                }
            }
        }
        Ok(false)
    }

    /// Invariant 4: nothing arrived at a device but what the log, as the longest member knows
    /// it, says is theirs.
    fn nothing_arrived_outside_a_span(&self, channel: ChannelId, members: &[Member]) -> Checked {
        let Some((first, reference)) = members.iter().min_by_key(|(_, t)| t.joined_seq) else {
            return Ok(());
        };
        // For each person: the changes of their membership, in order.
        let mut spans: BTreeMap<ProfessionalId, Vec<(u64, bool)>> = BTreeMap::new();
        for item in self.items(*first, channel)? {
            if let (Some(seq), TimelineBody::Notice { kind, subject, .. }) = (item.seq, item.body) {
                match kind.as_str() {
                    "created" | "added" => spans.entry(subject).or_default().push((seq, true)),
                    "removed" => spans.entry(subject).or_default().push((seq, false)),
                    _ => {}
                }
            }
        }
        let opener = reference.joined_seq <= 1;
        let longest = self.devices[*first].professional();
        for (who, device) in self.devices.iter().enumerate() {
            let (Some(person), Some(delivered)) =
                (device.professional(), device.delivered.get(&channel))
            else {
                continue;
            };
            if Some(person) == longest && !opener {
                continue; // Nobody is here who saw it come back.
            }
            let changes = spans.get(&person).map(Vec::as_slice).unwrap_or_default();
            let later = delivered.range(reference.joined_seq + 1..);
            for seq in later.take_while(|seq| **seq <= reference.seq) {
                let before = changes.iter().rev().find(|(at, _)| at < seq);
                let inside = match before {
                    Some((_, joined)) => *joined,
                    // The longest member itself, or whoever was there before it.
                    None => Some(person) == longest || !opener,
                };
                if !inside {
                    let text = format!("device {who} was sent {seq} of {channel}, not its own");
                    return Err(text.into());
                }
            }
        }
        Ok(())
    }
}
