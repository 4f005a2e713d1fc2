//! Rules of validity, field by field. They hold when a person writes (the error
//! goes to the form) and when a received event is folded (the error quarantines
//! the event), so they are total: no panic, and time bounded by the size of the
//! value. They look at one value alone, without state and without a clock;
//! whether a task or handover exists is for the fold.
//!
//! An error never repeats what was written: it may be kept as the reason of a
//! quarantine.

mod card;
mod check;
mod circle;
mod civil;
mod exchange;
mod handover;
mod history;
mod patient;
mod recovered;
mod snomed;
mod task;
mod wound;

#[cfg(test)]
mod altered;
#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod samples;

pub use card::card;
pub use recovered::stands_for_itself;

use std::fmt::Display;

use crate::v1;
use crate::v1::content::Kind;

/// A field breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// Path inside the kind's message, as in the schema: `ins.matricule`,
    /// `alerts[2].label`, `deadline_ms`; `kind` when there is none.
    pub field: String,
    /// What is wrong, in words, without what was written.
    pub problem: String,
}

impl FieldError {
    fn new(field: impl Display, problem: impl Display) -> Self {
        Self {
            field: field.to_string(),
            problem: problem.to_string(),
        }
    }
}

type Checked = Result<(), FieldError>;

/// Verifies one content, whatever its kind.
///
/// # Errors
/// The first field that breaks a rule.
pub fn content(content: &v1::Content) -> Result<(), FieldError> {
    match &content.kind {
        None => Err(FieldError::new("kind", "is missing or unknown")),
        Some(Kind::ThreadOpened(opened)) => circle::thread_opened(opened),
        Some(Kind::PatientHeader(header)) => patient::header(header),
        Some(Kind::MembershipNote(note)) => circle::membership_note(note),
        Some(Kind::Message(message)) => exchange::message(message),
        Some(Kind::Photo(photo)) => exchange::photo(photo),
        Some(Kind::TaskCreated(task)) => task::created(task),
        Some(Kind::TaskChanged(change)) => task::changed(change),
        Some(Kind::HandoverNote(note)) => handover::note(note),
        Some(Kind::HandoverAcknowledged(done)) => handover::acknowledged(done),
        Some(Kind::ReadMarker(marker)) => exchange::read_marker(*marker),
        Some(Kind::Void(v1::Void {})) => Ok(()),
        Some(Kind::HistoryShared(shared)) => history::shared(shared),
        Some(Kind::Recovered(again)) => recovered::event(again),
        Some(Kind::WoundOpened(opened)) => wound::opened(opened),
        Some(Kind::WoundAssessed(assessed)) => wound::assessed(assessed),
        Some(Kind::WoundChanged(changed)) => wound::changed(changed),
    }
}
