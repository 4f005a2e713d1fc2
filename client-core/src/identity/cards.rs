//! Cards: the name, profession and RPPS number behind an opaque id. They exist in
//! the clear only on devices.

use relais_content::v1::Card;
use relais_wire::ids::ProfessionalId;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a person or their coordinator enters for a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCard {
    /// Family name.
    pub family_name: String,
    /// Given name.
    pub given_name: String,
    /// TRE_G15 code; 0 for a lay person.
    pub profession: u32,
    /// 11 digits; empty for a lay person.
    pub rpps: String,
}

impl OwnCard {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field.
    pub fn check(&self) -> Result<()> {
        relais_content::validate::card(&self.to_card(ProfessionalId([0; 16])))
            .map_err(|e| Error::invalid(e.field, e.problem))
    }

    pub(crate) fn of(card: Card) -> Self {
        Self {
            family_name: card.family_name,
            given_name: card.given_name,
            profession: card.profession,
            rpps: card.rpps,
        }
    }

    pub(crate) fn to_card(&self, professional: ProfessionalId) -> Card {
        Card {
            professional_id: professional.to_bytes(),
            family_name: self.family_name.trim().to_owned(),
            given_name: self.given_name.trim().to_owned(),
            profession: self.profession,
            rpps: self.rpps.clone(),
        }
    }
}
