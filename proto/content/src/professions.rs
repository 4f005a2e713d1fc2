//! Professions of TRE_G15 (ANS, OID 1.2.250.1.71.1.2.7) and the RPPS number.
//! What a profession may see or do is not decided here.

/// A profession of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profession {
    /// TRE_G15 code.
    pub code: u32,
    /// Label of the list.
    pub french: &'static str,
    /// The same in English.
    pub english: &'static str,
    /// The list ended this code; cards still carry it, and it stays readable.
    pub ended: bool,
}

const fn current(code: u32, french: &'static str, english: &'static str) -> Profession {
    Profession {
        code,
        french,
        english,
        ended: false,
    }
}

const fn ended(code: u32, french: &'static str, english: &'static str) -> Profession {
    Profession {
        ended: true,
        ..current(code, french, english)
    }
}

/// TRE_G15, version of 2025-03-28, in the order of the codes. The list ended 35
/// to 39 in December 2024, and keeps psychologists (93) for older programs only;
/// their own list is TRE_R95, with the same number.
pub const PROFESSIONS: &[Profession] = &[
    current(10, "Médecin", "Physician"),
    current(21, "Pharmacien", "Pharmacist"),
    current(26, "Audioprothésiste", "Hearing aid specialist"),
    current(28, "Opticien-lunetier", "Optician"),
    current(31, "Assistant dentaire", "Dental assistant"),
    current(32, "Physicien médical", "Medical physicist"),
    ended(35, "Aide-soignant", "Nursing assistant"),
    ended(36, "Ambulancier", "Ambulance driver"),
    ended(37, "Auxiliaire de puériculture", "Childcare assistant"),
    ended(
        38,
        "Préparateur en pharmacie hospitalière",
        "Hospital pharmacy technician",
    ),
    ended(39, "Préparateur en pharmacie", "Pharmacy technician"),
    current(40, "Chirurgien-dentiste", "Dentist"),
    current(50, "Sage-femme", "Midwife"),
    current(60, "Infirmier", "Nurse"),
    current(69, "Infirmier psychiatrique", "Psychiatric nurse"),
    current(70, "Masseur-kinésithérapeute", "Physiotherapist"),
    current(80, "Pédicure-podologue", "Podiatrist"),
    current(81, "Orthoprothésiste", "Orthotist and prosthetist"),
    current(82, "Podo-orthésiste", "Pedorthist"),
    current(83, "Orthopédiste-orthésiste", "Orthotist"),
    current(84, "Oculariste", "Ocularist"),
    current(85, "Épithésiste", "Anaplastologist"),
    current(
        86,
        "Technicien de laboratoire médical",
        "Medical laboratory technician",
    ),
    current(91, "Orthophoniste", "Speech therapist"),
    current(92, "Orthoptiste", "Orthoptist"),
    ended(93, "Psychologue", "Psychologist"),
    current(94, "Ergothérapeute", "Occupational therapist"),
    current(95, "Diététicien", "Dietitian"),
    current(96, "Psychomotricien", "Psychomotor therapist"),
    current(98, "Manipulateur ERM", "Radiographer"),
];

/// Code on the card of a lay person (secretary, coordinator): not in the list.
pub const LAY: u32 = 0;

/// The profession of a code; `None` for [`LAY`] and for unknown codes.
pub fn profession(code: u32) -> Option<&'static Profession> {
    PROFESSIONS
        .iter()
        .find(|profession| profession.code == code)
}

/// Length of an RPPS number.
pub const RPPS_DIGITS: usize = 11;

/// Whether the last digit of an RPPS number is a Luhn check digit (check). One
/// place to change if the directory says otherwise.
pub const RPPS_ENDS_IN_CHECK_DIGIT: bool = true;

/// What is wrong with an RPPS number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RppsError {
    /// Not exactly 11 ASCII digits.
    #[error("must be 11 digits")]
    Digits,
    /// The check digit does not match.
    #[error("check digit does not match")]
    CheckDigit,
}

/// Verifies an RPPS number by its form; whether it was given out only the
/// national directory knows.
///
/// # Errors
/// [`RppsError`] names the first rule that is broken.
pub fn rpps(number: &str) -> Result<(), RppsError> {
    if number.len() != RPPS_DIGITS || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RppsError::Digits);
    }
    if RPPS_ENDS_IN_CHECK_DIGIT && !luhn(number) {
        return Err(RppsError::CheckDigit);
    }
    Ok(())
}

/// Luhn's sum (ISO/IEC 7812-1 annex B) over ASCII digits.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|b| u32::from(b - b'0'))
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_every_one_has_both_names() {
        assert!(PROFESSIONS.is_sorted_by(|a, b| a.code < b.code));
        for profession in PROFESSIONS {
            assert!(!profession.french.is_empty() && !profession.english.is_empty());
        }
    }

    #[test]
    fn the_professions_of_primary_care_are_known() {
        for code in [10, 21, 35, 40, 50, 60, 70, 80, 91, 93, 94, 95] {
            assert!(profession(code).is_some(), "{code}");
        }
        assert_eq!(profession(60).map(|p| p.french), Some("Infirmier"));
        for code in [LAY, 1, 61, 99, u32::MAX] {
            assert_eq!(profession(code), None);
        }
    }

    #[test]
    fn rpps_numbers_are_eleven_digits_with_a_check_digit() {
        assert_eq!(rpps("99900000011"), Ok(()));
        assert_eq!(rpps("99900000012"), Err(RppsError::CheckDigit));
        // Two digits exchanged, the usual slip.
        assert_eq!(rpps("99900000101"), Err(RppsError::CheckDigit));
        for wrong in [
            "",
            "9990000001",
            "999000000111",
            "9990000001a",
            "٩٩٩٠٠",
            " 9990000001",
        ] {
            assert_eq!(rpps(wrong), Err(RppsError::Digits), "{wrong}");
        }
    }
}
