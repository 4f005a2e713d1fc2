//! What a timeline shows of a restored server: where its log ended, and what only this
//! device holds since.

use std::collections::BTreeSet;

use relais_wire::ids::{ChannelId, EventId, ProfessionalId};

use super::timeline::{EventState, TimelineBody, TimelineItem};
use crate::content::body_of;
use crate::engine::Engine;
use crate::error::Result;
use crate::outbox::intent;

fn restored_text(events: u64) -> String {
    let lost = match events {
        0 => "nothing that was said here".to_owned(),
        1 => "1 event: said again below".to_owned(),
        _ => format!("{events} events: said again below"),
    };
    format!("the server was restored from a backup and had lost {lost}")
}

impl Engine {
    /// Shows where the log of a restored server ended.
    pub(super) fn insert_rollbacks(
        &self,
        channel: ChannelId,
        after_seq: u64,
        until_seq: u64,
        items: &mut Vec<TimelineItem>,
    ) -> Result<()> {
        for rollback in self.rollbacks(channel)? {
            // Nothing at all may be left of the log.
            let after = rollback.seq > after_seq || after_seq == 0;
            if !after || rollback.seq > until_seq {
                continue;
            }
            let place = items.partition_point(|i| i.seq.is_some_and(|seq| seq <= rollback.seq));
            let nobody = ProfessionalId([0; 16]);
            let notice = TimelineItem {
                seq: Some(rollback.seq),
                time_ms: rollback.at_ms,
                author: nobody,
                author_name: String::new(),
                state: EventState::Sent { to: 0, of: 0 },
                body: TimelineBody::Notice {
                    kind: "restored".into(),
                    subject: nobody,
                    detail: restored_text(rollback.events),
                },
            };
            items.insert(place, notice);
        }
        Ok(())
    }

    /// A change of the circle that nobody has made again, and events that only devices
    /// hold; this device's own are among those that wait.
    pub(super) fn lost_items(&self, channel: ChannelId) -> Result<Vec<TimelineItem>> {
        let unsettled = intent::unsettled(&self.db, channel)?;
        let waiting: BTreeSet<EventId> = unsettled
            .iter()
            .filter_map(|(intent, _, _)| intent.wish.event_id().map(EventId))
            .collect();
        let mut items: Vec<TimelineItem> = self.lost_circle_item(channel)?.into_iter().collect();
        for lost in self.lost_events(channel)? {
            let content = body_of(&lost.signed)?.content;
            let Some(kind) = content.and_then(|content| content.kind) else {
                continue;
            };
            if waiting.contains(&lost.id) {
                continue;
            }
            items.push(TimelineItem {
                seq: None,
                time_ms: lost.time_ms,
                author: lost.professional,
                author_name: self.name(&lost.professional),
                state: EventState::Lost,
                body: TimelineBody::Event(lost.id, Box::new(kind)),
            });
        }
        Ok(items)
    }

    /// While somebody is back in whom the lost log removed, nothing is said: this is why.
    fn lost_circle_item(&self, channel: ChannelId) -> Result<Option<TimelineItem>> {
        let (added, removed) = self.lost_circle(channel)?;
        let at_ms = self.rollbacks(channel)?.last().map(|last| last.at_ms);
        let Some(time_ms) = at_ms.filter(|_| !added.is_empty() || !removed.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(TimelineItem {
            seq: None,
            time_ms,
            author: ProfessionalId([0; 16]),
            author_name: String::new(),
            state: EventState::Lost,
            body: TimelineBody::CircleChange { added, removed },
        }))
    }
}
