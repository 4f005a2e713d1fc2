//! The words of events, by which they are found again.

use relais_content::v1::{PatientHeader, content::Kind};
use relais_wire::ids::{ChannelId, EventId};
use rusqlite::params;

use crate::engine::Engine;
use crate::error::Result;

impl Engine {
    /// Puts an event's words in the place of what was known of it, in the transaction that
    /// stores the event. They go with it.
    pub(crate) fn index_words(
        &self,
        channel: ChannelId,
        event: EventId,
        kind: &Kind,
    ) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM search_texts WHERE channel = ?1 AND event = ?2")?
            .execute(params![channel.0, event.0])?;
        let words = words(kind);
        if !words.is_empty() {
            self.db
                .prepare_cached(
                    "INSERT INTO search_texts (channel, event, text) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![channel.0, event.0, words])?;
        }
        Ok(())
    }

    /// The words of all events of a channel.
    pub(super) fn index_channel(&self, channel: ChannelId) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("SELECT event_id, signed FROM events WHERE channel = ?1")?;
        let mut rows = statement.query([channel.0])?;
        while let Some(row) = rows.next()? {
            let signed: Vec<u8> = row.get(1)?;
            let content = crate::content::said_in(&signed)?.content;
            if let Some(kind) = content.and_then(|content| content.kind) {
                self.index_words(channel, EventId(row.get(0)?), &kind)?;
            }
        }
        Ok(())
    }
}

/// What people wrote in an event, a line for each field.
fn words(kind: &Kind) -> String {
    let fields: Vec<&str> = match kind {
        Kind::ThreadOpened(opened) => vec![&opened.title],
        Kind::PatientHeader(header) => header_words(header),
        Kind::Message(message) => vec![&message.text],
        Kind::Photo(photo) => vec![&photo.caption, &photo.body_site],
        Kind::TaskCreated(task) => vec![&task.title, &task.detail],
        Kind::TaskChanged(change) => vec![&change.reason],
        Kind::HandoverNote(note) => vec![
            &note.situation,
            &note.background,
            &note.assessment,
            &note.request,
        ],
        Kind::HandoverAcknowledged(ack) => vec![&ack.synthesis],
        Kind::WoundOpened(wound) => wound.site.iter().map(|site| site.words.as_str()).collect(),
        Kind::WoundAssessed(found) => vec![&found.dressing],
        Kind::WoundChanged(change) => vec![&change.reason],
        Kind::MembershipNote(_)
        | Kind::ReadMarker(_)
        | Kind::Void(_)
        | Kind::HistoryShared(_)
        | Kind::Recovered(_) => Vec::new(),
    };
    let said = fields.into_iter().filter(|field| !field.is_empty());
    said.collect::<Vec<_>>().join("\n")
}

fn header_words(header: &PatientHeader) -> Vec<&str> {
    let mut words: Vec<&str> = vec![&header.used_name, &header.birth_name, &header.phone];
    words.extend(header.birth_given_names.iter().map(String::as_str));
    words.extend(header.ins.iter().map(|ins| ins.matricule.as_str()));
    words.extend(header.alerts.iter().map(|alert| alert.label.as_str()));
    for contact in &header.contacts {
        words.extend([contact.name.as_str(), &contact.relation, &contact.phone]);
    }
    words.extend(header.care_aims.iter().map(String::as_str));
    words
}
