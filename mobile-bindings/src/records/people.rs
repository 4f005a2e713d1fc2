//! People of the practice, their devices, and what two people compare.

use relais_core::identity::cards::OwnCard;
use relais_core::identity::safety;
use relais_core::query;
use relais_core::schema::v1 as schema;
use relais_core::wire::structure::Standing;

/// Name and profession of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Card {
    /// Family name.
    pub family_name: String,
    /// Given name.
    pub given_name: String,
    /// Code of the profession in TRE_G15; 0 for a lay person.
    pub profession: u32,
    /// RPPS number, 11 digits; empty for a lay person.
    pub rpps: String,
}

impl From<schema::Card> for Card {
    fn from(card: schema::Card) -> Self {
        Self {
            family_name: card.family_name,
            given_name: card.given_name,
            profession: card.profession,
            rpps: card.rpps,
        }
    }
}

impl From<OwnCard> for Card {
    fn from(card: OwnCard) -> Self {
        Self {
            family_name: card.family_name,
            given_name: card.given_name,
            profession: card.profession,
            rpps: card.rpps,
        }
    }
}

impl From<Card> for OwnCard {
    fn from(card: Card) -> Self {
        Self {
            family_name: card.family_name,
            given_name: card.given_name,
            profession: card.profession,
            rpps: card.rpps,
        }
    }
}

/// What a person is in the practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum PersonStanding {
    /// Invites, confirms and revokes.
    Coordinator,
    /// A health professional.
    Professional,
    /// A secretary or lay coordinator.
    Lay,
}

impl From<Standing> for PersonStanding {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Coordinator => Self::Coordinator,
            Standing::Professional => Self::Professional,
            Standing::Lay => Self::Lay,
        }
    }
}

/// Whether a person's keys were compared on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum Verification {
    /// Never.
    Never,
    /// They match, and have not changed since.
    Verified,
    /// They were compared once, and have changed since: compare again.
    Lost,
}

impl From<safety::Verification> for Verification {
    fn from(verification: safety::Verification) -> Self {
        match verification {
            safety::Verification::Never => Self::Never,
            safety::Verification::Verified => Self::Verified,
            safety::Verification::Lost => Self::Lost,
        }
    }
}

/// What a comparison said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum SafetyCheck {
    /// The same: the keys are true.
    Match,
    /// Another: somebody may be in between, or one of the two is not up to date.
    Mismatch,
    /// A code of other people.
    OtherPeople,
    /// Shown by another version of Relais, or no code at all.
    OtherVersion,
}

impl From<safety::SafetyCheck> for SafetyCheck {
    fn from(check: safety::SafetyCheck) -> Self {
        match check {
            safety::SafetyCheck::Match => Self::Match,
            safety::SafetyCheck::Mismatch => Self::Mismatch,
            safety::SafetyCheck::OtherPeople => Self::OtherPeople,
            safety::SafetyCheck::OtherVersion => Self::OtherVersion,
        }
    }
}

/// What two people compare.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct SafetyCode {
    /// 60 digits in 12 groups, to be read out.
    pub digits: String,
    /// The bytes of a QR code, in byte mode.
    #[cfg_attr(feature = "web", serde(with = "serde_bytes"), ts(type = "Uint8Array"))]
    pub payload: Vec<u8>,
}

impl From<safety::SafetyCode> for SafetyCode {
    fn from(code: safety::SafetyCode) -> Self {
        Self {
            digits: code.digits,
            payload: code.payload,
        }
    }
}

/// A device of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Device {
    /// Its id.
    pub device: String,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A person of the practice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Person {
    /// Their id.
    pub person: String,
    /// Name and profession, once this device can read them.
    pub card: Option<Card>,
    /// What they are in the practice.
    pub standing: PersonStanding,
    /// Whether a coordinator has confirmed the enrolment.
    pub confirmed: bool,
    /// Whether their keys were compared on this device.
    pub verification: Verification,
    /// Their devices.
    pub devices: Vec<Device>,
}

impl From<query::PersonRecord> for Person {
    fn from(person: query::PersonRecord) -> Self {
        let device = |device: query::DeviceRecord| Device {
            device: device.device.to_string(),
            revoked: device.revoked,
        };
        Self {
            person: person.professional.to_string(),
            card: person.card.map(Card::from),
            standing: person.standing.into(),
            confirmed: person.confirmed,
            verification: person.verification.into(),
            devices: person.devices.into_iter().map(device).collect(),
        }
    }
}

/// An invitation that was issued on this device.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Invitation {
    /// Id of the person whom it makes.
    pub person: String,
    /// To be shown as QR code or handed over; a secret until it is used.
    pub link: String,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// Whether it was used.
    pub used: bool,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
    /// The server does not have it yet, and the link does not work.
    pub pending: bool,
    /// Whom it names; nothing for somebody invited again.
    pub card: Option<Card>,
}

impl From<query::Invitation> for Invitation {
    fn from(invitation: query::Invitation) -> Self {
        Self {
            person: invitation.professional.to_string(),
            link: invitation.link,
            expires_at_ms: invitation.expires_at_ms,
            used: invitation.used,
            withdrawn: invitation.withdrawn,
            pending: invitation.pending,
            card: invitation.card.map(Into::into),
        }
    }
}

/// A link for another device of the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct DeviceLink {
    /// To be shown as QR code; a secret until it is used.
    pub link: String,
    /// Server time, milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}
