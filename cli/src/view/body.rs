//! What an item of a timeline says, as JSON and as text.

use relais_core::Engine;
use relais_core::schema::v1::HistoryKind;
use relais_core::schema::v1::content::Kind;
use relais_core::wire::ids::{TaskId, WoundId};
use serde::Serialize;

use super::{AssessmentView, PersonRef, SiteView, event_hex, optional_ms, short};
use crate::header::HeaderForm;
use crate::render::Text;
use crate::time;
use crate::words::{Basis, Change, Origin, Priority, Request, Side, WoundChange};

/// What an item says; `kind` tells which.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// The thread and its title.
    ThreadOpened { title: String },
    /// A version of the patient header.
    PatientHeader { header: HeaderForm },
    /// Why somebody is in the circle.
    MembershipNote {
        person: Option<PersonRef>,
        role_text: String,
        basis: Option<Basis>,
        consent_date: Option<String>,
        until_ms: Option<u64>,
        /// What of the past they were promised.
        history: Option<&'static str>,
        history_since_ms: Option<u64>,
    },
    /// Somebody was given a part of the past.
    HistoryShared {
        person: Option<PersonRef>,
        history: Option<&'static str>,
        since_ms: Option<u64>,
        first_seq: u64,
        last_seq: u64,
        events: u64,
    },
    /// A text.
    Message {
        text: String,
        priority: Option<Priority>,
        reply_to: Option<String>,
    },
    /// A photo; `blob` names the original.
    Photo {
        blob: Option<String>,
        width: u32,
        height: u32,
        caption: String,
        body_site: String,
        side: Option<Side>,
        /// In whose series it belongs.
        wound: Option<String>,
    },
    /// A task begins.
    TaskCreated {
        task: String,
        title: String,
        detail: String,
        owner: Option<PersonRef>,
        priority: Option<Priority>,
        due_ms: Option<u64>,
        about: Option<String>,
    },
    /// A task goes on.
    TaskChanged {
        task: String,
        change: Option<Change>,
        reason: String,
    },
    /// A handover (SAED).
    HandoverNote {
        situation: String,
        background: String,
        assessment: String,
        request: String,
        request_kind: Option<Request>,
        deadline_ms: Option<u64>,
        receivers: Vec<PersonRef>,
    },
    /// A receiver has it.
    HandoverAcknowledged { handover: String, synthesis: String },
    /// A wound begins to be followed.
    WoundOpened {
        wound: Option<String>,
        origin: Option<Origin>,
        onset: Option<String>,
        site: Option<SiteView>,
    },
    /// A wound was assessed.
    WoundAssessed {
        wound: Option<String>,
        found: AssessmentView,
    },
    /// A wound was closed or reopened.
    WoundChanged {
        wound: Option<String>,
        change: Option<WoundChange>,
        reason: String,
    },
    /// Something that a timeline does not show.
    Other,
    /// What the log itself says.
    Notice {
        notice: String,
        subject: PersonRef,
        detail: String,
    },
    /// A change of the circle that has not been carried out.
    CircleChange {
        added: Vec<PersonRef>,
        removed: Vec<PersonRef>,
    },
}

fn task_hex(id: &[u8]) -> String {
    TaskId::try_from(id).map_or_else(|_| String::new(), |id| id.to_string())
}

fn wound_hex(id: &[u8]) -> Option<String> {
    Some(WoundId::try_from(id).ok()?.to_string())
}

