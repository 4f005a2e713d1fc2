//! Search in what this device holds: the beginnings of words, whatever their case and
//! accents, the newest first.

use relais_content::v1::PatientHeader;
use relais_wire::ids::{ChannelId, EventId, ProfessionalId};
use rusqlite::params;

use crate::engine::Engine;
use crate::error::Result;

/// Words of a query beyond these are left out.
const WORDS: usize = 16;
/// Characters of a word beyond these are left out.
const WORD_CHARS: usize = 64;

/// Marks of a match in a snippet: no text of the thread can hold control characters.
const BEGINS: char = '\u{2}';
const ENDS: char = '\u{3}';

/// Where the next page of results begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchPlace {
    /// Server time of the last result, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Its row.
    pub row: i64,
}

/// Some results.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchPage {
    /// The newest first.
    pub hits: Vec<SearchHit>,
    /// Where the next page begins; `None` when these were all.
    pub next: Option<SearchPlace>,
}

/// An event in which all words of the query begin.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// Where.
    pub channel: ChannelId,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientHeader>,
    /// The event.
    pub event: EventId,
    /// Its place in the log.
    pub seq: u64,
    /// Its kind, as the schema names it.
    pub kind: &'static str,
    /// Who wrote it.
    pub author: ProfessionalId,
    /// Their name.
    pub author_name: String,
    /// Server time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Some of its words, with what matched.
    pub snippet: Vec<SnippetPart>,
}

/// A part of a snippet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnippetPart {
    /// The text.
    pub text: String,
    /// Whether it is what was searched for.
    pub matched: bool,
}

impl Engine {
    /// Events that hold words with all these beginnings, in all threads or one, the newest
    /// first. Of titles and patient headers only those in force are found. What this device
    /// wrote is found once it is in the log.
    ///
    /// # Errors
    /// Of the database.
    pub fn search(
        &self,
        text: &str,
        channel: Option<ChannelId>,
        after: Option<SearchPlace>,
        limit: usize,
    ) -> Result<SearchPage> {
        let Some(query) = query_of(text) else {
            return Ok(SearchPage::default());
        };
        let from = after.unwrap_or(SearchPlace {
            time_ms: i64::MAX as u64,
            row: i64::MAX,
        });
        let limit = limit.clamp(1, 1_000);
        let mut statement = self.db.prepare_cached(
            "SELECT t.id, t.channel, c.title, e.event_id, e.seq, e.kind, e.professional, e.time_ms
             FROM search JOIN search_texts t ON t.id = search.rowid
             JOIN shown_events e ON e.channel = t.channel AND e.event_id = t.event
             JOIN channels c ON c.channel = t.channel
             WHERE search MATCH ?1 AND (?2 IS NULL OR t.channel = ?2)
             AND (e.time_ms, t.id) < (?3, ?4)
             AND (e.kind NOT IN (1, 2) OR e.seq = (SELECT max(l.seq) FROM shown_events l
                WHERE l.channel = e.channel AND l.kind = e.kind))
             ORDER BY e.time_ms DESC, t.id DESC LIMIT ?5",
        )?;
        let mut rows = statement.query(params![
            query,
            channel.map(|channel| channel.0),
            from.time_ms.min(i64::MAX as u64),
            from.row,
            limit as u64 + 1
        ])?;
        let mut page = SearchPage::default();
        let mut last = from;
        while let Some(row) = rows.next()? {
            if page.hits.len() == limit {
                page.next = Some(last);
                break;
            }
            let channel = ChannelId(row.get(1)?);
            let author = ProfessionalId(row.get(6)?);
            last = SearchPlace {
                time_ms: row.get(7)?,
                row: row.get(0)?,
            };
            page.hits.push(SearchHit {
                channel,
                title: row.get(2)?,
                patient: self.header_record(channel)?.map(|record| record.header),
                event: EventId(row.get(3)?),
                seq: row.get(4)?,
                kind: relais_content::kinds::kind_name(row.get(5)?),
                author,
                author_name: self.name(&author),
                time_ms: last.time_ms,
                snippet: self.snippet(&query, last.row)?,
            });
        }
        Ok(page)
    }

    /// Of the results that are shown alone: it reads and splits the whole text.
    fn snippet(&self, query: &str, row: i64) -> Result<Vec<SnippetPart>> {
        let marked: String = self
            .db
            .prepare_cached(
                "SELECT snippet(search, 0, char(2), char(3), '…', 24) FROM search
                 WHERE search MATCH ?1 AND rowid = ?2",
            )?
            .query_row(params![query, row], |row| row.get(0))?;
        Ok(parts(&marked))
    }
}

