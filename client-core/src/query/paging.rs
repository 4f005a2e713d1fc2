//! A thread's timeline in pages: from its end, or around a place.

use relais_wire::ids::{ChannelId, EventId};
use rusqlite::{OptionalExtension, params};

use super::timeline::TimelineItem;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Where a window of a timeline is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineAt {
    /// Around the first entry of somebody else that the person has not read; the end where
    /// there is none.
    FirstUnread,
    /// Around an event.
    Event(EventId),
    /// After an entry: what comes next.
    After(u64),
}

/// A part of a timeline, oldest item first.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineWindow {
    /// The items, with what is not settled when they reach the end.
    pub items: Vec<TimelineItem>,
    /// The entry that was asked for: the event's, or the first unread one.
    pub at_seq: Option<u64>,
    /// Before which entry the next older page ends; `None` when these are the oldest.
    pub before_seq: Option<u64>,
    /// After which entry the next newer page begins; `None` when these are the newest.
    pub after_seq: Option<u64>,
}

impl Engine {
    /// Some `limit` entries around a place, half of them before it, or after an entry.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] thread or event.
    pub fn timeline_around(
        &self,
        channel: ChannelId,
        at: TimelineAt,
        limit: usize,
    ) -> Result<TimelineWindow> {
        self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let at_seq = match at {
            TimelineAt::FirstUnread => self.first_unread(channel)?,
            TimelineAt::Event(event) => {
                let seq = self.shown_seq(channel, event)?;
                Some(seq.ok_or(Error::Unknown("message"))?)
            }
            TimelineAt::After(seq) => return self.window(channel, None, Some(seq), limit),
        };
        let half = (limit / 2).max(1);
        let Some(seq) = at_seq else {
            let (items, before_seq) = self.timeline_before(channel, None, limit)?;
            return Ok(TimelineWindow {
                items,
                at_seq,
                before_seq,
                after_seq: None,
            });
        };
        let after_seq = self.place_before(channel, seq, half)?;
        let window = self.window(channel, Some(seq), after_seq, half)?;
        Ok(TimelineWindow {
            before_seq: after_seq.map(|seq| seq + 1),
            ..window
        })
    }

    /// Items after an entry, up to and with so many entries from `at_seq` on.
    fn window(
        &self,
        channel: ChannelId,
        at_seq: Option<u64>,
        after_seq: Option<u64>,
        count: usize,
    ) -> Result<TimelineWindow> {
        let from = after_seq.unwrap_or(0);
        let count_from = at_seq.map_or(from, |seq| seq.saturating_sub(1));
        let end = self.place_after(channel, count_from, count.max(1))?;
        let before = end.unwrap_or(u64::MAX);
        Ok(TimelineWindow {
            items: self.items_between(channel, from, before, usize::MAX)?,
            at_seq,
            before_seq: after_seq.map(|seq| seq + 1),
            after_seq: end.map(|seq| seq - 1),
        })
    }

    /// The first that somebody else said or did after the person's read marker.
    fn first_unread(&self, channel: ChannelId) -> Result<Option<u64>> {
        let me = self.identity()?.professional();
        Ok(self
            .db
            .prepare_cached(
                "SELECT min(seq) FROM said_events WHERE channel = ?1 AND professional <> ?2
                 AND seq > coalesce((SELECT seq FROM reads
                 WHERE channel = ?1 AND professional = ?2), 0)",
            )?
            .query_row(params![channel.0, me.0], |row| row.get(0))?)
    }

    fn shown_seq(&self, channel: ChannelId, event: EventId) -> Result<Option<u64>> {
        Ok(self
            .db
            .prepare_cached("SELECT seq FROM shown_events WHERE channel = ?1 AND event_id = ?2")?
            .query_row(params![channel.0, event.0], |row| row.get(0))
            .optional()?)
    }

    /// The entry that stands behind the first `count` ones after `after_seq` that could be
    /// shown.
    fn place_after(&self, channel: ChannelId, after_seq: u64, count: usize) -> Result<Option<u64>> {
        let place = self
            .db
            .prepare_cached(
                "SELECT seq FROM shown_events
                 WHERE channel = ?1 AND seq > ?2 AND kind NOT IN (10, 11)
                 UNION SELECT seq FROM shown_notices WHERE channel = ?1 AND seq > ?2
                 ORDER BY seq LIMIT 1 OFFSET ?3",
            )?
            .query_row(
                params![
                    channel.0,
                    after_seq.min(i64::MAX as u64),
                    count.min(i64::MAX as usize) as u64
                ],
                |row| row.get(0),
            )
            .optional()?;
        Ok(place)
    }

