//! Identifiers of SNOMED CT concepts.

use std::fmt::Display;

use super::{Checked, FieldError};
use crate::limits;

/// The group of symmetries of a pentagon, in which the check digit is reckoned.
const PRODUCT: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];

/// Applied to a digit once for each place from the right.
const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

/// A concept's id, with the check digit that the standard gives it (Verhoeff), or nothing.
pub(super) fn optional_concept(field: impl Display, code: &str) -> Checked {
    if code.is_empty() || is_concept(code) {
        return Ok(());
    }
    Err(FieldError::new(field, "is not a SNOMED CT concept id"))
}

fn is_concept(code: &str) -> bool {
    let long = limits::SNOMED_DIGITS_LEAST..=limits::SNOMED_DIGITS_MOST;
    let digits = code.bytes().all(|byte| byte.is_ascii_digit());
    if !long.contains(&code.len()) || !digits || code.starts_with('0') {
        return false;
    }
    // The two digits before the last tell a concept from a description or relationship.
    let partition = &code[code.len() - 3..code.len() - 1];
    matches!(partition, "00" | "10") && verhoeff(code.bytes().map(|byte| byte - b'0')) == 0
}

/// Zero for digits that end with their check digit.
fn verhoeff(digits: impl DoubleEndedIterator<Item = u8>) -> u8 {
    digits.rev().enumerate().fold(0, |sum, (place, digit)| {
        let turned = (0..place % 8).fold(digit, |digit, _| PERMUTATION[usize::from(digit)]);
        PRODUCT[usize::from(sum)][usize::from(turned)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_standard_are_concepts() {
        // Heel, sacrum, lower limb, and the root of them all.
        for code in ["", "76853006", "54735007", "61685007", "138875005"] {
            assert_eq!(optional_concept("code", code), Ok(()), "{code}");
        }
    }

    #[test]
    fn one_digit_or_two_swapped_ones_are_noticed() {
        for code in ["76853007", "78653006", "7685300", "0", "12345", "talon"] {
            assert!(optional_concept("code", code).is_err(), "{code}");
        }
        let code = "76853006";
        for place in 0..code.len() {
            for digit in '0'..='9' {
                let mut other = code.to_owned();
                other.replace_range(place..=place, &digit.to_string());
                assert_eq!(is_concept(&other), other == code, "{other}");
            }
        }
    }

    #[test]
    fn hostile_codes_are_refused() {
        for code in ["٧٦٨٥٣٠٠٦", "76853006\n", "76853é6", &"1".repeat(19)] {
            assert!(optional_concept("code", code).is_err(), "{code}");
        }
    }
}
