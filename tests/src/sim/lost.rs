//! What a restore of the server forgot, by comparing its logs of before and after: what
//! devices show afterwards is judged by it.

use std::collections::{BTreeMap, BTreeSet};

use prost::bytes::Bytes;
use relais_core::query::{EventState, TimelineBody};
use relais_server::store::MemoryDisk;
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};

use super::{Checked, Sim};

/// See the module's head.
#[derive(Debug, Default)]
pub struct Losses {
    /// How often the server was restored.
    pub restores: usize,
    /// Channels that a backup had not got.
    pub young: BTreeSet<ChannelId>,
    /// Statements of the structure log were forgotten.
    pub structure: bool,
    /// Devices that a log revoked which was forgotten since: they keep to it.
    pub revoked: BTreeSet<(ProfessionalId, DeviceId)>,
    /// Events that were shown as sent, and whose: the people in whose circle they were
    /// said. Nobody else may ever hear them because of a restore.
    heard: BTreeMap<(ChannelId, EventId), BTreeSet<ProfessionalId>>,
}

impl Sim {
    /// The server's disk is put back.
    pub(super) fn restore(&mut self, copy: &MemoryDisk) -> Checked<String> {
        let log = |channel| {
            let head = self.host.head(channel)?;
            Some((channel, (head, self.host.hashes(channel))))
        };
        let before: BTreeMap<ChannelId, (u64, BTreeMap<u64, Bytes>)> =
            self.channels().into_iter().filter_map(log).collect();
        let structure = self.host.structure().head();
        let heard = self.who_heard();
        for who in 0..self.devices.len() {
            if self.is_revoked(who) {
                self.losses.revoked.extend(self.devices[who].identity);
            }
        }
        self.host.restore(copy);
        self.allowances.restored();
        self.losses.restores += 1;
        let now = self.host.structure().head();
        self.losses.structure |= now != structure;
        let mut lost = 0;
        for (channel, (head, log)) in before {
            let after = self.host.hashes(channel);
            let restored = self.host.head(channel);
            if restored.is_none() {
                self.losses.young.insert(channel);
            }
            // What is trimmed was the same.
            let differs =
                |(seq, hash): &(&u64, &Bytes)| log.get(seq).is_some_and(|before| before != *hash);
            let kept = match after.iter().find(differs) {
                Some((seq, _)) => seq - 1,
                None => restored.unwrap_or_default().min(head),
            };
            lost += head - kept;
            if head > kept {
                let lost = heard
                    .iter()
                    .filter(|(of, seq, ..)| *of == channel && *seq > kept);
                for (_, _, event, people) in lost {
                    let heard = self.losses.heard.entry((channel, *event));
                    heard.or_insert_with(|| people.clone());
                }
                self.server_lost(channel, kept)?;
            }
        }
        Ok(format!(
            "{lost} entries, {} statements lost",
            structure.seq.saturating_sub(now.seq)
        ))
    }

    /// Channels that anybody knows.
    pub(super) fn channels(&self) -> BTreeSet<ChannelId> {
        let threads = self.devices.iter().map(|device| device.engine.threads());
        let threads = threads.flat_map(Result::unwrap_or_default);
        threads.map(|thread| thread.channel).collect()
    }

    fn server_lost(&mut self, channel: ChannelId, kept: u64) -> Checked {
        for who in 0..self.devices.len() {
            let shown = self.items(who, channel).unwrap_or_default();
            let device = &mut self.devices[who];
            device.ledger.server_lost(channel, kept, &shown);
            // Both begin again from what is left.
            device.epochs.remove(&channel);
            if let Some(delivered) = device.delivered.get_mut(&channel) {
                delivered.split_off(&(kept + 1));
            }
        }
        Ok(())
    }

    /// Each event that its author sees as sent, and in whose circle it was said. What a
    /// copy of the device has still to say is said within the circle of then.
    fn who_heard(&self) -> Vec<(ChannelId, u64, EventId, BTreeSet<ProfessionalId>)> {
        let mut events = Vec::new();
        let mut waiting = BTreeSet::new();
        // Whoever shows it has heard it, also when the log was trimmed since.
        let mut shown: BTreeMap<(ChannelId, EventId), BTreeSet<ProfessionalId>> = BTreeMap::new();
        for (who, device) in self.devices.iter().enumerate() {
            let me = device.professional();
            for thread in device.engine.threads().unwrap_or_default() {
                for item in self.items(who, thread.channel).unwrap_or_default() {
                    let TimelineBody::Event(event, _) = item.body else {
                        continue;
                    };
                    if matches!(item.state, EventState::Sent { .. }) {
                        let people = shown.entry((thread.channel, event)).or_default();
                        people.extend(me);
                    }
                    match (item.seq, &item.state) {
                        (Some(seq), EventState::Sent { .. }) if Some(item.author) == me => {
                            let within = self.within(who, thread.channel, seq);
                            events.push((thread.channel, seq, event, within));
                        }
                        (None, _) => {
                            waiting.insert(event);
                        }
                        _ => {}
                    }
                }
            }
        }
        events.retain(|(_, _, event, _)| !waiting.contains(event));
        for (channel, _, event, people) in &mut events {
            people.extend(shown.remove(&(*channel, *event)).unwrap_or_default());
        }
        events
    }

    /// People in whose circle an entry was written: those of the devices that it is for,
    /// and those who are in the circle and were not added since, by what a device saw.
    fn within(&self, by: usize, channel: ChannelId, seq: u64) -> BTreeSet<ProfessionalId> {
        let devices = self.devices.iter().filter_map(|device| device.identity);
        let mut people: BTreeSet<ProfessionalId> = devices
            .filter(|(_, device)| self.host.covers(channel, *device, seq))
            .map(|(person, _)| person)
            .collect();
        let items = self.items(by, channel).unwrap_or_default();
        let later = items.into_iter().filter(|item| item.seq > Some(seq));
        let added: BTreeSet<ProfessionalId> = later
            .filter_map(|item| match item.body {
                TimelineBody::Notice { kind, subject, .. } if kind == "added" => Some(subject),
                _ => None,
            })
            .collect();
        let roster = self.host.roster(channel);
        let members = roster
            .into_iter()
            .flat_map(|roster| roster.members.into_keys());
        people.extend(members.filter(|person| !added.contains(person)));
        people
    }

    /// What was lost and said again reached nobody who had not heard it before.
    pub(super) fn nothing_was_said_again_to_others(&self) -> Checked {
        for (who, device) in self.devices.iter().enumerate() {
            let Some(me) = device.professional() else {
                continue;
            };
            for thread in device.engine.threads().unwrap_or_default() {
                for item in self.items(who, thread.channel)? {
                    let TimelineBody::Event(event, _) = item.body else {
                        continue;
                    };
                    // What came before was given by a colleague.
                    let live = item.seq.is_some_and(|seq| seq > thread.joined_seq);
                    let heard = self.losses.heard.get(&(thread.channel, event));
                    if live && heard.is_some_and(|heard| !heard.contains(&me)) {
                        let text = format!("device {who} was told {event}, said to others");
                        return Err(text.into());
                    }
                }
            }
        }
        Ok(())
    }
}