    /// The items before `before_seq`, or those at the end of the thread: of about `limit`
    /// entries of the log, oldest first, with what is not settled when it is the end. Also
    /// before which entry the next older page ends; `None` when this was the oldest. Only
    /// a thread that has nothing older gives no item.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] thread.
    pub fn timeline_before(
        &self,
        channel: ChannelId,
        before_seq: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<TimelineItem>, Option<u64>)> {
        let mut before_seq = before_seq.unwrap_or(u64::MAX);
        loop {
            let after_seq = self.place_before(channel, before_seq, limit.max(1))?;
            let items =
                self.items_between(channel, after_seq.unwrap_or(0), before_seq, usize::MAX)?;
            match after_seq {
                // Nothing of these entries is shown: what an opening says again, for one.
                Some(after_seq) if items.is_empty() => before_seq = after_seq + 1,
                _ => return Ok((items, after_seq.map(|seq| seq + 1))),
            }
        }
    }

    /// The entry that stands before the last `count` ones before `before_seq` that could be
    /// shown. What stands on one place goes together.
    fn place_before(
        &self,
        channel: ChannelId,
        before_seq: u64,
        count: usize,
    ) -> Result<Option<u64>> {
        let place = self
            .db
            .prepare_cached(
                "SELECT seq FROM shown_events
                 WHERE channel = ?1 AND seq < ?2 AND kind NOT IN (10, 11)
                 UNION SELECT seq FROM shown_notices WHERE channel = ?1 AND seq < ?2
                 ORDER BY seq DESC LIMIT 1 OFFSET ?3",
            )?
            .query_row(
                params![
                    channel.0,
                    before_seq.min(i64::MAX as u64),
                    count.min(i64::MAX as usize) as u64
                ],
                |row| row.get(0),
            )
            .optional()?;
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use relais_content::v1::content::Kind;
    use relais_content::v1::{Content, EventBody, SignedEvent, ThreadOpened};

    use crate::query::TimelineBody;
    use crate::testing::{CHANNEL, alone_in_channel};

    use super::*;

    fn say(engine: &Engine, seq: u64, part: u64, kind: &str, detail: &str) {
        let sql = "INSERT INTO notices (channel, seq, part, time_ms, kind, actor, subject, detail)
                   VALUES (?1, ?2, ?3, 1, ?4, zeroblob(16), zeroblob(16), ?5)";
        let row = params![CHANNEL.0, seq, part, kind, detail];
        engine.db.execute(sql, row).expect("a notice");
    }

    /// Pages of so many entries, the last page first; each item as kind and detail.
    fn pages(engine: &Engine, limit: usize) -> Vec<Vec<String>> {
        let (mut pages, mut before) = (Vec::new(), None);
        for _ in 0..100 {
            let page = engine.timeline_before(CHANNEL, before, limit);
            let (items, next) = page.expect("a page");
            let shown = items.iter().map(|item| match &item.body {
                TimelineBody::Notice { kind, detail, .. } => format!("{kind} {detail}"),
                other => panic!("{other:?}"),
            });
            pages.push(shown.collect());
            if next.is_none() {
                return pages;
            }
            assert!(next < before.or(Some(u64::MAX)), "older each time");
            before = next;
        }
        panic!("pages without an end");
    }

    #[test]
    fn a_run_over_the_edge_of_a_page_is_told_once() {
        let engine = alone_in_channel();
        say(&engine, 1, 0, "created", "");
        for seq in 2..=6 {
            say(&engine, seq, 0, "omitted", "not shared");
        }
        say(&engine, 7, 0, "joined", "");
        let told = pages(&engine, 3);
        assert_eq!(
            told,
            [
                vec!["omitted 2 entries: not shared", "joined "],
                vec!["omitted 3 entries: not shared"],
                vec!["created "],
            ]
        );
    }

    #[test]
    fn no_page_reads_all_events_for_what_the_thread_was_called() {
        let engine = alone_in_channel();
        let plan = format!("EXPLAIN QUERY PLAN {}", crate::query::timeline::TOLD);
        let mut plan = engine.db.prepare(&plan).expect("a plan");
        let rows = plan.query_map(params![CHANNEL.0, 1, 9], |row| row.get(3));
        let rows: Vec<String> = rows.expect("rows").map(|row| row.expect("a row")).collect();
        assert!(rows[0].contains("events_kind"), "{rows:?}");
    }

    fn window(engine: &Engine, at: TimelineAt, limit: usize) -> (Vec<u64>, [Option<u64>; 3]) {
        let window = engine
            .timeline_around(CHANNEL, at, limit)
            .expect("a window");
        let shown = window.items.iter().filter_map(|item| item.seq).collect();
        (shown, [window.at_seq, window.before_seq, window.after_seq])
    }

    fn tell(engine: &Engine, seq: u64) {
        let text = Kind::Message(relais_content::v1::Message::default());
        let body = EventBody {
            content: Some(Content { kind: Some(text) }),
            ..EventBody::default()
        };
        let signed = SignedEvent {
            body: body.encode_to_vec().into(),
            ..SignedEvent::default()
        };
        let sql = "INSERT INTO events (channel, seq, event_id, device, professional, counter,
                   time_ms, kind, signed) VALUES (?1, ?2, ?3, x'', ?4, ?2, 1, 4, ?5)";
        let row = params![
            CHANNEL.0,
            seq,
            [seq as u8; 16],
            [7u8; 16],
            signed.encode_to_vec()
        ];
        engine.db.execute(sql, row).expect("an event");
    }

