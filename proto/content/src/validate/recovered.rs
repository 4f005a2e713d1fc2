//! An event that is said again by somebody else: one whose content stands for itself.

use prost::Message as _;

use super::check::id;
use super::{Checked, FieldError};
use crate::v1::content::Kind;
use crate::v1::{Content, EventBody, Recovered, SignedEvent};

pub(super) fn event(again: &Recovered) -> Checked {
    let malformed = |_| FieldError::new("signed_event", "does not decode");
    let signed = SignedEvent::decode(again.signed_event.clone()).map_err(malformed)?;
    let body = EventBody::decode(signed.body).map_err(malformed)?;
    id("signed_event.channel_id", &body.channel_id)?;
    id("signed_event.event_id", &body.event_id)?;
    id("signed_event.device_id", &body.device_id)?;
    let content = body.content.unwrap_or_default();
    // Others count, or name places in a log that is lost.
    if !stands_for_itself(&content) {
        return Err(FieldError::new("signed_event", "is not said again"));
    }
    super::content(&content)
        .map_err(|inner| FieldError::new(format!("signed_event.{}", inner.field), inner.problem))
}

/// Whether content means the same in a log that went on otherwise than the one in which
/// it was said: what counts or names places does not.
pub fn stands_for_itself(content: &Content) -> bool {
    match &content.kind {
        None
        | Some(Kind::ReadMarker(_) | Kind::Void(_) | Kind::HistoryShared(_) | Kind::Recovered(_)) => {
            false
        }
        // A later opening names rosters that may be lost.
        Some(Kind::ThreadOpened(opened)) => opened.rosters.len() <= 1,
        Some(
            Kind::PatientHeader(_)
            | Kind::MembershipNote(_)
            | Kind::Message(_)
            | Kind::Photo(_)
            | Kind::TaskCreated(_)
            | Kind::TaskChanged(_)
            | Kind::HandoverNote(_)
            | Kind::HandoverAcknowledged(_)
            | Kind::WoundOpened(_)
            | Kind::WoundAssessed(_)
            | Kind::WoundChanged(_),
        ) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn again(kind: Option<Kind>) -> Recovered {
        let mut body = samples::event_body();
        body.content = kind.map(|kind| Content { kind: Some(kind) });
        samples::recovered_of(&body)
    }

    // proves: M11
    #[test]
    fn only_what_stands_for_itself_is_said_again_and_never_twice() {
        for content in samples::all() {
            let stands = stands_for_itself(&content);
            let checked = event(&again(content.kind.clone()));
            assert_eq!(checked.is_ok(), stands, "{content:?}: {checked:?}");
        }
        assert!(event(&again(None)).is_err());
        let nested = Kind::Recovered(samples::recovered());
        assert!(event(&again(Some(nested))).is_err());
        let garbage = vec![0xFF; 40];
        let signed_event = garbage.into();
        assert!(event(&Recovered { signed_event }).is_err());
    }

    #[test]
    fn an_event_without_its_ids_is_refused() {
        for clear in [
            |b: &mut EventBody| b.channel_id.clear(),
            |b: &mut EventBody| b.event_id.clear(),
            |b: &mut EventBody| b.device_id.clear(),
        ] {
            let mut body = samples::event_body();
            clear(&mut body);
            assert!(event(&samples::recovered_of(&body)).is_err());
        }
    }
}