impl Body {
    /// The content of an event.
    pub fn of_event(engine: &Engine, kind: &Kind) -> Self {
        match kind {
            Kind::ThreadOpened(opened) => Self::ThreadOpened {
                title: opened.title.clone(),
            },
            Kind::PatientHeader(header) => Self::PatientHeader {
                header: HeaderForm::of(header),
            },
            Kind::MembershipNote(note) => Self::MembershipNote {
                person: PersonRef::from_bytes(engine, &note.professional_id),
                role_text: note.role.clone(),
                basis: Basis::of(note.basis()),
                consent_date: note.consent_date.as_ref().map(time::date),
                until_ms: optional_ms(note.until_ms),
                history: history_word(note.history()),
                history_since_ms: optional_ms(note.history_since_ms),
            },
            Kind::HistoryShared(shared) => Self::HistoryShared {
                person: PersonRef::from_bytes(engine, &shared.professional_id),
                history: history_word(shared.kind()),
                since_ms: optional_ms(shared.since_ms),
                first_seq: shared.first_seq,
                last_seq: shared.last_seq,
                events: shared.events,
            },
            Kind::Message(message) => Self::Message {
                text: message.text.clone(),
                priority: Priority::of(message.priority()),
                reply_to: event_hex(&message.reply_to),
            },
            Kind::Photo(photo) => Self::Photo {
                blob: photo.original.as_ref().map(|b| hex::encode(&b.blob_id)),
                width: photo.width,
                height: photo.height,
                caption: photo.caption.clone(),
                body_site: photo.body_site.clone(),
                side: Side::of(photo.laterality()),
                wound: wound_hex(&photo.wound_id),
            },
            Kind::TaskCreated(task) => Self::TaskCreated {
                task: task_hex(&task.task_id),
                title: task.title.clone(),
                detail: task.detail.clone(),
                owner: PersonRef::from_bytes(engine, &task.owner),
                priority: Priority::of(task.priority()),
                due_ms: optional_ms(task.due_ms),
                about: event_hex(&task.linked_event),
            },
            Kind::TaskChanged(change) => Self::TaskChanged {
                task: task_hex(&change.task_id),
                change: Change::of(change.change()),
                reason: change.reason.clone(),
            },
            Kind::HandoverNote(note) => Self::HandoverNote {
                situation: note.situation.clone(),
                background: note.background.clone(),
                assessment: note.assessment.clone(),
                request: note.request.clone(),
                request_kind: Request::of(note.request_kind()),
                deadline_ms: optional_ms(note.deadline_ms),
                receivers: note
                    .receivers
                    .iter()
                    .filter_map(|id| PersonRef::from_bytes(engine, id))
                    .collect(),
            },
            Kind::HandoverAcknowledged(ack) => Self::HandoverAcknowledged {
                handover: hex::encode(&ack.handover),
                synthesis: ack.synthesis.clone(),
            },
            Kind::WoundOpened(opened) => Self::WoundOpened {
                wound: wound_hex(&opened.wound_id),
                origin: Origin::of(opened.origin()),
                onset: opened.onset.as_ref().map(time::date),
                site: opened.site.as_ref().map(SiteView::of),
            },
            Kind::WoundAssessed(found) => Self::WoundAssessed {
                wound: wound_hex(&found.wound_id),
                found: AssessmentView::of(found),
            },
            Kind::WoundChanged(changed) => Self::WoundChanged {
                wound: wound_hex(&changed.wound_id),
                change: WoundChange::of(changed.change()),
                reason: changed.reason.clone(),
            },
            Kind::ReadMarker(_) | Kind::Void(_) | Kind::Recovered(_) => Self::Other,
        }
    }
}

/// How much of the past, as `--history` names it.
fn history_word(kind: HistoryKind) -> Option<&'static str> {
    Some(match kind {
        HistoryKind::Unspecified => return None,
        HistoryKind::None => "none",
        HistoryKind::Since => "since",
        HistoryKind::Summary => "summary",
        HistoryKind::All => "all",
        HistoryKind::Requested => "requested",
    })
}

/// The same for people.
fn history_text(history: Option<&str>, since_ms: Option<u64>) -> String {
    match (history, since_ms) {
        (Some("since"), Some(ms)) => format!("everything since {}", time::minutes(ms)),
        (Some("summary"), _) => "a summary with open work".to_owned(),
        (Some("all"), _) => "everything".to_owned(),
        (Some("requested"), _) => "what was missing".to_owned(),
        _ => "nothing".to_owned(),
    }
}

/// In front of every line of what somebody wrote.
pub(super) const INDENT: &str = "       ";

fn names(people: &[PersonRef]) -> String {
    let names: Vec<&str> = people.iter().map(|p| p.name.as_str()).collect();
    names.join(", ")
}

