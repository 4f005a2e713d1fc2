//! The directory key (architecture D7): encrypts the cards, never leaves the
//! devices, reaches a new device sealed to it at counter-signing.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use prost::Message;
use relais_content::v1::{self as content, sealed_body};
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::label::Label;
use relais_wire::structure::{directory_key_hash, sign_statement};
use relais_wire::v1::{CardPublished, DirectoryKeyReplaced, StatementKind, StructureEntry};
use serde::{Deserialize, Serialize};

use super::cards::OwnCard;
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};
use crate::outbox::intent::Wish;

/// Keys of the directory as received, by version. The structure log names the hash
/// of the right one, which may arrive before or after the entry.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct DirectoryKeys(BTreeMap<u32, Vec<HexKey>>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HexKey(#[serde(with = "hex::serde")] [u8; 32]);

/// Of two coordinators' devices that replace a key at once, one is right.
const CANDIDATES: usize = 8;

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
        let place = usize::try_from(version).unwrap_or(0).wrapping_sub(1);
        let meant = self.structure.directory().get(place);
        if meant.is_some_and(|meant| directory_key_hash(version, &key) != meant.key_hash) {
            return Ok(()); // Another device was first: this one counts nowhere.
        }
        let candidates = known.0.entry(version).or_default();
        candidates.retain(|candidate| *candidate != HexKey(key));
        if candidates.len() >= CANDIDATES {
            candidates.remove(0);
        }
        candidates.push(HexKey(key));
        meta::put_json(&self.db, keys::DIRECTORY_KEYS, &known)?;
        self.open_cards()
    }

    /// The key that the structure log means by this version, if it is here.
    fn directory_key(&self, keys: &DirectoryKeys, version: u32) -> Option<[u8; 32]> {
        let place = usize::try_from(version).ok()?.checked_sub(1)?;
        let meant = self.structure.directory().get(place)?.key_hash;
        let candidates = keys.0.get(&version)?.iter();
        let mut right = candidates.filter(|k| directory_key_hash(version, &k.0) == meant);
        right.next().map(|key| key.0)
    }

    /// The newest key that this device holds, with its version.
    pub(crate) fn newest_directory_key(&self) -> Result<Option<(u32, [u8; 32])>> {
        let keys = self.directory_keys()?;
        let versions = u32::try_from(self.structure.directory().len()).unwrap_or(u32::MAX);
        let newest = |v| self.directory_key(&keys, v).map(|key| (v, key));
        Ok((1..=versions).rev().find_map(newest))
    }

    /// The first coordinator makes the directory and publishes their own card.
    pub(crate) fn found_directory(&mut self, card: &OwnCard) -> Result<()> {
        let key = self.random()?;
        self.learn_directory_key(1, key)?;
        let me = self.identity()?.professional();
        let statements = vec![
            self.directory_statement(1, &key)?.into(),
            self.sign_card((1, key), &card.to_card(me), 0)?.into(),
        ];
        self.want(None, Wish::Statements(statements))
    }

    /// Says by which hash everybody knows the key of a version.
    pub(super) fn directory_statement(&self, version: u32, key: &[u8; 32]) -> Result<Vec<u8>> {
        let identity = self.identity()?;
        let body = DirectoryKeyReplaced {
            structure_id: identity.structure().to_bytes(),
            version,
            key_hash: directory_key_hash(version, key).to_vec().into(),
            device_id: identity.device().to_bytes(),
        };
        Ok(sign_statement(
            StatementKind::DirectoryKeyReplaced,
            &body,
            &[&identity.device_key()],
        ))
    }

    /// A card encrypted under the newest directory key, as a statement.
    pub(crate) fn card_statement(
        &self,
        professional: ProfessionalId,
        card: &OwnCard,
    ) -> Result<Vec<u8>> {
        let newest = self
            .newest_directory_key()?
            .ok_or(Error::NotYet("the directory key has not arrived yet"))?;
        self.sign_card(newest, &card.to_card(professional), 0)
    }

    /// `replaces_seq`: the entry whose card is encrypted anew; 0 for new content.
    pub(super) fn sign_card(
        &self,
        (version, key): (u32, [u8; 32]),
        card: &content::Card,
        replaces_seq: u64,
    ) -> Result<Vec<u8>> {
        let professional =
            ProfessionalId::try_from(&card.professional_id).map_err(|_| Error::Corrupt("card"))?;
        let nonce: [u8; 24] = self.random()?;
        // The card is padded so that its length does not tell a name from another.
        let mut plaintext = card.encode_length_delimited_to_vec();
        plaintext.resize(plaintext.len().next_multiple_of(256), 0);
        let aad = card_aad(&professional, version);
        let payload = Payload {
            msg: &plaintext,
            aad: &aad,
        };
        let sealed = XChaCha20Poly1305::new(&key.into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Error::Mls("card encryption".into()))?;
        let identity = self.identity()?;
        let body = CardPublished {
            structure_id: identity.structure().to_bytes(),
            professional_id: professional.to_bytes(),
            directory_version: version,
            ciphertext: [&nonce[..], &sealed].concat().into(),
            device_id: identity.device().to_bytes(),
            replaces_seq,
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
            let Some(key) = self.directory_key(&keys, card.directory_version) else {
                continue;
            };
            // A card that does not open is its author's fault: the id is shown instead.
            if let Some(opened) = open_card(&key, &id, &card) {
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

    /// Cards under a key older than `version` that this device can open, each with
    /// the sequence of its entry.
    pub(super) fn cards_below(&self, version: u32) -> Result<Vec<(content::Card, u64)>> {
        let keys = self.directory_keys()?;
        let older = self
            .structure
            .cards()
            .filter(|(_, card)| card.directory_version < version);
        let opened = older.filter_map(|(id, card)| {
            let key = self.directory_key(&keys, card.directory_version)?;
            Some((open_card(&key, id, card)?, card.seq))
        });
        Ok(opened.collect())
    }

    /// Sends the newest directory key to the other devices of a confirmed professional.
    pub(crate) fn share_directory_key(&mut self, professional: ProfessionalId) -> Result<()> {
        let Some((version, key)) = self.newest_directory_key()? else {
            return Ok(());
        };
        let me = self.identity()?.device();
        let item = directory_item(version, &key);
        let devices: Vec<_> = self
            .structure
            .devices()
            .filter(|(id, d)| {
                d.professional == professional && d.revoked_seq.is_none() && **id != me
            })
            .map(|(id, d)| (*id, d.sealing_key.clone()))
            .collect();
        for (device, sealing_key) in devices {
            self.seal_to(device, &sealing_key, item.clone())?;
        }
        Ok(())
    }

    /// Sends it to one device that was linked to this person.
    pub(super) fn share_with_linked(&mut self, device: DeviceId) -> Result<()> {
        let Some((version, key)) = self.newest_directory_key()? else {
            return Ok(());
        };
        let Some(sealing_key) = self
            .structure
            .device(&device)
            .map(|d| d.sealing_key.clone())
        else {
            return Ok(());
        };
        self.seal_to(device, &sealing_key, directory_item(version, &key))
    }

    /// What a new entry of the structure log asks this device to do.
    pub(crate) fn directory_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        let Ok(statement) = relais_wire::v1::Statement::decode(entry.statement.clone()) else {
            return Ok(());
        };
        match statement.kind() {
            StatementKind::CardPublished => self.open_cards(),
            StatementKind::DirectoryKeyReplaced => {
                self.open_cards()?;
                match DirectoryKeyReplaced::decode(statement.body) {
                    Ok(body) => self.directory_key_said(&body),
                    Err(_) => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

fn directory_item(version: u32, key: &[u8; 32]) -> sealed_body::Item {
    sealed_body::Item::DirectoryKey(content::DirectoryKey {
        version,
        key: key.to_vec().into(),
    })
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
