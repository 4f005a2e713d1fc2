//! Records that several commands show: people, states, items of a timeline.

mod body;
mod series;
mod wound;

use relais_core::Engine;
use relais_core::query::{EventState, TimelineBody, TimelineItem};
use relais_core::wire::ids::{EventId, ProfessionalId};
use serde::Serialize;

use crate::render::Text;
use crate::time;

pub use body::Body;
use body::INDENT;
pub use series::{SeriesView, WoundsView};
pub use wound::{AssessmentView, SiteView};

/// Shown wherever something has not left this device.
pub const QUEUED: &str = "kept on this device; leaves by itself as soon as it can";

/// The beginning of an id, enough to name it on a command line.
pub fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn event_hex(id: &[u8]) -> Option<String> {
    Some(EventId::try_from(id).ok()?.to_string())
}

/// A person by id and name.
#[derive(Debug, Clone, Serialize)]
pub struct PersonRef {
    /// Opaque id.
    pub id: String,
    /// Name, or the beginning of the id while the card is not here.
    pub name: String,
}

impl PersonRef {
    /// A person as this device knows them.
    pub fn of(engine: &Engine, id: ProfessionalId) -> Self {
        Self {
            id: id.to_string(),
            name: engine.name(&id),
        }
    }

    fn from_bytes(engine: &Engine, id: &[u8]) -> Option<Self> {
        Some(Self::of(engine, ProfessionalId::try_from(id).ok()?))
    }
}

/// The true state of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateView {
    /// `waiting`, `in_flight`, `sent`, `lost` or `failed`.
    pub state: &'static str,
    /// Once sent: other members who have it on a device.
    pub delivered_to: Option<u32>,
    /// Once sent: other members.
    pub delivered_of: Option<u32>,
    /// Once failed: number for `failed retry` and `failed discard`.
    pub failed_number: Option<i64>,
    /// Once failed: why.
    pub reason: Option<String>,
}

impl StateView {
    /// On this device only.
    pub fn waiting() -> Self {
        Self {
            state: "waiting",
            delivered_to: None,
            delivered_of: None,
            failed_number: None,
            reason: None,
        }
    }

    /// In the log; who has it is not known one by one.
    pub fn sent() -> Self {
        Self {
            state: "sent",
            ..Self::waiting()
        }
    }

    /// Failed for good.
    pub fn failed(number: Option<i64>, reason: String) -> Self {
        Self {
            state: "failed",
            failed_number: number,
            reason: Some(reason),
            ..Self::waiting()
        }
    }

    /// The state of a timeline's item.
    pub fn of(state: &EventState) -> Self {
        match state {
            EventState::Waiting => Self::waiting(),
            EventState::InFlight => Self {
                state: "in_flight",
                ..Self::waiting()
            },
            EventState::Sent { to, of } => Self {
                delivered_to: Some(*to),
                delivered_of: Some(*of),
                ..Self::sent()
            },
            EventState::Lost => Self {
                state: "lost",
                ..Self::waiting()
            },
            EventState::Failed { number, reason } => Self::failed(Some(*number), reason.clone()),
        }
    }

    /// It has not reached the server's log, and may still do so.
    pub fn is_queued(&self) -> bool {
        matches!(self.state, "waiting" | "in_flight")
    }

    /// It never will.
    pub fn is_failed(&self) -> bool {
        self.state == "failed"
    }
}

impl std::fmt::Display for StateView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.state, self.delivered_to, self.delivered_of) {
            ("in_flight", ..) => f.write_str("in flight"),
            ("lost", ..) => f.write_str("lost by the server, held here"),
            ("sent", Some(to @ 1..), Some(of)) => write!(f, "delivered {to} of {of}"),
            ("failed", ..) => {
                let reason = self.reason.as_deref().unwrap_or_default();
                match self.failed_number {
                    Some(number) => write!(f, "failed: {reason} #{number}"),
                    None => write!(f, "failed: {reason}"),
                }
            }
            (state, ..) => f.write_str(state),
        }
    }
}

