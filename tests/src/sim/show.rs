//! What the devices of a world show, as text: for whoever looks for the cause of a
//! finding.

use std::collections::BTreeMap;

use relais_core::query::{ThreadRecord, TimelineBody, TimelineItem};
use relais_wire::ids::{ChannelId, ProfessionalId};

use super::Sim;

/// Projections that devices must agree on: a key and what stands under it.
const FOLDED: &[(&str, &str)] = &[
    (
        "event",
        "SELECT printf('%4d', seq), lower(hex(substr(event_id, 1, 4)))
             || ' of ' || lower(hex(substr(device, 1, 4))) || ' kind ' || kind
             || ' signed ' || lower(hex(substr(signed, -4))) || ' at ' || time_ms
         FROM shown_events WHERE channel = ?1",
    ),
    (
        "notice",
        "SELECT printf('%4d.%d', seq, part), kind || ' ' || detail || ' at ' || time_ms
         FROM shown_notices WHERE channel = ?1",
    ),
    (
        "circle",
        "SELECT lower(hex(substr(professional, 1, 4))), seq || ' ' || lower(hex(note))
         FROM circle WHERE channel = ?1",
    ),
    (
        "task",
        "SELECT lower(hex(substr(task, 1, 4))), seq || ' ' || status || ' ' || changed_ms
         FROM tasks WHERE channel = ?1",
    ),
    (
        "read",
        "SELECT lower(hex(substr(professional, 1, 4))), CAST(seq AS TEXT)
         FROM reads WHERE channel = ?1",
    ),
];

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
        self.folded_lines(who, thread.channel, lines);
        for (row, item) in self.items(who, thread.channel).iter().flatten().enumerate() {
            let key = match (item.seq, &item.body) {
                (Some(seq), _) => format!("{who} {name} {seq:>3} {row:>3}"),
                (None, _) => format!("{who} {name}   - {row:>3}"),
            };
            lines.insert(key, self.item_line(item));
        }
    }

    /// What the log folded into, whether the timeline shows it or not.
    fn folded_lines(&self, who: usize, channel: ChannelId, lines: &mut BTreeMap<String, String>) {
        let db = self.devices[who].disk.connect(None);
        let name = &channel.to_string()[..6];
        for (what, sql) in FOLDED {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let rows = db.prepare(sql).and_then(|mut statement| {
                let rows = statement.query_map([channel.0], read)?;
                rows.collect::<rusqlite::Result<Vec<(String, String)>>>()
            });
            for (key, text) in rows.unwrap_or_default() {
                lines.insert(format!("{who} {name} {what} {key}"), text);
            }
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
