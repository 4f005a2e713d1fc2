//! What the devices of a world show, as text: for whoever looks for the cause of a
//! finding.

use std::collections::BTreeMap;

use relais_core::query::{ThreadRecord, TimelineBody, TimelineItem};
use relais_wire::ids::ProfessionalId;

use super::Sim;

impl Sim {
    /// Adds what has changed since it was last told, if it is told.
    pub(super) fn tell_what_changed(&mut self, trace: &mut Vec<String>) {
        if self.shown.is_none() {
            return;
        }
        let now = self.lines();
        let before = self.shown.replace(now.clone()).unwrap_or_default();
        let gone = before.keys().filter(|key| !now.contains_key(*key));
        trace.extend(gone.map(|key| format!("  - {key}")));
        let new = now
            .iter()
            .filter(|(key, line)| before.get(*key) != Some(line));
        trace.extend(new.map(|(key, line)| format!("  {key}: {line}")));
    }

    /// A line for each device and for what each shows, under a key that stays.
    fn lines(&self) -> BTreeMap<String, String> {
        let mut lines = BTreeMap::new();
        for (who, device) in self.devices.iter().enumerate() {
            let engine = &device.engine;
            let failed = engine.failed_acts().unwrap_or_default();
            let failed: Vec<_> = failed.into_iter().map(|f| (f.act, f.reason)).collect();
            let line = format!(
                "person {} online {} settled {} {:?} {:?} {:?} failed {failed:?}",
                self.person_of(device.professional()),
                device.online,
                self.is_settled(who),
                engine.enrolment(),
                engine.sync_state(),
                engine.troubles(),
            );
            lines.insert(format!("{who}"), line);
            for thread in engine.threads().unwrap_or_default() {
                self.thread_lines(who, &thread, &mut lines);
            }
        }
        lines
    }

    fn thread_lines(
        &self,
        who: usize,
        thread: &ThreadRecord,
        lines: &mut BTreeMap<String, String>,
    ) {
        let name = &thread.channel.to_string()[..6];
        let members = self.devices[who].engine.members(thread.channel);
        let members: Vec<_> = members
            .unwrap_or_default()
            .into_iter()
            .map(|member| self.person_of(Some(member.professional)))
            .collect();
        let line = format!(
            "{:?} at {} from {}, epoch {}.{}, members {}",
            thread.state,
            thread.seq,
            thread.joined_seq,
            thread.incarnation,
            thread.epoch,
            members.join(" "),
        );
        lines.insert(format!("{who} {name}"), line);
        for (row, item) in self.items(who, thread.channel).iter().flatten().enumerate() {
            let key = match (item.seq, &item.body) {
                (Some(seq), _) => format!("{who} {name} {seq:>3} {row:>3}"),
                (None, _) => format!("{who} {name}   - {row:>3}"),
            };
            lines.insert(key, self.item_line(item));
        }
    }

    fn item_line(&self, item: &TimelineItem) -> String {
        let author = self.person_of(Some(item.author));
        let body = match &item.body {
            TimelineBody::Event(event, kind) => {
                let kind = format!("{kind:?}");
                let kind = kind.split('(').next().unwrap_or_default();
                format!("{} {kind}", &event.to_string()[..8])
            }
            TimelineBody::Notice {
                kind,
                subject,
                detail,
            } => format!("{kind} {} {detail}", self.person_of(Some(*subject))),
            TimelineBody::CircleChange { .. } => format!("{:?}", item.body),
        };
        format!("{author}: {body} {:?}", item.state)
    }

    /// The first device that was this person's, or a part of the id.
    fn person_of(&self, person: Option<ProfessionalId>) -> String {
        let Some(person) = person else {
            return "-".to_owned();
        };
        let is_theirs = |d: &super::Device| d.identity.is_some_and(|(id, _)| id == person);
        match self.devices.iter().position(is_theirs) {
            Some(first) => format!("P{first}"),
            None => person.to_string()[..6].to_owned(),
        }
    }
}
