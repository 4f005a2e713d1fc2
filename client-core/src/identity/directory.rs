//! The directory key (architecture D7): encrypts the cards, never leaves the
//! devices, reaches a new device sealed to it at counter-signing.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{HpkeAeadType, HpkeConfig, HpkeKdfType, HpkeKemType};
use prost::Message;
use relais_content::v1::{self as content, sealed_body};
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::label::{self, Label};
use relais_wire::structure::sign_statement;
use relais_wire::v1::{CardPublished, SealedItem, StatementKind, StructureEntry};
use serde::{Deserialize, Serialize};

use super::cards::OwnCard;
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};
use crate::outbox::intent::Wish;

/// Sealing is always hybrid, whatever the groups' suite: X-Wing, HKDF-SHA256,
/// ChaCha20-Poly1305 (RFC 9180).
fn hpke() -> HpkeConfig {
    HpkeConfig(
        HpkeKemType::XWingKemDraft6,
        HpkeKdfType::HkdfSha256,
        HpkeAeadType::ChaCha20Poly1305,
    )
}

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
    pub(crate) fn new_sealing_key(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let seed = self.random::<32>()?;
        let pair = self
            .crypto
            .derive_hpke_keypair(hpke(), &seed)
            .map_err(Error::mls)?;
        Ok((pair.private.to_vec(), pair.public))
    }

    fn directory_keys(&self) -> Result<DirectoryKeys> {
        Ok(meta::get_json(&self.db, keys::DIRECTORY_KEYS)?.unwrap_or_default())
    }

    fn learn_directory_key(&mut self, version: u32, key: [u8; 32]) -> Result<()> {
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

    fn seal_to(
        &mut self,
        device: DeviceId,
        sealing_key: &[u8],
        item: sealed_body::Item,
    ) -> Result<()> {
        let identity = self.identity()?;
        let body = content::SealedBody {
            sender_device: identity.device().to_bytes(),
            receiver_device: device.to_bytes(),
            item: Some(item),
        }
        .encode_to_vec();
        let sealed = content::Sealed {
            signature: label::sign(&identity.device_key(), Label::Sealed, &body),
            body: body.into(),
        };
        let info = Label::Sealed.text().as_bytes();
        let ciphertext = self
            .crypto
            .hpke_seal(
                hpke(),
                sealing_key,
                info,
                device.as_ref(),
                &sealed.encode_to_vec(),
            )
            .map_err(Error::mls)?;
        let wish = Wish::Sealed {
            device,
            kem_output: ciphertext.kem_output.as_slice().to_vec(),
            ciphertext: ciphertext.ciphertext.as_slice().to_vec(),
        };
        self.want(None, wish)
    }

    /// Applies an item that another device sealed to this one. A forged or
    /// damaged item is dropped: whoever can write to the inbox could make it.
    pub(crate) fn open_sealed(&mut self, item: &SealedItem) -> Result<()> {
        let Some(body) = self.unseal(item) else {
            return Ok(());
        };
        let Ok(sender) = DeviceId::try_from(&body.sender_device) else {
            return Ok(());
        };
        let from_coordinator = self
            .structure
            .valid_device(&sender, self.structure.head().seq, self.now_ms)
            .is_some_and(|d| self.structure.is_coordinator(&d.professional));
        match body.item {
            Some(sealed_body::Item::DirectoryKey(directory)) if from_coordinator => {
                if let Ok(key) = <[u8; 32]>::try_from(directory.key.as_ref()) {
                    self.learn_directory_key(directory.version, key)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn unseal(&self, item: &SealedItem) -> Option<content::SealedBody> {
        let identity = self.identity.as_ref()?;
        let ciphertext = openmls_traits::types::HpkeCiphertext {
            kem_output: item.kem_output.to_vec().into(),
            ciphertext: item.ciphertext.to_vec().into(),
        };
        let info = Label::Sealed.text().as_bytes();
        let plaintext = self
            .crypto
            .hpke_open(
                hpke(),
                &ciphertext,
                &identity.sealing_private,
                info,
                identity.device().as_ref(),
            )
            .ok()?;
        let sealed = content::Sealed::decode(plaintext.as_slice()).ok()?;
        let body = content::SealedBody::decode(sealed.body.clone()).ok()?;
        let sender = DeviceId::try_from(&body.sender_device).ok()?;
        let key = self.structure.device(&sender)?.key;
        label::verify(&key, Label::Sealed, &sealed.body, &sealed.signature).ok()?;
        let meant = body.receiver_device == identity.device().to_bytes()
            && body.sender_device == item.sender_device;
        meant.then_some(body)
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
