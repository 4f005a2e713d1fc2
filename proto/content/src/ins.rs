//! Identité nationale de santé: the matricule with its key and the OID that says
//! which register it comes from. Whether a header may carry one at all is
//! decided in [`crate::validate`]. A matricule is identifying: no `Display`, and
//! `Debug` hides it, so that it reaches no log (requirement S3).

use std::fmt;

/// Length of a matricule: NIR or NIA (13) and key (2).
pub const MATRICULE_CHARS: usize = 15;

const NUMBER_CHARS: usize = 13;

/// What is wrong with a matricule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatriculeError {
    /// Not 15 characters.
    #[error("must have 15 characters")]
    Length,
    /// Another character than a digit, apart from 2A or 2B as département.
    #[error("must be digits, with 2A or 2B only as département")]
    Character,
    /// The last two characters are not the key of the first thirteen.
    #[error("key does not match")]
    Key,
}

/// A matricule whose form and key were verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Matricule(String);

impl Matricule {
    /// Reads 15 characters without spaces, as the INSi service returns them.
    ///
    /// # Errors
    /// [`MatriculeError`] names the first rule that is broken.
    pub fn parse(text: &str) -> Result<Self, MatriculeError> {
        // Bytes first: a hostile text is never walked through.
        if text.len() > MATRICULE_CHARS * 4 || text.chars().count() != MATRICULE_CHARS {
            return Err(MatriculeError::Length);
        }
        let (number, given) = text
            .split_at_checked(NUMBER_CHARS)
            .ok_or(MatriculeError::Character)?;
        if !given.bytes().all(|b| b.is_ascii_digit()) {
            return Err(MatriculeError::Character);
        }
        let expected = key(number).ok_or(MatriculeError::Character)?;
        if given.parse() != Ok(expected) {
            return Err(MatriculeError::Key);
        }
        Ok(Self(text.to_owned()))
    }

    /// The 15 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Matricule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Matricule(…)")
    }
}

/// Key of a NIR or NIA: 97 − (number mod 97), from 1 to 97, with 2A read as 19
/// and 2B as 18 in the département (check). `None` unless the number has 13
/// digits, or 11 digits and a Corsican département.
pub fn key(number: &str) -> Option<u8> {
    let characters = number.as_bytes();
    if characters.len() != NUMBER_CHARS {
        return None;
    }
    let mut digits: [u8; NUMBER_CHARS] = characters.try_into().ok()?;
    match &characters[5..7] {
        b"2A" => digits[5..7].copy_from_slice(b"19"),
        b"2B" => digits[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    let value = digits.iter().try_fold(0u64, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(digit - b'0'))
    })?;
    u8::try_from(97 - value % 97).ok()
}

/// The register that a matricule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Oid {
    /// Numéro d'inscription au répertoire.
    Nir,
    /// Numéro d'identifiant d'attente.
    Nia,
    /// Test of NIR: never a real person.
    Test,
    /// Demonstration of NIR: never a real person.
    Demo,
}

impl Oid {
    /// All four, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Nir, Self::Nia, Self::Test, Self::Demo];

    /// Reads the dotted form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|oid| oid.as_str() == text)
    }

    /// The dotted form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nir => "1.2.250.1.213.1.4.8",
            Self::Nia => "1.2.250.1.213.1.4.9",
            Self::Test => "1.2.250.1.213.1.4.10",
            Self::Demo => "1.2.250.1.213.1.4.11",
        }
    }

    /// Whether it may name a real person; screens mark the others.
    pub fn is_real(self) -> bool {
        matches!(self, Self::Nir | Self::Nia)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Fictitious: born abroad in a country that does not exist (99999).
    const DEMO: &str = "255019999900179";

    #[test]
    fn a_demo_matricule_with_its_key_is_read() {
        let matricule = Matricule::parse(DEMO).expect("key is right");
        assert_eq!(matricule.as_str(), DEMO);
        assert_eq!(key(&DEMO[..13]), Some(79));
        assert!(!Oid::Demo.is_real());
    }

    #[test]
    fn corsican_departements_are_read_as_19_and_18() {
        assert_eq!(key("255012A004001"), key("2550119004001"));
        assert_eq!(key("151092B033002"), key("1510918033002"));
        assert!(Matricule::parse("255012A00400179").is_ok());
        assert!(Matricule::parse("151092B03300294").is_ok());
    }

    #[test]
    fn any_single_wrong_digit_is_noticed() {
        for place in 0..MATRICULE_CHARS {
            for digit in b'0'..=b'9' {
                let mut wrong = DEMO.as_bytes().to_vec();
                if wrong[place] == digit {
                    continue;
                }
                wrong[place] = digit;
                let wrong = String::from_utf8(wrong).expect("digits");
                assert_eq!(
                    Matricule::parse(&wrong),
                    Err(MatriculeError::Key),
                    "{place}"
                );
            }
        }
    }

    #[test]
    fn other_lengths_and_characters_are_refused() {
        assert_eq!(Matricule::parse(""), Err(MatriculeError::Length));
        assert_eq!(Matricule::parse(&DEMO[..14]), Err(MatriculeError::Length));
        assert_eq!(
            Matricule::parse(&"9".repeat(1 << 20)),
            Err(MatriculeError::Length)
        );
        for wrong in [
            "2 5019999900179",
            "255012a00400179",
            "2A5019999900179",
            "2550199999001é9",
            "２５５０１９９９９９００１７９",
            "25501999990017+",
            "+55019999900179",
        ] {
            assert_eq!(
                Matricule::parse(wrong),
                Err(MatriculeError::Character),
                "{wrong}"
            );
        }
    }

    #[test]
    fn only_the_four_oids_are_known() {
        for oid in Oid::ALL {
            assert_eq!(Oid::parse(oid.as_str()), Some(oid));
        }
        for wrong in [
            "",
            "1.2.250.1.213.1.4.1",
            "1.2.250.1.213.1.4.12",
            "1.2.250.1.213.1.4.8 ",
        ] {
            assert_eq!(Oid::parse(wrong), None);
        }
    }

    #[test]
    fn a_matricule_stays_out_of_logs() {
        let shown = format!("{:?}", Matricule::parse(DEMO).expect("key is right"));
        assert!(!shown.contains("25501"));
    }
}
