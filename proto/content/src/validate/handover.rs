//! Handovers (SAED) and their acknowledgement.

use std::collections::BTreeSet;

use super::check::{at_most, given, id, optional_time, prose, required_prose};
use super::{Checked, FieldError};
use crate::limits;
use crate::v1::{HandoverAcknowledged, HandoverNote, RequestKind};

pub(super) fn note(note: &HandoverNote) -> Checked {
    required_prose("situation", &note.situation, limits::SAED_CHARS)?;
    prose("background", &note.background, limits::SAED_CHARS)?;
    prose("assessment", &note.assessment, limits::SAED_CHARS)?;
    required_prose("request", &note.request, limits::SAED_CHARS)?;
    given::<RequestKind>("request_kind", note.request_kind)?;
    optional_time("deadline_ms", note.deadline_ms)?;
    if note.receivers.is_empty() {
        return Err(FieldError::new("receivers", "is empty"));
    }
    at_most("receivers", note.receivers.len(), limits::RECEIVERS)?;
    let mut seen = BTreeSet::new();
    for (i, receiver) in note.receivers.iter().enumerate() {
        id(format_args!("receivers[{i}]"), receiver)?;
        if !seen.insert(receiver) {
            return Err(FieldError::new(
                format_args!("receivers[{i}]"),
                "is named twice",
            ));
        }
    }
    Ok(())
}

pub(super) fn acknowledged(done: &HandoverAcknowledged) -> Checked {
    id("handover", &done.handover)?;
    prose("synthesis", &done.synthesis, limits::SYNTHESIS_CHARS)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, refused_field};
    use super::*;

    #[test]
    fn a_handover_says_what_is_asked_of_whom() {
        assert_eq!(note(&samples::handover_note()), Ok(()));
        let refuse = |field, change: fn(&mut HandoverNote)| {
            refused_field(samples::handover_note(), change, note, field);
        };
        refuse("situation", |n| n.situation.clear());
        refuse("situation", |n| n.situation = "s".repeat(4_001));
        refuse("background", |n| n.background = "b".repeat(4_001));
        refuse("assessment", |n| n.assessment = "\u{2066}".into());
        refuse("request", |n| n.request = "\t".into());
        refuse("request_kind", |n| n.request_kind = 0);
        refuse("request_kind", |n| n.request_kind = 5);
        refuse("deadline_ms", |n| n.deadline_ms = 12);
        refuse("receivers", |n| n.receivers.clear());
        refuse("receivers", |n| n.receivers = vec![vec![1; 16].into(); 65]);
        refuse("receivers[1]", |n| n.receivers[1] = vec![1; 8].into());
        refuse("receivers[2]", |n| n.receivers.push(n.receivers[0].clone()));
    }

    #[test]
    fn an_acknowledgement_names_the_handover() {
        assert_eq!(acknowledged(&samples::handover_acknowledged()), Ok(()));
        let refuse = |field, change: fn(&mut HandoverAcknowledged)| {
            refused_field(
                samples::handover_acknowledged(),
                change,
                acknowledged,
                field,
            );
        };
        refuse("handover", |a| a.handover.clear());
        refuse("synthesis", |a| a.synthesis = "s".repeat(4_001));

        let mut silent = samples::handover_acknowledged();
        silent.synthesis.clear();
        assert_eq!(acknowledged(&silent), Ok(()));
    }
}
