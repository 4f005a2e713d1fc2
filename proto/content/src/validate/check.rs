//! Checks that the kinds share: texts, identifiers, enumerations, times, counts.

use std::fmt::Display;

use super::{Checked, FieldError};
use crate::limits;

/// Whether a text may hold more than one line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

/// One line that may be empty, of at most `most` characters.
pub(super) fn line(field: impl Display, value: &str, most: usize) -> Checked {
    text(field, value, most, Lines::One)
}

/// One line that says something.
pub(super) fn required_line(field: impl Display, value: &str, most: usize) -> Checked {
    not_blank(&field, value, most)?;
    line(field, value, most)
}

/// Several lines that may be empty.
pub(super) fn prose(field: impl Display, value: &str, most: usize) -> Checked {
    text(field, value, most, Lines::Many)
}

/// Several lines that say something.
pub(super) fn required_prose(field: impl Display, value: &str, most: usize) -> Checked {
    not_blank(&field, value, most)?;
    prose(field, value, most)
}

fn too_long(field: impl Display, most: usize) -> FieldError {
    FieldError::new(field, format_args!("is longer than {most} characters"))
}

fn not_blank(field: impl Display, value: &str, most: usize) -> Checked {
    if value.len() > most * 4 {
        return Err(too_long(field, most));
    }
    if value.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return Err(FieldError::new(field, "is empty"));
    }
    Ok(())
}

fn text(field: impl Display, value: &str, most: usize, lines: Lines) -> Checked {
    // Bytes first: a hostile text is never walked through.
    if value.len() > most * 4 || value.chars().count() > most {
        return Err(too_long(field, most));
    }
    for c in value.chars() {
        let problem = match c {
            '\n' | '\t' if lines == Lines::Many => continue,
            '\n' | '\t' | '\u{2028}' | '\u{2029}' if lines == Lines::One => {
                "contains a line break or tab"
            }
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                "contains a bidirectional override"
            }
            _ if c.is_control() => "contains a control character",
            _ => continue,
        };
        return Err(FieldError::new(
            field,
            format_args!("{problem} (U+{:04X})", u32::from(c)),
        ));
    }
    Ok(())
}

/// Characters that draw nothing: a text of these alone looks empty.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Digits, spaces and usual punctuation, `+` only in front; may be empty.
pub(super) fn phone(field: impl Display, value: &str) -> Checked {
    line(&field, value, limits::PHONE_CHARS)?;
    if value.is_empty() {
        return Ok(());
    }
    let number = value.strip_prefix('+').unwrap_or(value);
    let punctuation = [' ', '\u{A0}', '\u{202F}', '.', '-', '/', '(', ')'];
    if !number
        .chars()
        .all(|c| c.is_ascii_digit() || punctuation.contains(&c))
    {
        return Err(FieldError::new(field, "is not a phone number"));
    }
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if !(limits::PHONE_DIGITS_LEAST..=limits::PHONE_DIGITS_MOST).contains(&digits) {
        return Err(FieldError::new(field, "is not a phone number"));
    }
    Ok(())
}

/// Exactly so many bytes.
pub(super) fn bytes(field: impl Display, value: &[u8], exactly: usize) -> Checked {
    if value.len() == exactly {
        return Ok(());
    }
    Err(FieldError::new(
        field,
        format_args!("must have {exactly} bytes"),
    ))
}

/// An identifier.
pub(super) fn id(field: impl Display, value: &[u8]) -> Checked {
    bytes(field, value, limits::ID_BYTES)
}

/// An identifier, or nothing.
pub(super) fn optional_id(field: impl Display, value: &[u8]) -> Checked {
    if value.is_empty() {
        return Ok(());
    }
    id(field, value)
}

/// A known value other than `UNSPECIFIED`.
pub(super) fn given<E: TryFrom<i32>>(field: impl Display, value: i32) -> Result<E, FieldError> {
    match E::try_from(value) {
        Ok(known) if value != 0 => Ok(known),
        Ok(_) => Err(FieldError::new(field, "is not given")),
        Err(_) => Err(FieldError::new(field, "is unknown")),
    }
}

