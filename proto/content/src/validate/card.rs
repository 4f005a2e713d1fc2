//! A card of the directory: who a professional is, in words.

use super::check::{id, line, required_line};
use super::{Checked, FieldError};
use crate::limits;
use crate::professions::{LAY, profession, rpps};
use crate::v1;

/// Verifies a card. Whoever has a profession has an RPPS number, and a lay
/// person has none; the given name may be empty, as some people have one name.
///
/// # Errors
/// The first field that breaks a rule.
pub fn card(card: &v1::Card) -> Checked {
    id("professional_id", &card.professional_id)?;
    required_line("family_name", &card.family_name, limits::NAME_CHARS)?;
    line("given_name", &card.given_name, limits::NAME_CHARS)?;
    if card.profession == LAY {
        if !card.rpps.is_empty() {
            return Err(FieldError::new("rpps", "belongs to a health profession"));
        }
        return Ok(());
    }
    if profession(card.profession).is_none() {
        return Err(FieldError::new("profession", "is unknown"));
    }
    rpps(&card.rpps).map_err(|error| FieldError::new("rpps", error))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, refused_field};
    use super::*;

    #[test]
    fn a_card_names_a_person_and_a_known_profession() {
        assert_eq!(card(&samples::card()), Ok(()));
        let refuse = |field, change: fn(&mut v1::Card)| {
            refused_field(samples::card(), change, card, field);
        };
        refuse("professional_id", |c| {
            c.professional_id = vec![1; 17].into()
        });
        refuse("family_name", |c| c.family_name.clear());
        refuse("family_name", |c| c.family_name = "\u{202E}tnoduD".into());
        refuse("given_name", |c| c.given_name = "g".repeat(101));
        refuse("profession", |c| c.profession = 11);
        refuse("profession", |c| c.profession = u32::MAX);
        refuse("rpps", |c| c.rpps.clear());
        refuse("rpps", |c| c.rpps = "99900000012".into());
        refuse("rpps", |c| c.profession = LAY);
    }

    #[test]
    fn a_lay_person_has_neither_profession_nor_rpps() {
        let mut secretary = samples::card();
        secretary.profession = LAY;
        secretary.rpps.clear();
        assert_eq!(card(&secretary), Ok(()));
    }
}
