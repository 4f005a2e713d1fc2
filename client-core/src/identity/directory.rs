//! The directory key (architecture D7): encrypts the cards, never leaves the
//! devices, reaches a new device sealed to it at counter-signing.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use prost::Message;
use relais_content::v1::{self as content, sealed_body};
use relais_wire::ids::ProfessionalId;
use relais_wire::label::Label;
use relais_wire::structure::sign_statement;
use relais_wire::v1::{CardPublished, StatementKind, StructureEntry};
use serde::{Deserialize, Serialize};

use super::cards::OwnCard;
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};
use crate::outbox::intent::Wish;

/// Keys of the directory by version; the highest encrypts.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct DirectoryKeys(BTreeMap<u32, HexKey>);

#[derive(Clone, Serialize, Deserialize)]
struct HexKey(#[serde(with = "hex::serde")] [u8; 32]);

fn card_aad(professional: &ProfessionalId, version: u32) -> Vec<u8> {
    let mut aad = Label::Card.text().as_bytes().to_vec();
    aad.extend_from_slice(professional.as_ref());
    aad.extend_from_slice(&version.to_be_bytes());
    aad
}

impl Engine {
    fn directory_keys(&self) -> Result<DirectoryKeys> {
        Ok(meta::get_json(&self.db, keys::DIRECTORY_KEYS)?.unwrap_or_default())
    }

    pub(crate) fn learn_directory_key(&mut self, version: u32, key: [u8; 32]) -> Result<()> {
        let mut known = self.directory_keys()?;
        known.0.insert(version, HexKey(key));
        meta::put_json(&self.db, keys::DIRECTORY_KEYS, &known)?;
        self.open_cards()
    }

    /// The first coordinator makes the directory and publishes their own card.
    pub(crate) fn found_directory(&mut self, card: &OwnCard) -> Result<()> {
        let key = self.random()?;
        self.learn_directory_key(1, key)?;
        let me = self.identity()?.professional();
        let statement = self.card_statement(me, card)?;
        self.want(None, Wish::Statements(vec![statement.into()]))
    }

    /// A card encrypted under the newest directory key, as a statement.
    pub(crate) fn card_statement(
        &self,
        professional: ProfessionalId,
        card: &OwnCard,
    ) -> Result<Vec<u8>> {
        let keys = self.directory_keys()?;
        let (version, key) = keys
            .0
            .last_key_value()
            .ok_or(Error::NotAllowed("the directory key has not arrived yet"))?;
        let nonce: [u8; 24] = self.random()?;
        // The card is padded so that its length does not tell a name from another.
        let mut plaintext = card.to_card(professional).encode_length_delimited_to_vec();
        plaintext.resize(plaintext.len().next_multiple_of(256), 0);
        let aad = card_aad(&professional, *version);
        let payload = Payload {
            msg: &plaintext,
            aad: &aad,
        };
        let sealed = XChaCha20Poly1305::new(&key.0.into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Error::Mls("card encryption".into()))?;
        let identity = self.identity()?;
        let body = CardPublished {
            structure_id: identity.structure().to_bytes(),
            professional_id: professional.to_bytes(),
            directory_version: *version,
            ciphertext: [&nonce[..], &sealed].concat().into(),
            device_id: identity.device().to_bytes(),
        };
        Ok(sign_statement(
            StatementKind::CardPublished,
            &body,
            &[&identity.device_key()],
        ))
    }

    /// Opens every card that a known key opens.
    pub(crate) fn open_cards(&mut self) -> Result<()> {
        let keys = self.directory_keys()?;
        let cards: Vec<_> = self
            .structure
            .cards()
            .map(|(id, card)| (*id, card.clone()))
            .collect();
        for (id, card) in cards {
            let Some(key) = keys.0.get(&card.directory_version) else {
                continue;
            };
            // A card that does not open is its author's fault: the id is shown instead.
            if let Some(opened) = open_card(&key.0, &id, &card) {
                self.db
                    .prepare_cached(
                        "INSERT OR REPLACE INTO people (professional, card) VALUES (?1, ?2)",
                    )?
                    .execute(rusqlite::params![id.0, opened.encode_to_vec()])?;
            }
        }
        self.events.push_back(Event::PeopleChanged);
        Ok(())
    }

    /// Sends the newest directory key to the devices of a confirmed professional.
    pub(crate) fn share_directory_key(&mut self, professional: ProfessionalId) -> Result<()> {
        let keys = self.directory_keys()?;
        let Some((version, key)) = keys.0.last_key_value() else {
            return Ok(());
        };
        let item = sealed_body::Item::DirectoryKey(content::DirectoryKey {
            version: *version,
            key: key.0.to_vec().into(),
        });
        let devices: Vec<_> = self
            .structure
            .devices()
            .filter(|(_, d)| d.professional == professional && d.revoked_seq.is_none())
            .map(|(id, d)| (*id, d.sealing_key.clone()))
            .collect();
        for (device, sealing_key) in devices {
            self.seal_to(device, &sealing_key, item.clone())?;
        }
        Ok(())
    }

    /// What a new entry of the structure log asks this device to do.
    pub(crate) fn directory_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        let Ok(statement) = relais_wire::v1::Statement::decode(entry.statement.clone()) else {
            return Ok(());
        };
        if statement.kind() == StatementKind::CardPublished {
            self.open_cards()?;
        }
        Ok(())
    }
}

fn open_card(
    key: &[u8; 32],
    professional: &ProfessionalId,
    card: &relais_wire::structure::Card,
) -> Option<content::Card> {
    let (nonce, sealed) = card.ciphertext.split_at_checked(24)?;
    let aad = card_aad(professional, card.directory_version);
    let payload = Payload {
        msg: sealed,
        aad: &aad,
    };
    let plaintext = XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), payload)
        .ok()?;
    let opened = content::Card::decode_length_delimited(plaintext.as_slice()).ok()?;
    (opened.professional_id == professional.to_bytes()).then_some(opened)
}
