//! The structure's people, with the names that only devices know.

use prost::Message;
use relais_content::v1::Card;
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::structure::Standing;
use rusqlite::OptionalExtension;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::identity::safety::Verification;

/// A professional of the structure.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonRecord {
    /// Opaque id.
    pub professional: ProfessionalId,
    /// Name, profession and RPPS, once this device could open the card.
    pub card: Option<Card>,
    /// What they are in the structure.
    pub standing: Standing,
    /// Whether a coordinator has counter-signed the enrolment.
    pub confirmed: bool,
    /// Whether their keys were compared with a safety code on this device.
    pub verification: Verification,
    /// Their devices.
    pub devices: Vec<DeviceRecord>,
}

/// One device of a professional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Opaque id.
    pub device: DeviceId,
    /// Revoked by a coordinator or its owner.
    pub revoked: bool,
    /// Number of the key to which items for it are sealed.
    pub sealing_version: u32,
}

impl Engine {
    /// A person's card, once this device could open it.
    pub(crate) fn card(&self, professional: &ProfessionalId) -> Result<Option<Card>> {
        let bytes: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT card FROM people WHERE professional = ?1")?
            .query_row([professional.0], |row| row.get(0))
            .optional()?;
        bytes
            .map(|bytes| Card::decode(bytes.as_slice()).map_err(|_| Error::Corrupt("card")))
            .transpose()
    }

    /// A person's name, or the beginning of their id while the card is not here.
    pub fn name(&self, professional: &ProfessionalId) -> String {
        match self.card(professional) {
            Ok(Some(card)) => {
                let name = format!("{} {}", card.given_name, card.family_name);
                name.trim().to_owned()
            }
            _ => professional.to_string()[..8].to_owned(),
        }
    }

    /// How many directory keys the structure log names, and the newest one that this
    /// device holds.
    pub fn directory_versions(&self) -> (usize, Option<u32>) {
        let newest = self.newest_directory_key().ok().flatten();
        (self.structure.directory().len(), newest.map(|(v, _)| v))
    }

    /// Everyone of the structure, by name.
    ///
    /// # Errors
    /// Of the database.
    pub fn people(&self) -> Result<Vec<PersonRecord>> {
        let mut list = Vec::new();
        for (id, person) in self.structure.professionals() {
            let devices = self
                .structure
                .devices()
                .filter(|(_, d)| d.professional == *id)
                .map(|(device, d)| DeviceRecord {
                    device: *device,
                    revoked: d.revoked_seq.is_some(),
                    sealing_version: d.sealing_version,
                })
                .collect();
            list.push(PersonRecord {
                professional: *id,
                card: self.card(id)?,
                standing: person.standing(),
                confirmed: person.is_confirmed(),
                verification: self.verification(id)?,
                devices,
            });
        }
        list.sort_by_key(|person| {
            let card = person.card.as_ref();
            card.map(|c| (c.family_name.to_lowercase(), c.given_name.to_lowercase()))
        });
        Ok(list)
    }
}
