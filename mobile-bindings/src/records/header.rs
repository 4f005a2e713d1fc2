//! The patient header and its parts.

use relais_core::schema::v1 as schema;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct CalendarDate {
    /// Year, four digits.
    pub year: u32,
    /// Month, 1 to 12; 0 when it is not known.
    pub month: u32,
    /// Day, 1 to 31; 0 when it is not known.
    pub day: u32,
}

impl From<schema::Date> for CalendarDate {
    fn from(date: schema::Date) -> Self {
        let schema::Date { year, month, day } = date;
        Self { year, month, day }
    }
}

impl From<CalendarDate> for schema::Date {
    fn from(date: CalendarDate) -> Self {
        let CalendarDate { year, month, day } = date;
        Self { year, month, day }
    }
}

/// An enumeration of the schema, without its number for "not said".
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[$choice_doc:meta])* $choice:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[cfg_attr(feature = "web", derive(serde::Serialize, serde::Deserialize, ts_rs::TS), serde(rename_all = "camelCase"))]
        pub enum $name {
            $($(#[$choice_doc])* $choice,)*
        }

        impl $name {
            /// As in the schema; nothing where it is not said.
            pub(crate) fn of(value: relais_core::schema::v1::$name) -> Option<Self> {
                match value {
                    relais_core::schema::v1::$name::Unspecified => None,
                    $(relais_core::schema::v1::$name::$choice => Some(Self::$choice),)*
                }
            }
        }

        impl From<$name> for relais_core::schema::v1::$name {
            fn from(choice: $name) -> Self {
                match choice {
                    $($name::$choice => Self::$choice,)*
                }
            }
        }
    };
}
pub(crate) use choices;

choices! {
    /// Administrative sex.
    Sex {
        /// Female.
        Female,
        /// Male.
        Male,
        /// Not known.
        Unknown,
    }
}

choices! {
    /// How far a patient's identity is proved (référentiel national d'identitovigilance).
    IdentityStatus {
        /// As somebody said it.
        Provisional,
        /// Retrieved from the national service.
        Retrieved,
        /// Checked against an identity document.
        Validated,
        /// Both.
        Qualified,
    }
}

choices! {
    /// What an alert is about.
    AlertKind {
        /// An allergy.
        Allergy,
        /// A risk.
        Risk,
        /// Anything else.
        Other,
    }
}

/// The national health identity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Ins {
    /// Matricule, 15 characters.
    pub matricule: String,
    /// OID of the authority that gave it.
    pub oid: String,
}

/// Something that everybody must know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct PatientAlert {
    /// In words.
    pub label: String,
    /// What it is about.
    pub kind: Option<AlertKind>,
}

/// Somebody to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Contact {
    /// Name.
    pub name: String,
    /// Relation to the patient, in words.
    pub relation: String,
    /// Telephone number.
    pub phone: String,
}

/// Who the patient is. Each version replaces the whole one before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct PatientHeader {
    /// Family name at birth.
    pub birth_name: String,
    /// Given names at birth, in their order.
    pub birth_given_names: Vec<String>,
    /// Name in use; empty when it is the one at birth.
    pub used_name: String,
    /// Day of birth.
    pub birth_date: Option<CalendarDate>,
    /// Administrative sex.
    pub sex: Option<Sex>,
    /// INSEE code of the place of birth, five characters; empty when not known.
    pub birth_place: String,
    /// Telephone number; empty when not known.
    pub phone: String,
    /// How far the identity is proved.
    pub identity_status: Option<IdentityStatus>,
    /// National health identity: only with a qualified or retrieved identity.
    pub ins: Option<Ins>,
    /// What everybody must know.
    pub alerts: Vec<PatientAlert>,
    /// Who is to be called.
    pub contacts: Vec<Contact>,
    /// What the care is meant to reach, in words.
    pub care_aims: Vec<String>,
}

impl From<schema::PatientHeader> for PatientHeader {
    fn from(header: schema::PatientHeader) -> Self {
        let (sex, identity_status) = (
            Sex::of(header.sex()),
            IdentityStatus::of(header.identity_status()),
        );
        let alert = |alert: schema::Alert| PatientAlert {
            kind: AlertKind::of(alert.kind()),
            label: alert.label,
        };
        let contact = |contact: schema::Contact| Contact {
            name: contact.name,
            relation: contact.relation,
            phone: contact.phone,
        };
        let ins = |ins: schema::Ins| Ins {
            matricule: ins.matricule,
            oid: ins.oid,
        };
        Self {
            birth_name: header.birth_name,
            birth_given_names: header.birth_given_names,
            used_name: header.used_name,
            birth_date: header.birth_date.map(CalendarDate::from),
            sex,
            birth_place: header.birth_place,
            phone: header.phone,
            identity_status,
            ins: header.ins.map(ins),
            alerts: header.alerts.into_iter().map(alert).collect(),
            contacts: header.contacts.into_iter().map(contact).collect(),
            care_aims: header.care_aims,
        }
    }
}

impl From<PatientHeader> for schema::PatientHeader {
    fn from(header: PatientHeader) -> Self {
        let alert = |alert: PatientAlert| schema::Alert {
            kind: alert
                .kind
                .map(|kind| schema::AlertKind::from(kind).into())
                .unwrap_or_default(),
            label: alert.label,
        };
        let contact = |contact: Contact| schema::Contact {
            name: contact.name,
            relation: contact.relation,
            phone: contact.phone,
        };
        let ins = |ins: Ins| schema::Ins {
            matricule: ins.matricule,
            oid: ins.oid,
        };
        Self {
            birth_name: header.birth_name,
            birth_given_names: header.birth_given_names,
            used_name: header.used_name,
            birth_date: header.birth_date.map(schema::Date::from),
            sex: header
                .sex
                .map(|sex| schema::Sex::from(sex).into())
                .unwrap_or_default(),
            birth_place: header.birth_place,
            phone: header.phone,
            identity_status: header
                .identity_status
                .map(|status| schema::IdentityStatus::from(status).into())
                .unwrap_or_default(),
            ins: header.ins.map(ins),
            alerts: header.alerts.into_iter().map(alert).collect(),
            contacts: header.contacts.into_iter().map(contact).collect(),
            care_aims: header.care_aims,
        }
    }
}
