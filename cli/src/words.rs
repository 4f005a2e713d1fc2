//! The schema's enumerations as words, for options, JSON and files. The same
//! words in both directions; JSON writes them with underscores.

use clap::ValueEnum;
use relais_core::schema::v1 as schema;
use relais_core::wire::v1 as wire;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident for $schema:path {
        $($(#[$variant_doc:meta])* $variant:ident,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The word for a value; `None` when it was not given.
            pub fn of(value: $schema) -> Option<Self> {
                use $schema as Schema;
                match value {
                    $(Schema::$variant => Some(Self::$variant),)*
                    Schema::Unspecified => None,
                }
            }

            /// The value for a word.
            pub fn schema(self) -> $schema {
                use $schema as Schema;
                match self { $(Self::$variant => Schema::$variant,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.to_possible_value() {
                    Some(value) => f.write_str(&value.get_name().replace('-', " ")),
                    None => Ok(()),
                }
            }
        }
    )*};
}

words! {
    /// What a member of a thread may do.
    Role for wire::ChannelRole {
        /// Changes the circle, and everything else
        Manager,
        /// Writes and reads
        Contributor,
        /// Reads and acknowledges
        Reader,
    }
    /// Why somebody is in the circle.
    Basis for schema::Basis {
        /// Member of the care team
        CareTeam,
        /// Designated by the patient
        PatientDesignated,
        /// The patient consented, on a date
        Consent,
    }
    /// How urgent something is.
    Priority for schema::Priority {
        /// For information
        Information,
        /// As usual
        Normal,
        /// Interrupts
        Urgent,
    }
    /// Side of the body.
    Side for schema::Laterality {
        /// Left
        Left,
        /// Right
        Right,
        /// On the midline
        Midline,
    }
    /// What a handover asks for.
    Request for schema::RequestKind {
        /// Advice
        Advice,
        /// A prescription
        Prescription,
        /// A visit
        Visit,
        /// Nothing but to know
        Information,
    }
    /// Administrative sex.
    Sex for schema::Sex {
        /// Female
        Female,
        /// Male
        Male,
        /// Not known
        Unknown,
    }
    /// How far the patient's identity is established.
    IdentityStatus for schema::IdentityStatus {
        /// As told
        Provisional,
        /// Returned by the INSi service
        Retrieved,
        /// Checked against a document
        Validated,
        /// Both: the only one that carries an INS
        Qualified,
    }
    /// Kind of an alert.
    AlertKind for schema::AlertKind {
        /// Allergy
        Allergy,
        /// Risk
        Risk,
        /// Other
        Other,
    }
    /// What a task became.
    Change for schema::TaskChange {
        /// Somebody does it
        Taken,
        /// Done
        Done,
        /// Declined with a reason
        Declined,
    }
    /// What caused a wound.
    Origin for schema::WoundOrigin {
        /// Pressure
        Pressure,
        /// Venous insufficiency
        Venous,
        /// Arterial insufficiency
        Arterial,
        /// The diabetic foot
        DiabeticFoot,
        /// An operation
        Surgical,
        /// An injury
        Trauma,
        /// A burn
        Burn,
        /// Anything else
        Other,
    }
    /// Side of the body map.
    Map for schema::BodyView {
        /// From the front
        Front,
        /// From behind
        Back,
    }
    /// How much a wound exudes.
    Exudate for schema::Exudate {
        /// Nothing
        None,
        /// A little
        Low,
        /// Some
        Moderate,
        /// Much
        High,
    }
    /// What a wound exudes.
    ExudateType for schema::ExudateType {
        /// Clear
        Serous,
        /// Clear with blood
        Serosanguineous,
        /// Blood
        Sanguineous,
        /// Pus
        Purulent,
    }
    /// What a wound's edge is like.
    Edge for schema::WoundEdge {
        /// Level with the bed
        Attached,
        /// Away from the bed
        Unattached,
        /// Rolled under
        Rolled,
        /// With a callus
        Calloused,
        /// Macerated
        Macerated,
        /// Irregular
        Irregular,
    }
    /// What the skin around a wound is like.
    Skin for schema::PeriwoundSkin {
        /// Healthy
        Intact,
        /// Red
        Erythema,
        /// Macerated
        Maceration,
        /// Dry
        Dry,
        /// With eczema
        Eczema,
        /// Swollen
        Oedema,
        /// Hard
        Induration,
        /// Excoriated
        Excoriation,
    }
    /// How a wound smells.
    Odour for schema::Odour {
        /// Not at all
        None,
        /// A little
        Slight,
        /// Strongly
        Strong,
    }
    /// A sign of infection.
    InfectionSign for schema::InfectionSign {
        /// Pain that increases
        IncreasingPain,
        /// Redness
        Erythema,
        /// Warmth
        Warmth,
        /// Swelling
        Swelling,
        /// Pus
        PurulentExudate,
        /// A bad smell
        Malodour,
        /// It does not heal
        DelayedHealing,
        /// Granulation that bleeds
        FriableGranulation,
        /// Fever
        Fever,
    }
    /// How a wound goes.
    Trend for schema::Trend {
        /// Better
        Better,
        /// The same
        Same,
        /// Worse
        Worse,
    }
    /// What a wound became.
    WoundChange for schema::WoundChange {
        /// It has healed
        Healed,
        /// Followed no more, with a reason
        Closed,
        /// Followed again
        Reopened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_as_what_they_were_written_from() {
        for basis in Basis::value_variants() {
            assert_eq!(Basis::of(basis.schema()), Some(*basis));
        }
        assert_eq!(Basis::of(schema::Basis::Unspecified), None);
        assert_eq!(
            serde_json::to_string(&Basis::CareTeam).ok(),
            Some("\"care_team\"".into())
        );
        assert_eq!(Basis::from_str("care-team", false), Ok(Basis::CareTeam));
        assert_eq!(Basis::CareTeam.to_string(), "care team");
    }
}