impl Body {
    /// Writes it for people, behind an indent.
    pub fn plain(&self, text: &mut Text) {
        match self {
            Self::ThreadOpened { title } => text.line(format_args!("{INDENT}thread: {title}")),
            Self::PatientHeader { header } => {
                text.line(format_args!("{INDENT}patient header:"));
                header.plain(text, INDENT);
            }
            Self::MembershipNote {
                person,
                role_text,
                basis,
                until_ms,
                history,
                history_since_ms,
                ..
            } => {
                let name = person.as_ref().map_or("?", |p| p.name.as_str());
                let basis = basis.map(|b| format!(", {b}")).unwrap_or_default();
                let until = until_ms.map(|ms| format!(", until {}", time::minutes(ms)));
                let until = until.unwrap_or_default();
                text.line(format_args!("{INDENT}{name}: {role_text}{basis}{until}"));
                if history.is_some() {
                    let past = history_text(*history, *history_since_ms);
                    text.line(format_args!("{INDENT}of the past: {past}"));
                }
            }
            Self::HistoryShared {
                person,
                history,
                since_ms,
                events,
                ..
            } => {
                let name = person.as_ref().map_or("?", |p| p.name.as_str());
                let past = history_text(*history, *since_ms);
                text.line(format_args!(
                    "{INDENT}shared with {name}: {past} ({events} events)"
                ));
            }
            Self::Message {
                text: said,
                priority,
                reply_to,
            } => {
                match priority {
                    Some(Priority::Urgent) => text.line(format_args!("{INDENT}URGENT")),
                    Some(Priority::Information) => {
                        text.line(format_args!("{INDENT}for information"));
                    }
                    _ => {}
                }
                if let Some(event) = reply_to {
                    text.line(format_args!("{INDENT}in reply to {}", short(event)));
                }
                text.block(INDENT, said);
            }
            Self::Photo {
                width,
                height,
                caption,
                body_site,
                side,
                ..
            } => {
                let side = side.map(|side| format!(" {side}")).unwrap_or_default();
                text.line(format_args!(
                    "{INDENT}photo {width}×{height} {body_site}{side}"
                ));
                text.block(INDENT, caption);
            }
            Self::TaskCreated {
                task,
                title,
                detail,
                owner,
                due_ms,
                ..
            } => {
                let who = owner.as_ref().map_or("anyone", |p| p.name.as_str());
                let due = due_ms.map(|ms| format!(", due {}", time::minutes(ms)));
                let due = due.unwrap_or_default();
                text.line(format_args!(
                    "{INDENT}task {}: {title} ({who}{due})",
                    short(task)
                ));
                text.block(INDENT, detail);
            }
            Self::TaskChanged {
                task,
                change,
                reason,
            } => {
                let change = change.map(|c| c.to_string()).unwrap_or_default();
                text.line(format_args!("{INDENT}task {} {change}", short(task)));
                text.block(INDENT, reason);
            }
            Self::HandoverNote {
                situation,
                background,
                assessment,
                request,
                request_kind,
                deadline_ms,
                receivers,
            } => {
                let kind = request_kind
                    .map(|kind| kind.to_string())
                    .unwrap_or_default();
                let by = deadline_ms.map(|ms| format!(", by {}", time::minutes(ms)));
                let (by, to) = (by.unwrap_or_default(), names(receivers));
                text.line(format_args!("{INDENT}handover to {to}: {kind}{by}"));
                for (head, field) in [
                    ("S", situation),
                    ("A", background),
                    ("E", assessment),
                    ("D", request),
                ] {
                    text.block(&format!("{INDENT}{head}  "), field);
                }
            }
            Self::HandoverAcknowledged {
                handover,
                synthesis,
            } => {
                text.line(format_args!(
                    "{INDENT}acknowledges handover {}",
                    short(handover)
                ));
                text.block(INDENT, synthesis);
            }
            Self::WoundOpened {
                wound,
                origin,
                site,
                ..
            } => {
                let wound = wound.as_deref().map_or("?", short);
                let site = site.as_ref().map(ToString::to_string).unwrap_or_default();
                let origin = origin.map(|o| format!(" ({o})")).unwrap_or_default();
                text.line(format_args!("{INDENT}wound {wound}: {site}{origin}"));
            }
            Self::WoundAssessed { wound, found } => {
                let wound = wound.as_deref().map_or("?", short);
                text.line(format_args!("{INDENT}wound {wound} assessed"));
                found.plain(text, INDENT);
            }
            Self::WoundChanged {
                wound,
                change,
                reason,
            } => {
                let wound = wound.as_deref().map_or("?", short);
                let change = change.map(|c| c.to_string()).unwrap_or_default();
                text.line(format_args!("{INDENT}wound {wound} {change}"));
                text.block(INDENT, reason);
            }
            Self::CircleChange { added, removed } => {
                if !added.is_empty() {
                    text.line(format_args!("{INDENT}adding {}", names(added)));
                }
                if !removed.is_empty() {
                    text.line(format_args!("{INDENT}removing {}", names(removed)));
                }
            }
            Self::Notice { .. } | Self::Other => {}
        }
    }
}
