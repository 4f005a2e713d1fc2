//! What a coordinator looks after, across the threads that they are in.

use std::collections::BTreeMap;

use relais_content::v1::PatientHeader;
use relais_wire::ids::{ChannelId, ProfessionalId};
use rusqlite::OptionalExtension;

use super::open_tasks::PlacedTask;
use super::to_do::{ToDoRow, live};
use crate::engine::Engine;
use crate::error::Result;

/// A thread in which nothing was said for so long is silent.
const SILENT_MS: u64 = 7 * 86_400_000;
/// A membership that ends within this is ending.
const ENDING_MS: u64 = 14 * 86_400_000;

/// When something was last said in a thread, by a person.
pub(super) const LAST_SAID: &str = "SELECT time_ms FROM shown_events WHERE channel = ?1 AND seq =
     (SELECT max(seq) FROM said_events WHERE channel = ?1)";

/// See the module's head.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cockpit {
    /// Urgent, and nobody has taken it; one's own messages too.
    pub urgent: Vec<ToDoRow>,
    /// Tasks that are late, by due date.
    pub overdue: Vec<PlacedTask>,
    /// Threads in which nothing was said for a week or longer, the longest silent first.
    pub silent: Vec<SilentThread>,
    /// Memberships that end within two weeks, the first to end first.
    pub ending: Vec<EndingMember>,
    /// Members of these threads who have no device that may read.
    pub without_device: Vec<ProfessionalId>,
}

/// A thread in which nothing is said.
#[derive(Debug, Clone, PartialEq)]
pub struct SilentThread {
    /// Where.
    pub channel: ChannelId,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientHeader>,
    /// Server time of the last event, milliseconds since the Unix epoch.
    pub last_ms: u64,
}

/// A membership that ends soon.
#[derive(Debug, Clone, PartialEq)]
pub struct EndingMember {
    /// Where.
    pub channel: ChannelId,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientHeader>,
    /// Whose.
    pub professional: ProfessionalId,
    /// Their name, as far as known.
    pub name: String,
    /// When it ends, milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

impl Engine {
    /// What a coordinator looks after. It is of the threads that this person is in.
    ///
    /// # Errors
    /// [`crate::Error::NotEnrolled`], or of the database.
    pub fn cockpit(&self) -> Result<Cockpit> {
        let now = self.log_now();
        let live = live(self.threads()?);
        let tasks = self.open_tasks_of(&live)?;
        let mut cockpit = Cockpit {
            urgent: self.untaken(&live, &tasks, None, &mut BTreeMap::new())?,
            ..Cockpit::default()
        };
        let late = tasks.into_iter();
        let late = late.filter(|(_, task)| task.due_ms.is_some_and(|due| due < now));
        cockpit.overdue = self.placed(&live, late.collect())?;
        let mut reachable = BTreeMap::new();
        for (channel, thread) in &live {
            let last_ms = self.last_said(*channel)?.unwrap_or(thread.last_ms);
            if last_ms.saturating_add(SILENT_MS) <= now {
                cockpit.silent.push(SilentThread {
                    channel: *channel,
                    title: thread.title.clone(),
                    patient: self.header_record(*channel)?.map(|record| record.header),
                    last_ms,
                });
            }
            for (professional, member) in self.roster(*channel)?.members {
                reachable
                    .entry(professional)
                    .or_insert_with(|| self.has_device(professional));
                let Some(expires_at_ms) = member.expires_at_ms else {
                    continue;
                };
                if (now..=now.saturating_add(ENDING_MS)).contains(&expires_at_ms) {
                    cockpit.ending.push(EndingMember {
                        channel: *channel,
                        title: thread.title.clone(),
                        patient: self.header_record(*channel)?.map(|record| record.header),
                        professional,
                        name: self.name(&professional),
                        expires_at_ms,
                    });
                }
            }
        }
        cockpit.silent.sort_by_key(|thread| thread.last_ms);
        cockpit.ending.sort_by_key(|member| member.expires_at_ms);
        let without = reachable.into_iter().filter(|(_, reached)| !reached);
        cockpit.without_device = without.map(|(professional, _)| professional).collect();
        Ok(cockpit)
    }

    fn last_said(&self, channel: ChannelId) -> Result<Option<u64>> {
        Ok(self
            .db
            .prepare_cached(LAST_SAID)?
            .query_row([channel.0], |row| row.get(0))
            .optional()?)
    }

    fn has_device(&self, professional: ProfessionalId) -> bool {
        let head = self.structure.head().seq;
        let devices = self.structure.devices();
        let mut theirs = devices.filter(|(_, device)| device.professional == professional);
        theirs.any(|(id, _)| self.structure.valid_device(id, head, self.now_ms).is_some())
    }
}