    #[test]
    fn a_window_stands_around_what_was_asked_for() {
        let engine = alone_in_channel();
        (1..=20).for_each(|seq| tell(&engine, seq));
        let me = engine.identity().expect("identity").professional();
        let read = |seq: u64| {
            let sql =
                "INSERT OR REPLACE INTO reads (channel, professional, seq) VALUES (?1, ?2, ?3)";
            let row = params![CHANNEL.0, me.0, seq];
            engine.db.execute(sql, row).expect("read");
        };
        let first = window(&engine, TimelineAt::FirstUnread, 6);
        assert_eq!(first, ((1..=3).collect(), [Some(1), None, Some(3)]));
        read(9);
        let around = window(&engine, TimelineAt::FirstUnread, 6);
        assert_eq!(around, ((7..=12).collect(), [Some(10), Some(7), Some(12)]));
        let event = window(&engine, TimelineAt::Event(EventId([19; 16])), 6);
        assert_eq!(event, ((16..=20).collect(), [Some(19), Some(16), None]));
        let next = window(&engine, TimelineAt::After(12), 5);
        assert_eq!(next, ((13..=17).collect(), [None, Some(13), Some(17)]));
        let last = window(&engine, TimelineAt::After(17), 5);
        assert_eq!(last, ((18..=20).collect(), [None, Some(18), None]));
        read(20);
        let end = window(&engine, TimelineAt::FirstUnread, 6);
        assert_eq!(end, ((15..=20).collect(), [None, Some(15), None]));
        let unknown = TimelineAt::Event(EventId([99; 16]));
        assert!(engine.timeline_around(CHANNEL, unknown, 6).is_err());
    }

    #[test]
    fn what_stands_on_one_entry_stays_together() {
        let engine = alone_in_channel();
        say(&engine, 1, 0, "created", "");
        for part in 0..4 {
            say(&engine, 2, part, "added", &part.to_string());
        }
        say(&engine, 3, 0, "joined", "");
        let added = ["added 0", "added 1", "added 2", "added 3"];
        let told = pages(&engine, 1);
        assert_eq!(told, [vec!["joined "], added.into(), vec!["created "]]);
    }

    #[test]
    fn entries_that_show_nothing_are_passed_over() {
        let engine = alone_in_channel();
        let opened = Kind::ThreadOpened(ThreadOpened {
            title: "Mme Durand".to_owned(),
            ..ThreadOpened::default()
        });
        let body = EventBody {
            content: Some(Content { kind: Some(opened) }),
            ..EventBody::default()
        };
        let signed = SignedEvent {
            body: body.encode_to_vec().into(),
            ..SignedEvent::default()
        };
        for seq in 1..=5 {
            let sql = "INSERT INTO events (channel, seq, event_id, device, professional, counter,
                       time_ms, kind, signed) VALUES (?1, ?2, ?3, x'', zeroblob(16), ?2, 1, 1, ?4)";
            let row = params![CHANNEL.0, seq, vec![seq as u8; 16], signed.encode_to_vec()];
            engine.db.execute(sql, row).expect("an event");
        }
        let (items, next) = engine.timeline_before(CHANNEL, None, 2).expect("a page");
        assert_eq!((items.len(), items[0].seq, next), (1, Some(1), None));
    }
}
