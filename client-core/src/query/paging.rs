//! A thread's timeline in pages, from its end.

use relais_wire::ids::ChannelId;
use rusqlite::{OptionalExtension, params};

use super::timeline::TimelineItem;
use crate::engine::Engine;
use crate::error::Result;

impl Engine {
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
