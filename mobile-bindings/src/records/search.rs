//! What a search finds.

use relais_core::query;

use super::to_do::PatientBrief;
use crate::error::RelaisError;

/// A part of a snippet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct SnippetPart {
    /// The text.
    pub text: String,
    /// Whether it is what was searched for.
    pub matched: bool,
}

/// An event in which all words of the query begin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct SearchHit {
    /// Id of the thread.
    pub thread: String,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientBrief>,
    /// Id of the event, for `Relais.timeline_around`.
    pub event: String,
    /// Its place in the log.
    pub seq: u64,
    /// `thread_opened`, `patient_header`, `message`, `photo`, `task_created`, `task_changed`,
    /// `handover_note`, `handover_acknowledged`, `wound_opened`, `wound_assessed` or
    /// `wound_changed`.
    pub kind: String,
    /// Id of who wrote it.
    pub author: String,
    /// Their name, as far as it is known here.
    pub author_name: String,
    /// Server time, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Some of its words, with what matched.
    pub snippet: Vec<SnippetPart>,
}

/// Some results, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct SearchPage {
    /// The results.
    pub hits: Vec<SearchHit>,
    /// For `Relais.search`: where the next page begins; nothing when these were all.
    pub after: Option<String>,
}

impl From<query::SearchPage> for SearchPage {
    fn from(page: query::SearchPage) -> Self {
        let part = |part: query::SnippetPart| SnippetPart {
            text: part.text,
            matched: part.matched,
        };
        let hit = |hit: query::SearchHit| SearchHit {
            thread: hit.channel.to_string(),
            title: hit.title,
            patient: hit.patient.map(Into::into),
            event: hit.event.to_string(),
            seq: hit.seq,
            kind: hit.kind.to_owned(),
            author: hit.author.to_string(),
            author_name: hit.author_name,
            time_ms: hit.time_ms,
            snippet: hit.snippet.into_iter().map(part).collect(),
        };
        let next = page.next;
        Self {
            hits: page.hits.into_iter().map(hit).collect(),
            after: next.map(|place| format!("{}-{}", place.time_ms, place.row)),
        }
    }
}

/// Where a page of results begins, as [`SearchPage::after`] says it.
pub(crate) fn place(after: &str) -> Result<query::SearchPlace, RelaisError> {
    let read = || {
        let (time_ms, row) = after.split_once('-')?;
        Some(query::SearchPlace {
            time_ms: time_ms.parse().ok()?,
            row: row.parse().ok()?,
        })
    };
    read().ok_or_else(|| RelaisError::invalid("after"))
}
