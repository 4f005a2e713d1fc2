//! What of the past was promised to somebody, and what was shared with them.

use super::check::{given, id, known, optional_time};
use super::{Checked, FieldError};
use crate::v1::{HistoryKind, HistoryShared, MembershipNote};

/// A day belongs to `SINCE`, and only to it.
fn since(field: &str, kind: HistoryKind, since_ms: u64) -> Checked {
    match (kind, since_ms) {
        (HistoryKind::Since, 0) => Err(FieldError::new(field, "is needed for a history since")),
        (HistoryKind::Since, _) => optional_time(field, since_ms),
        (_, 0) => Ok(()),
        (_, _) => Err(FieldError::new(field, "belongs to a history since only")),
    }
}

/// The promise inside a membership note.
pub(super) fn promised(note: &MembershipNote) -> Checked {
    let kind = known::<HistoryKind>("history", note.history)?;
    if kind == HistoryKind::Requested {
        return Err(FieldError::new("history", "is no promise"));
    }
    since("history_since_ms", kind, note.history_since_ms)
}

pub(super) fn shared(shared: &HistoryShared) -> Checked {
    id("professional_id", &shared.professional_id)?;
    let kind = given::<HistoryKind>("kind", shared.kind)?;
    if kind == HistoryKind::None {
        return Err(FieldError::new("kind", "shares nothing"));
    }
    since("since_ms", kind, shared.since_ms)?;
    if shared.first_seq == 0 {
        return Err(FieldError::new("first_seq", "is not given"));
    }
    let Some(before_last) = shared.last_seq.checked_sub(shared.first_seq) else {
        return Err(FieldError::new("last_seq", "is before the first"));
    };
    if shared.events > before_last.saturating_add(1) {
        return Err(FieldError::new("events", "are more than entries"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, refused_field};
    use super::*;

    #[test]
    fn what_was_shared_names_whom_how_much_and_from_where_to_where() {
        assert_eq!(shared(&samples::history_shared()), Ok(()));
        let refuse = |field, change: fn(&mut HistoryShared)| {
            refused_field(samples::history_shared(), change, shared, field);
        };
        refuse("professional_id", |h| h.professional_id.clear());
        refuse("kind", |h| h.kind = 0);
        refuse("kind", |h| h.kind = 6);
        refuse("kind", |h| h.kind = HistoryKind::None.into());
        refuse("since_ms", |h| h.since_ms = 0);
        refuse("since_ms", |h| h.since_ms = 1);
        refuse("since_ms", |h| h.kind = HistoryKind::All.into());
        refuse("first_seq", |h| h.first_seq = 0);
        refuse("last_seq", |h| h.last_seq = h.first_seq - 1);
        refuse("events", |h| h.events = h.last_seq - h.first_seq + 2);
    }

    #[test]
    fn a_promise_of_the_past_is_one_of_four() {
        let with = |kind: i32, since_ms| {
            let mut note = samples::membership_note();
            (note.history, note.history_since_ms) = (kind, since_ms);
            promised(&note)
        };
        for kind in [0, 1, 3, 4] {
            assert_eq!(with(kind, 0), Ok(()), "{kind}");
            assert!(with(kind, 1_790_000_000_000).is_err(), "{kind}");
        }
        assert_eq!(with(2, 1_790_000_000_000), Ok(()));
        for (kind, since_ms) in [(2, 0), (2, 1), (5, 0), (6, 0), (-1, 0)] {
            assert!(with(kind, since_ms).is_err(), "{kind}");
        }
    }
}
