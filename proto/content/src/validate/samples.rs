//! One valid value of each kind, of fictitious people, for the tests to alter.

use prost::Message as _;

use super::Checked;
use crate::ins::Oid;
use crate::v1::content::Kind;
use crate::v1::{
    Alert, AlertKind, AreaSource, Basis, BlobReference, BodyPlace, BodySite, BodyView, Card,
    ChannelKind, Contact, Content, Date, EventBody, Exudate, ExudateType, HandoverAcknowledged,
    HandoverNote, HistoryKind, HistoryShared, IdentityStatus, InfectionSign, Ins, Laterality,
    MembershipNote, Message, Odour, PatientHeader, PeriwoundSkin, Photo, Priority, ReadMarker,
    Recovered, RequestKind, Sex, SignedEvent, TaskChange, TaskChanged, TaskCreated, ThreadOpened,
    TissueShares, Trend, Void, WoundAssessed, WoundChange, WoundChanged, WoundEdge, WoundOpened,
    WoundOrigin,
};

/// Alters a valid value and expects a refusal of exactly that field.
#[track_caller]
pub(crate) fn refused_field<T>(
    mut value: T,
    change: fn(&mut T),
    check: fn(&T) -> Checked,
    field: &str,
) {
    change(&mut value);
    let error = check(&value).expect_err("refused");
    assert_eq!(error.field, field, "{error}");
    assert!(!error.problem.is_empty());
}

pub(crate) fn content(kind: Kind) -> Content {
    Content { kind: Some(kind) }
}

pub(crate) fn date(year: u32, month: u32, day: u32) -> Date {
    Date { year, month, day }
}

/// Every kind, in the order of the schema.
pub(crate) fn all() -> Vec<Content> {
    [
        Kind::ThreadOpened(thread_opened()),
        Kind::PatientHeader(patient_header()),
        Kind::MembershipNote(membership_note()),
        Kind::Message(message()),
        Kind::Photo(photo()),
        Kind::TaskCreated(task_created()),
        Kind::TaskChanged(task_changed()),
        Kind::HandoverNote(handover_note()),
        Kind::HandoverAcknowledged(handover_acknowledged()),
        Kind::ReadMarker(ReadMarker { seq: 7 }),
        Kind::Void(Void {}),
        Kind::HistoryShared(history_shared()),
        Kind::Recovered(recovered()),
        Kind::WoundOpened(wound_opened()),
        Kind::WoundAssessed(wound_assessed()),
        Kind::WoundChanged(wound_changed()),
    ]
    .map(content)
    .into()
}

fn bytes(fill: u8, length: usize) -> prost::bytes::Bytes {
    vec![fill; length].into()
}

pub(crate) fn thread_opened() -> ThreadOpened {
    ThreadOpened {
        thread_id: bytes(1, 16),
        channel_kind: ChannelKind::Main.into(),
        title: "Plaie du talon, retour à domicile".into(),
        rosters: vec![bytes(2, 200)],
    }
}

pub(crate) fn patient_header() -> PatientHeader {
    PatientHeader {
        birth_name: "EXEMPLE".into(),
        birth_given_names: vec!["ODETTE".into()],
        used_name: "Fictive".into(),
        birth_date: Some(date(1955, 1, 31)),
        sex: Sex::Female.into(),
        birth_place: "99999".into(),
        phone: "01 99 00 12 34".into(),
        identity_status: IdentityStatus::Qualified.into(),
        ins: Some(Ins {
            matricule: "255019999900179".into(),
            oid: Oid::Demo.as_str().into(),
        }),
        alerts: vec![Alert {
            label: "Pénicilline".into(),
            kind: AlertKind::Allergy.into(),
        }],
        contacts: vec![Contact {
            name: "Paul Fictif".into(),
            relation: "fils".into(),
            phone: "+33 1 99 00 56 78".into(),
        }],
        care_aims: vec!["Rester chez elle\nMarcher jusqu'au jardin".into()],
    }
}

pub(crate) fn membership_note() -> MembershipNote {
    MembershipNote {
        professional_id: bytes(3, 16),
        role: "infirmière libérale".into(),
        basis: Basis::Consent.into(),
        consent_date: Some(date(2026, 2, 28)),
        until_ms: 1_800_000_000_000,
        history: HistoryKind::Since.into(),
        history_since_ms: 1_780_000_000_000,
    }
}

pub(crate) fn message() -> Message {
    Message {
        text: "Pansement refait ce matin.\nPas de fièvre.".into(),
        priority: Priority::Normal.into(),
        reply_to: bytes(4, 16),
    }
}

