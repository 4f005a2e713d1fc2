//! Items that a device seals to another (architecture D7, D13): signed by the
//! sender, encrypted to the receiver's sealing key, put into its inbox by the
//! server. One place that opens them and hands each to whom it concerns.

use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{HpkeAeadType, HpkeConfig, HpkeKdfType, HpkeKemType};
use prost::Message;
use relais_content::v1::{self as content, sealed_body};
use relais_wire::ids::DeviceId;
use relais_wire::label::{self, Label};
use relais_wire::limits;
use relais_wire::v1::SealedItem;
use rusqlite::params;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::outbox::intent::Wish;

/// Items of unknown devices that wait here: as many as wait at the server.
const KEPT: u64 = limits::INBOX_ITEMS as u64;

/// Sealing is always hybrid, whatever the groups' suite: X-Wing, HKDF-SHA256,
/// ChaCha20-Poly1305 (RFC 9180).
fn hpke() -> HpkeConfig {
    HpkeConfig(
        HpkeKemType::XWingKemDraft6,
        HpkeKdfType::HkdfSha256,
        HpkeAeadType::ChaCha20Poly1305,
    )
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

    /// Seals an item to a device and wants it in that device's inbox.
    pub(crate) fn seal_to(
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

    /// Applies an item that another device sealed to this one. One of a device that is
    /// not known here waits for its statement ([`Engine::apply_sealed`]).
    pub(crate) fn receive_sealed(&mut self, item: &SealedItem) -> Result<()> {
        match DeviceId::try_from(&item.sender_device) {
            Ok(sender) if self.structure.device(&sender).is_none() => self.keep_sealed(item),
            _ => self.open_sealed(item),
        }
    }

    /// What does not fit is dropped, so that a flood pushes out nothing that waits.
    fn keep_sealed(&self, item: &SealedItem) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT INTO sealed (item) SELECT ?1
                 WHERE (SELECT count(*) FROM sealed) < ?2",
            )?
            .execute(params![item.encode_to_vec(), KEPT])?;
        Ok(())
    }

    /// Tries the items that wait. The server takes none of a device that it does not
    /// know: once the structure log was read to the head that it had at a later
    /// connection, a sender who is still unknown never was one.
    pub(crate) fn apply_sealed(&mut self) -> Result<()> {
        let waiting: Vec<(i64, Vec<u8>, bool)> = self
            .db
            .prepare_cached("SELECT id, item, old FROM sealed ORDER BY id")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<std::result::Result<_, _>>()?;
        for (id, item, old) in waiting {
            let item =
                SealedItem::decode(item.as_slice()).map_err(|_| Error::Corrupt("sealed item"))?;
            let sender = DeviceId::try_from(&item.sender_device);
            let known = sender.is_ok_and(|sender| self.structure.device(&sender).is_some());
            if known {
                self.open_sealed(&item)?;
            }
            if known || old {
                self.db
                    .prepare_cached("DELETE FROM sealed WHERE id = ?1")?
                    .execute([id])?;
            }
        }
        Ok(())
    }

    /// A new connection begins: its structure log says who sent what waits.
    pub(crate) fn age_sealed(&self) -> Result<()> {
        self.db
            .prepare_cached("UPDATE sealed SET old = 1 WHERE old = 0")?
            .execute([])?;
        Ok(())
    }

    /// A forged or damaged item is dropped, and one about what is not known here: whoever
    /// can write to the inbox could make it, and none may stop what comes after it.
    fn open_sealed(&mut self, item: &SealedItem) -> Result<()> {
        match self.apply_opened(item) {
            Err(
                Error::Unknown(_) | Error::NotAllowed(_) | Error::NotYet(_) | Error::Invalid { .. },
            ) => Ok(()),
            applied => applied,
        }
    }

    fn apply_opened(&mut self, item: &SealedItem) -> Result<()> {
        let Some(body) = self.unseal(item) else {
            return Ok(());
        };
        let Ok(sender) = DeviceId::try_from(&body.sender_device) else {
            return Ok(());
        };
        let me = self.identity()?.professional();
        let person = self
            .structure
            .valid_device(&sender, self.structure.head().seq, self.now_ms)
            .map(|device| device.professional);
        let entitled = person.is_some_and(|id| id == me || self.structure.is_coordinator(&id));
        match body.item {
            Some(sealed_body::Item::DirectoryKey(directory)) if entitled => {
                if let Ok(key) = <[u8; 32]>::try_from(directory.key.as_ref()) {
                    self.learn_directory_key(directory.version, key)?;
                }
                Ok(())
            }
            Some(sealed_body::Item::RootProposal(proposal)) => match person {
                Some(person) => self.root_proposed(&proposal, (person, sender)),
                None => Ok(()),
            },
            Some(sealed_body::Item::RootApproval(approval)) => match person {
                Some(person) => self.root_approved(&approval, person),
                None => Ok(()),
            },
            Some(sealed_body::Item::HistoryGrant(grant)) => self.granted(sender, &grant),
            Some(sealed_body::Item::HistoryRequest(request)) => {
                self.history_requested(sender, &request)
            }
            Some(sealed_body::Item::HistoryDeclined(declined)) => {
                self.history_declined(sender, &declined)
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
        let receiver = identity.device();
        let open = |key: &[u8]| {
            self.crypto
                .hpke_open(hpke(), &ciphertext, key, info, receiver.as_ref())
                .ok()
        };
        let plaintext = identity.sealing_keys().find_map(open)?;
        let sealed = content::Sealed::decode(plaintext.as_slice()).ok()?;
        let body = content::SealedBody::decode(sealed.body.clone()).ok()?;
        let sender = DeviceId::try_from(&body.sender_device).ok()?;
        let key = self.structure.device(&sender)?.key;
        label::verify(&key, Label::Sealed, &sealed.body, &sealed.signature).ok()?;
        let meant = body.receiver_device == identity.device().to_bytes()
            && body.sender_device == item.sender_device;
        meant.then_some(body)
    }
}
