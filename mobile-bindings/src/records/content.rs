//! What events say.

use relais_core::query::Push;
use relais_core::schema::v1::{self as schema, content::Kind};
use relais_core::wire::ids::{BlobId, EventId, ProfessionalId, TaskId, WoundId};

use super::assessment::{Assessment, BodySite, WoundChange, WoundOrigin};
use super::header::{CalendarDate, PatientHeader, choices};
use super::wounds::PushScore;
use super::{optional_id, optional_ms};

choices! {
    /// How urgent something is.
    Priority {
        /// For information: no answer is expected.
        Information,
        /// As usual.
        Normal,
        /// It cannot wait; it stays on top until somebody takes it.
        Urgent,
    }
}

choices! {
    /// On what basis somebody is in a circle of care.
    Basis {
        /// They belong to the care team.
        CareTeam,
        /// The patient named them.
        PatientDesignated,
        /// The patient consented, on a day.
        Consent,
    }
}

choices! {
    /// Which side of the body.
    Laterality {
        /// The patient's left.
        Left,
        /// The patient's right.
        Right,
        /// In the middle.
        Midline,
    }
}

choices! {
    /// What became of a task.
    TaskChange {
        /// Somebody does it.
        Taken,
        /// It is done.
        Done,
        /// Somebody will not do it, with a reason; it is open again for others.
        Declined,
    }
}

choices! {
    /// What a handover asks for.
    RequestKind {
        /// An opinion.
        Advice,
        /// A prescription.
        Prescription,
        /// A visit.
        Visit,
        /// Nothing but to know.
        Information,
    }
}