/// Milliseconds of the schema, where 0 stands for none.
pub fn optional_ms(ms: u64) -> Option<u64> {
    (ms != 0).then_some(ms)
}

/// One item of a timeline.
#[derive(Debug, Clone, Serialize)]
pub struct ItemView {
    /// Place in the log; absent while it is not there.
    pub seq: Option<u64>,
    /// Event id; absent for what the log itself says.
    pub event: Option<String>,
    /// Server time; this device's own while it is not in the log.
    pub time_ms: u64,
    /// Who acted.
    pub author: PersonRef,
    /// Its true state.
    #[serde(flatten)]
    pub state: StateView,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

impl ItemView {
    /// An item as this device shows it.
    pub fn of(engine: &Engine, item: &TimelineItem) -> Self {
        let people = |ids: &[ProfessionalId]| {
            ids.iter()
                .map(|id| PersonRef::of(engine, *id))
                .collect::<Vec<_>>()
        };
        let (event, body) = match &item.body {
            TimelineBody::Event(id, kind) => (Some(id.to_string()), Body::of_event(engine, kind)),
            TimelineBody::Notice {
                kind,
                subject,
                detail,
            } => {
                let body = Body::Notice {
                    notice: kind.clone(),
                    subject: PersonRef::of(engine, *subject),
                    detail: detail.clone(),
                };
                (None, body)
            }
            TimelineBody::CircleChange { added, removed } => {
                let body = Body::CircleChange {
                    added: people(added),
                    removed: people(removed),
                };
                (None, body)
            }
        };
        Self {
            seq: item.seq,
            event,
            time_ms: item.time_ms,
            author: PersonRef {
                id: item.author.to_string(),
                name: item.author_name.clone(),
            },
            state: StateView::of(&item.state),
            body,
        }
    }

    /// Writes it for people: a line that says who and when, then what.
    pub fn plain(&self, text: &mut Text) {
        let seq = self
            .seq
            .map_or_else(|| "–".to_owned(), |seq| seq.to_string());
        let event = self.event.as_deref().map(short).unwrap_or_default();
        let (at, name, state) = (time::minutes(self.time_ms), &self.author.name, &self.state);
        if let Body::Notice {
            notice,
            subject,
            detail,
        } = &self.body
        {
            // Zeros: it is about nobody.
            let about =
                Some(subject.name.as_str()).filter(|_| subject.id.bytes().any(|b| b != b'0'));
            let id = detail.len() == 32 && detail.bytes().all(|b| b.is_ascii_hexdigit());
            let detail = if id { short(detail) } else { detail };
            let notice = notice.replace('_', " ");
            let said = [Some(notice.as_str()), about, Some(detail)];
            let said: Vec<&str> = said
                .into_iter()
                .flatten()
                .filter(|s| !s.is_empty())
                .collect();
            return text.line(format_args!("{seq:>5}  {at}  * {}", said.join(" ")));
        }
        text.line(format_args!("{seq:>5}  {at}  {name}  [{state}]  {event}"));
        self.body.plain(text);
        if matches!(self.body, Body::CircleChange { .. }) && self.state.state == "lost" {
            text.line(format_args!(
                "{INDENT}nothing is said here until that is done again; or: relais thread accept"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_shown_as_they_are() {
        let shown = |state: EventState| StateView::of(&state).to_string();
        assert_eq!(shown(EventState::Waiting), "waiting");
        assert_eq!(shown(EventState::InFlight), "in flight");
        assert_eq!(shown(EventState::Sent { to: 0, of: 2 }), "sent");
        assert_eq!(shown(EventState::Sent { to: 1, of: 2 }), "delivered 1 of 2");
        let failed = EventState::Failed {
            number: 3,
            reason: "too large".into(),
        };
        assert_eq!(shown(failed), "failed: too large #3");
    }
}