pub(crate) fn photo() -> Photo {
    let mut thumbnail = vec![0xFF, 0xD8, 0xFF, 0xE0];
    thumbnail.resize(600, 7);
    Photo {
        original: Some(BlobReference {
            blob_id: bytes(5, 16),
            key: bytes(6, 32),
            plaintext_len: 900_000,
            ciphertext_sha256: bytes(7, 32),
        }),
        thumbnail: thumbnail.into(),
        width: 3_000,
        height: 4_000,
        caption: "Jour 12".into(),
        body_site: "talon".into(),
        laterality: Laterality::Left.into(),
        wound_id: bytes(11, 16),
    }
}

pub(crate) fn task_created() -> TaskCreated {
    TaskCreated {
        task_id: bytes(8, 16),
        title: "Prélever un INR".into(),
        detail: "À jeun, avant 9 h".into(),
        owner: bytes(3, 16),
        priority: Priority::Urgent.into(),
        due_ms: 1_790_000_000_000,
        linked_event: bytes(4, 16),
    }
}

pub(crate) fn task_changed() -> TaskChanged {
    TaskChanged {
        task_id: bytes(8, 16),
        change: TaskChange::Declined.into(),
        reason: "Patiente hospitalisée".into(),
    }
}

pub(crate) fn handover_note() -> HandoverNote {
    HandoverNote {
        situation: "Plaie du talon, stade 3, odeur depuis hier".into(),
        background: "Diabète de type 2".into(),
        assessment: "Surinfection possible".into(),
        request: "Avis sur le pansement".into(),
        request_kind: RequestKind::Advice.into(),
        deadline_ms: 1_790_000_000_000,
        receivers: vec![bytes(9, 16), bytes(10, 16)],
    }
}

pub(crate) fn handover_acknowledged() -> HandoverAcknowledged {
    HandoverAcknowledged {
        handover: bytes(4, 16),
        synthesis: "Je passe demain à 8 h".into(),
    }
}

pub(crate) fn wound_opened() -> WoundOpened {
    WoundOpened {
        wound_id: bytes(11, 16),
        origin: WoundOrigin::Pressure.into(),
        onset: Some(date(2026, 2, 14)),
        site: Some(BodySite {
            code: "76853006".into(),
            words: "talon".into(),
            laterality: Laterality::Left.into(),
        }),
        place: Some(BodyPlace {
            view: BodyView::Back.into(),
            x: 430,
            y: 985,
        }),
    }
}

pub(crate) fn wound_assessed() -> WoundAssessed {
    WoundAssessed {
        wound_id: bytes(11, 16),
        photo: bytes(4, 16),
        length_mm: Some(42),
        width_mm: Some(30),
        depth_mm: Some(4),
        area_mm2: Some(1_260),
        area_source: AreaSource::Computed.into(),
        tissue: Some(TissueShares {
            necrosis: 0,
            slough: 30,
            granulation: 60,
            epithelium: 10,
        }),
        exudate: Exudate::Moderate.into(),
        exudate_type: ExudateType::Serous.into(),
        edges: vec![WoundEdge::Unattached.into(), WoundEdge::Macerated.into()],
        periwound: vec![PeriwoundSkin::Erythema.into()],
        undermining_mm: Some(5),
        tunnelling_mm: Some(0),
        odour: Odour::Slight.into(),
        pain: Some(3),
        infection_signs: vec![InfectionSign::Warmth.into()],
        dressing: "Hydrofibre, bande".into(),
        trend: Trend::Better.into(),
    }
}

pub(crate) fn wound_changed() -> WoundChanged {
    WoundChanged {
        wound_id: bytes(11, 16),
        change: WoundChange::Closed.into(),
        reason: "Suivie à l'hôpital".into(),
    }
}

pub(crate) fn history_shared() -> HistoryShared {
    HistoryShared {
        professional_id: bytes(3, 16),
        kind: HistoryKind::Since.into(),
        since_ms: 1_780_000_000_000,
        first_seq: 12,
        last_seq: 80,
        events: 60,
    }
}

pub(crate) fn event_body() -> EventBody {
    EventBody {
        channel_id: bytes(1, 16),
        event_id: bytes(2, 16),
        device_id: bytes(3, 16),
        counter: 4,
        content: Some(content(Kind::Message(message()))),
        ..EventBody::default()
    }
}

pub(crate) fn recovered_of(body: &EventBody) -> Recovered {
    let signed = SignedEvent {
        body: body.encode_to_vec().into(),
        signature: bytes(5, 64),
    };
    Recovered {
        signed_event: signed.encode_to_vec().into(),
    }
}

pub(crate) fn recovered() -> Recovered {
    recovered_of(&event_body())
}

pub(crate) fn card() -> Card {
    Card {
        professional_id: bytes(3, 16),
        family_name: "Fictif".into(),
        given_name: "Maëlle".into(),
        profession: 60,
        rpps: "99900000011".into(),
    }
}
