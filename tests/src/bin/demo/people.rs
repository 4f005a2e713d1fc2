//! Who the story is about. Nobody here exists: names say so, the INS carries the
//! demonstration OID, RPPS numbers lie in a range that is not given out.

use serde_json::json;

/// A professional of the practice.
#[derive(Debug)]
pub struct Person {
    /// What the device is called.
    pub role: &'static str,
    pub given_name: &'static str,
    pub family_name: &'static str,
    /// TRE_G15 code.
    pub profession: &'static str,
    pub rpps: &'static str,
}

pub const COORDINATOR: Person = Person {
    role: "coordinator",
    given_name: "Hélène",
    family_name: "Fictif-Lefèvre",
    profession: "60",
    rpps: "99900017148",
};

pub const NURSE: Person = Person {
    role: "nurse",
    given_name: "Maëlle",
    family_name: "Exemple-Quéméneur",
    profession: "60",
    rpps: "99900028517",
};

pub const DOCTOR: Person = Person {
    role: "doctor",
    given_name: "Jérôme",
    family_name: "Fictif-Châtaignier",
    profession: "10",
    rpps: "99900039621",
};

/// Stands in for a week, in the check only.
pub const LOCUM: Person = Person {
    role: "locum",
    given_name: "Noémie",
    family_name: "Essai-Bézier",
    profession: "60",
    rpps: "99900047038",
};

/// Who comes by a link of their own, one in each role.
pub const GUESTS: [Person; 3] = [
    Person {
        role: COORDINATOR.role,
        given_name: "Claire",
        family_name: "Modèle-Morvan",
        profession: "60",
        rpps: "99900051113",
    },
    Person {
        role: NURSE.role,
        given_name: "Inès",
        family_name: "Exemple-Bidault",
        profession: "60",
        rpps: "99900062227",
    },
    Person {
        role: DOCTOR.role,
        given_name: "Gaëtan",
        family_name: "Essai-Rivière",
        profession: "10",
        rpps: "99900073331",
    },
];

impl Person {
    /// The options by which `relais` is told a card.
    pub fn card(&self) -> [&'static str; 8] {
        [
            "--given-name",
            self.given_name,
            "--family-name",
            self.family_name,
            "--profession",
            self.profession,
            "--rpps",
            self.rpps,
        ]
    }

    /// Given and family name.
    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// The thread's title.
pub const TITLE: &str = "Mme Exemple-Crèvecœur, plaie du talon";
/// Demonstration INS with its key.
pub const INS: &str = "238029999901739";
/// The OID of demonstration identities.
const DEMO_OID: &str = "1.2.250.1.213.1.4.11";
/// Everything that a header says and that must stay among the circle.
pub const PATIENT: [&str; 11] = [
    "EXEMPLE-CRÈVECŒUR",
    "FRANÇOISE",
    "ODETTE-NOËLLE",
    "Fictive-Hébrard",
    INS,
    "01 99 00 17 38",
    "Pénicilline, œdème de Quincke",
    "Théo Fictif-Hébrard",
    "petit-fils à prévenir",
    "+33 1 99 00 56 78",
    "Rester à la maison, marcher jusqu'au jardin",
];

/// The patient header as `relais thread new --header` reads it.
pub fn header() -> String {
    json!({
        "birth_name": PATIENT[0],
        "birth_given_names": [PATIENT[1], PATIENT[2]],
        "used_name": PATIENT[3],
        "birth_date": "1938-02-14",
        "sex": "female",
        "birth_place": "99999",
        "phone": PATIENT[5],
        "identity_status": "qualified",
        "ins": { "matricule": INS, "oid": DEMO_OID },
        "alerts": [{ "label": PATIENT[6], "kind": "allergy" }],
        "contacts": [{ "name": PATIENT[7], "relation": PATIENT[8], "phone": PATIENT[9] }],
        "care_aims": [PATIENT[10]],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use relais_content::ins::{Matricule, Oid};

    #[test]
    fn the_identities_are_well_formed_and_nobodys() {
        assert!(Matricule::parse(INS).is_ok());
        assert_eq!(Oid::parse(DEMO_OID), Some(Oid::Demo));
        for person in [COORDINATOR, NURSE, DOCTOR, LOCUM].iter().chain(&GUESTS) {
            assert_eq!(relais_content::professions::rpps(person.rpps), Ok(()));
            assert!(person.rpps.starts_with("9990"), "{}", person.role);
        }
    }
}