/// What is typed, as the index asks for it: each word in quotes, where nothing is syntax, and
/// as a beginning. `None` for what has no word.
fn query_of(text: &str) -> Option<String> {
    let plain = |c: &char| *c != '"' && !c.is_control();
    let words = text.split_whitespace().filter_map(|word| {
        let word: String = word.chars().filter(plain).take(WORD_CHARS).collect();
        word.chars().any(char::is_alphanumeric).then_some(word)
    });
    let words: Vec<String> = words
        .take(WORDS)
        .map(|word| format!("\"{word}\" *"))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn parts(marked: &str) -> Vec<SnippetPart> {
    let mut parts = Vec::new();
    for (number, run) in marked.split([BEGINS, ENDS]).enumerate() {
        if !run.is_empty() {
            parts.push(SnippetPart {
                text: run.to_owned(),
                matched: number % 2 == 1,
            });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use relais_content::v1::{Content, EventBody, Message, SignedEvent, content::Kind};

    use super::*;
    use crate::testing::{CHANNEL, alone_in_channel};

    fn say(engine: &Engine, seq: u64, text: &str) {
        use prost::Message as _;
        let kind = Kind::Message(Message {
            text: text.to_owned(),
            ..Message::default()
        });
        let body = EventBody {
            content: Some(Content {
                kind: Some(kind.clone()),
            }),
            ..EventBody::default()
        };
        let signed = SignedEvent {
            body: body.encode_to_vec().into(),
            ..SignedEvent::default()
        };
        let id = EventId(u128::from(seq).to_be_bytes());
        let sql = "INSERT INTO events (channel, seq, event_id, device, professional, counter,
                   time_ms, kind, signed) VALUES (?1, ?2, ?3, x'', zeroblob(16), ?2, ?2, 4, ?4)";
        let row = params![CHANNEL.0, seq, id.0, signed.encode_to_vec()];
        engine.db.execute(sql, row).expect("an event");
        engine.index_words(CHANNEL, id, &kind).expect("indexed");
    }

    fn found(engine: &Engine, text: &str) -> Vec<u64> {
        let page = engine.search(text, None, None, 50).expect("a page");
        page.hits.iter().map(|hit| hit.seq).collect()
    }

    #[test]
    fn words_are_found_by_their_beginning_whatever_case_and_accents() {
        let engine = alone_in_channel();
        say(&engine, 1, "Pansement à l'argent, fièvre à 39,2");
        say(&engine, 2, "Escarre sacrée, œdème; PANSEMENTS refaits");
        for query in ["pans", "PANSEMENT", "pansé", "  pans  "] {
            assert_eq!(found(&engine, query), [2, 1], "{query}");
        }
        for query in ["fievre", "fie\u{301}vre", "39,2", "argent fièv", "l'arg"] {
            assert_eq!(found(&engine, query), [1], "{query}");
        }
        for query in [
            "ansement",
            "fièvre escarre",
            "",
            "  ",
            "\u{0}",
            "\"",
            "*",
            "''",
        ] {
            assert_eq!(found(&engine, query), [0; 0], "{query}");
        }
    }

    #[test]
    fn nothing_that_is_typed_is_syntax() {
        let engine = alone_in_channel();
        say(&engine, 1, "text OR NOT near");
        for query in [
            "text: *",
            "\"text",
            "text\" OR \"near",
            "NOT text",
            "(text",
            "text) AND",
            "^text",
            "text + near",
            "{text} : near",
            "NEAR(text near, 2)",
            "text*",
            "'; DROP TABLE events; --",
            &"text ".repeat(5_000),
            &"t".repeat(100_000),
        ] {
            let page = engine.search(query, None, None, 50);
            assert!(page.is_ok(), "{query}: {page:?}");
        }
        assert_eq!(found(&engine, "text OR near"), [1], "its words");
        assert_eq!(found(&engine, "text XOR near"), [0; 0]);
    }

    #[test]
    fn a_snippet_says_what_matched() {
        let engine = alone_in_channel();
        say(&engine, 1, "Voir la plaie ce soir");
        let page = engine.search("plai", None, None, 50).expect("a page");
        let parts: Vec<_> = page.hits[0]
            .snippet
            .iter()
            .map(|part| (part.text.as_str(), part.matched))
            .collect();
        assert_eq!(
            parts,
            [("Voir la ", false), ("plaie", true), (" ce soir", false)]
        );
    }

    #[test]
    fn pages_follow_one_another_without_a_gap() {
        let engine = alone_in_channel();
        for seq in 1..=25 {
            say(&engine, seq, "plaie");
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = engine
                .search("plaie", Some(CHANNEL), after, 10)
                .expect("a page");
            seen.extend(page.hits.iter().map(|hit| hit.seq));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
        let elsewhere = engine.search("plaie", Some(ChannelId([9; 16])), None, 10);
        assert_eq!(elsewhere.expect("a page"), SearchPage::default());
    }

    #[test]
    fn words_go_with_their_event() {
        let engine = alone_in_channel();
        say(&engine, 1, "secretissime");
        engine.db.execute("DELETE FROM events", []).expect("gone");
        assert_eq!(found(&engine, "secretissime"), [0; 0]);
        let kept: u64 = crate::testing::read(
            &engine,
            "SELECT count(*) FROM search_data WHERE instr(block, CAST('secretissime' AS BLOB)) > 0",
        );
        assert_eq!(kept, 0);
    }
}