choices! {
    /// How much of the past is promised or shared.
    HistoryKind {
        /// Nothing.
        None,
        /// Everything since a time.
        Since,
        /// Circle, open work and the latest messages.
        Summary,
        /// Everything.
        All,
        /// An answer to a device that missed it.
        Requested,
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
pub enum Content {
    /// The thread was opened.
    ThreadOpened {
        /// Its title.
        title: String,
    },
    /// A version of the patient header.
    Header {
        /// The whole header.
        header: PatientHeader,
    },
    /// Why somebody is in the circle.
    MembershipNote {
        /// Id of the person.
        person: Option<String>,
        /// Their role in words.
        role_text: String,
        /// The basis.
        basis: Option<Basis>,
        /// Day of the consent, when that is the basis.
        consent_date: Option<CalendarDate>,
        /// End of the membership, milliseconds since the Unix epoch.
        until_ms: Option<u64>,
        /// What of the past they were promised.
        history: Option<HistoryKind>,
        /// With `Since`: milliseconds since the Unix epoch.
        history_since_ms: Option<u64>,
    },
    /// A text.
    Message {
        /// What was written.
        text: String,
        /// How urgent.
        priority: Option<Priority>,
        /// Id of the event that it answers.
        reply_to: Option<String>,
    },
    /// A photo.
    Photo {
        /// Id of the original, for `Relais.photo`.
        photo: Option<String>,
        /// A small JPEG, long side at most 320 pixels: shown while the original comes.
        #[cfg_attr(feature = "web", serde(with = "serde_bytes"), ts(type = "Uint8Array"))]
        thumbnail: Vec<u8>,
        /// Width of the original in pixels.
        width: u32,
        /// Height of the original in pixels.
        height: u32,
        /// What it shows, in words; may be empty.
        caption: String,
        /// Where on the body, in words; may be empty.
        body_site: String,
        /// Which side.
        laterality: Option<Laterality>,
        /// Id of the wound whose series it belongs to.
        wound: Option<String>,
    },
    /// A task begins.
    TaskCreated {
        /// Its id.
        task: Option<String>,
        /// What is to be done, in a line.
        title: String,
        /// The rest; may be empty.
        detail: String,
        /// Id of who is to do it; nothing when anyone may take it.
        owner: Option<String>,
        /// How urgent.
        priority: Option<Priority>,
        /// By when, milliseconds since the Unix epoch.
        due_ms: Option<u64>,
        /// Id of the event that it is about.
        about: Option<String>,
    },
    /// A task goes on.
    TaskChanged {
        /// Its id.
        task: Option<String>,
        /// What became of it.
        change: Option<TaskChange>,
        /// Why it was declined; else empty.
        reason: String,
    },
    /// A handover note (SAED of the HAS).
    Handover {
        /// The note.
        note: HandoverNote,
    },
    /// A receiver has a handover.
    HandoverAcknowledged {
        /// Id of the note's event.
        handover: Option<String>,
        /// The receiver's own words; may be empty.
        synthesis: String,
    },
    /// A wound begins to be followed.
    WoundOpened {
        /// Its id.
        wound: Option<String>,
        /// What caused it.
        origin: Option<WoundOrigin>,
        /// Where on the body.
        site: Option<BodySite>,
    },
    /// A wound was assessed.
    WoundAssessed {
        /// Its id.
        wound: Option<String>,
        /// What was found.
        found: Assessment,
        /// Where length, width, exudate and tissue are given.
        push: Option<PushScore>,
    },
    /// A wound was closed or reopened.
    WoundChanged {
        /// Its id.
        wound: Option<String>,
        /// What became of it.
        change: Option<WoundChange>,
        /// Why it was closed without being healed; else empty.
        reason: String,
    },
    /// Somebody was given a part of the past.
    HistoryShared {
        /// Id of the person.
        person: Option<String>,
        /// How much.
        kind: Option<HistoryKind>,
        /// With `Since`: milliseconds since the Unix epoch.
        since_ms: Option<u64>,
        /// First entry of the log.
        first_seq: u64,
        /// Last entry of the log.
        last_seq: u64,
        /// Events that it holds.
        events: u64,
    },
    /// Of a kind that this version does not show.
    Unsupported,
}

/// A handover note (SAED of the HAS).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct HandoverNote {
    /// Situation.
    pub situation: String,
    /// Antécédents: what led to it.
    pub background: String,
    /// Évaluation: what the author finds.
    pub assessment: String,
    /// Demande: what the author asks for.
    pub request: String,
    /// What kind of request it is.
    pub request_kind: Option<RequestKind>,
    /// By when, milliseconds since the Unix epoch.
    pub deadline_ms: Option<u64>,
    /// Ids of those whose acknowledgement completes it.
    pub receivers: Vec<String>,
}

impl From<schema::HandoverNote> for HandoverNote {
    fn from(note: schema::HandoverNote) -> Self {
        let request_kind = RequestKind::of(note.request_kind());
        let receivers = note.receivers.iter();
        Self {
            request_kind,
            receivers: receivers
                .filter_map(|id| optional_id::<ProfessionalId>(id))
                .collect(),
            deadline_ms: optional_ms(note.deadline_ms),
            situation: note.situation,
            background: note.background,
            assessment: note.assessment,
            request: note.request,
        }
    }
}

impl From<Kind> for Content {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::ThreadOpened(opened) => Self::ThreadOpened {
                title: opened.title,
            },
            Kind::PatientHeader(header) => Self::Header {
                header: header.into(),
            },
            Kind::MembershipNote(note) => Self::MembershipNote {
                person: optional_id::<ProfessionalId>(&note.professional_id),
                basis: Basis::of(note.basis()),
                history: HistoryKind::of(note.history()),
                role_text: note.role,
                consent_date: note.consent_date.map(CalendarDate::from),
                until_ms: optional_ms(note.until_ms),
                history_since_ms: optional_ms(note.history_since_ms),
            },
            Kind::Message(message) => Self::Message {
                priority: Priority::of(message.priority()),
                reply_to: optional_id::<EventId>(&message.reply_to),
                text: message.text,
            },
            Kind::Photo(photo) => Self::Photo {
                laterality: Laterality::of(photo.laterality()),
                wound: optional_id::<WoundId>(&photo.wound_id),
                photo: photo
                    .original
                    .and_then(|original| optional_id::<BlobId>(&original.blob_id)),
                thumbnail: photo.thumbnail.into(),
                width: photo.width,
                height: photo.height,
                caption: photo.caption,
                body_site: photo.body_site,
            },
            Kind::TaskCreated(task) => Self::TaskCreated {
                priority: Priority::of(task.priority()),
                task: optional_id::<TaskId>(&task.task_id),
                owner: optional_id::<ProfessionalId>(&task.owner),
                about: optional_id::<EventId>(&task.linked_event),
                title: task.title,
                detail: task.detail,
                due_ms: optional_ms(task.due_ms),
            },
            Kind::TaskChanged(change) => Self::TaskChanged {
                task: optional_id::<TaskId>(&change.task_id),
                change: TaskChange::of(change.change()),
                reason: change.reason,
            },
            Kind::HandoverNote(note) => Self::Handover { note: note.into() },
            Kind::HandoverAcknowledged(ack) => Self::HandoverAcknowledged {
                handover: optional_id::<EventId>(&ack.handover),
                synthesis: ack.synthesis,
            },
            Kind::WoundOpened(opened) => Self::WoundOpened {
                wound: optional_id::<WoundId>(&opened.wound_id),
                origin: WoundOrigin::of(opened.origin()),
                site: opened.site.map(Into::into),
            },
            Kind::WoundAssessed(found) => Self::WoundAssessed {
                wound: optional_id::<WoundId>(&found.wound_id),
                push: Push::of(&found).map(Into::into),
                found: found.into(),
            },
            Kind::WoundChanged(changed) => Self::WoundChanged {
                wound: optional_id::<WoundId>(&changed.wound_id),
                change: WoundChange::of(changed.change()),
                reason: changed.reason,
            },
            Kind::HistoryShared(shared) => Self::HistoryShared {
                person: optional_id::<ProfessionalId>(&shared.professional_id),
                kind: HistoryKind::of(shared.kind()),
                since_ms: optional_ms(shared.since_ms),
                first_seq: shared.first_seq,
                last_seq: shared.last_seq,
                events: shared.events,
            },
            Kind::ReadMarker(_) | Kind::Void(_) | Kind::Recovered(_) => Self::Unsupported,
        }
    }
}