/// A known value or `UNSPECIFIED`.
pub(super) fn known<E: TryFrom<i32>>(field: impl Display, value: i32) -> Result<E, FieldError> {
    E::try_from(value).map_err(|_| FieldError::new(field, "is unknown"))
}

/// Milliseconds since the Unix epoch, or 0 for none.
pub(super) fn optional_time(field: impl Display, value: u64) -> Checked {
    if value == 0 || (limits::TIME_MS_FIRST..=limits::TIME_MS_LAST).contains(&value) {
        return Ok(());
    }
    Err(FieldError::new(field, "is not a plausible time"))
}

/// At most so many items of a list.
pub(super) fn at_most(field: impl Display, count: usize, most: usize) -> Checked {
    if count <= most {
        return Ok(());
    }
    Err(FieldError::new(
        field,
        format_args!("has more than {most} items"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(checked: Checked) -> String {
        checked.expect_err("refused").to_string()
    }

    #[test]
    fn a_text_that_shows_nothing_is_empty() {
        for blank in ["", " ", "\n\t", "\u{200B}\u{FEFF}", "\u{A0}\u{2800}"] {
            assert_eq!(problem(required_prose("text", blank, 10)), "text: is empty");
            assert_eq!(prose("text", blank, 10), Ok(()));
        }
        assert_eq!(required_prose("text", " a ", 10), Ok(()));
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(prose("text", &"é".repeat(10), 10), Ok(()));
        assert_eq!(prose("text", &"👩".repeat(10), 10), Ok(()));
        let longer = "text: is longer than 10 characters";
        assert_eq!(problem(prose("text", &"é".repeat(11), 10)), longer);
        assert_eq!(
            problem(required_prose("text", &" ".repeat(1 << 20), 10)),
            longer
        );
    }

    #[test]
    fn control_characters_are_refused_and_named() {
        for c in ['\0', '\u{1B}', '\r', '\u{7F}', '\u{85}', '\u{9B}'] {
            let named = format!(
                "text: contains a control character (U+{:04X})",
                u32::from(c)
            );
            assert_eq!(problem(prose("text", &format!("a{c}b"), 10)), named);
            assert_eq!(problem(line("text", &format!("a{c}b"), 10)), named);
        }
    }

    #[test]
    fn text_cannot_be_turned_round() {
        for c in ('\u{202A}'..='\u{202E}').chain('\u{2066}'..='\u{2069}') {
            let told = problem(prose("text", &format!("a{c}b"), 10));
            assert!(told.contains("bidirectional override"), "{told}");
        }
        // Arabic and Hebrew need no override, only the marks.
        assert_eq!(prose("text", "مريم \u{200E}120/80", 40), Ok(()));
    }

    #[test]
    fn only_prose_has_lines() {
        assert_eq!(prose("text", "a\n\tb", 10), Ok(()));
        for broken in ["a\nb", "a\tb", "a\u{2028}b"] {
            assert!(problem(line("title", broken, 10)).contains("line break or tab"));
        }
    }

    #[test]
    fn phone_numbers_are_plausible() {
        for number in [
            "",
            "15",
            "01 99 00 12 34",
            "+33 (0)1.99.00.12.34",
            "0033199001234",
        ] {
            assert_eq!(phone("phone", number), Ok(()), "{number}");
        }
        for wrong in [
            "5",
            "+",
            "01 99 00 12 3x",
            "01+99",
            "1234567890123456789",
            "٠١٩٩",
            " ",
        ] {
            assert_eq!(
                problem(phone("phone", wrong)),
                "phone: is not a phone number"
            );
        }
    }

    #[test]
    fn times_are_within_a_calendar() {
        for time in [0, limits::TIME_MS_FIRST, limits::TIME_MS_LAST] {
            assert_eq!(optional_time("due_ms", time), Ok(()));
        }
        for time in [
            1,
            limits::TIME_MS_FIRST - 1,
            limits::TIME_MS_LAST + 1,
            u64::MAX,
        ] {
            assert!(optional_time("due_ms", time).is_err());
        }
    }
}
