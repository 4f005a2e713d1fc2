//! The directory: its keys, by version, and the cards that they encrypt.

use super::super::{Card, Device, DirectoryVersion, StatementError, Structure};
use super::Signed;
use crate::ids::{DeviceId, ProfessionalId};
use crate::v1::{CardPublished, DirectoryKeyReplaced, StructureEntry};

impl Structure {
    /// The device that signed, if its chain holds.
    fn signing_device(
        &self,
        device_id: &[u8],
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(DeviceId, &Device), StatementError> {
        let id = DeviceId::try_from(device_id)?;
        let device = self
            .valid_device(&id, self.head_seq(), entry.time_ms)
            .ok_or(StatementError::NotEntitled)?;
        signed.by(&[&device.key])?;
        Ok((id, device))
    }

    pub(super) fn directory_key_replaced(
        &mut self,
        body: &DirectoryKeyReplaced,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let key_hash = body.key_hash.as_ref().try_into();
        let key_hash = key_hash.map_err(|_| StatementError::Malformed("key hash"))?;
        let (device, author) = self.signing_device(&body.device_id, signed, entry)?;
        if !self.is_coordinator(&author.professional) {
            return Err(StatementError::NotEntitled);
        }
        if usize::try_from(body.version) != Ok(self.directory.len() + 1) {
            return Err(StatementError::AlreadySaid);
        }
        self.directory.push(DirectoryVersion {
            key_hash,
            device,
            seq: entry.seq,
        });
        Ok(())
    }

    pub(super) fn card_published(
        &mut self,
        body: CardPublished,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let subject = ProfessionalId::try_from(&body.professional_id)?;
        let (_, device) = self.signing_device(&body.device_id, signed, entry)?;
        let author = device.professional;
        // The person's own device, or a coordinator for someone invited or enrolled.
        if author != subject && !self.is_coordinator(&author) {
            return Err(StatementError::NotEntitled);
        }
        let invited = self.invitations.values().any(|i| i.professional == subject);
        if !invited && !self.professionals.contains_key(&subject) {
            return Err(StatementError::Unknown);
        }
        // A card written before the last change of the key is as good as any: it is
        // published again under the present one.
        let versions = 1..=self.directory.len();
        if !usize::try_from(body.directory_version).is_ok_and(|v| versions.contains(&v)) {
            return Err(StatementError::Malformed("directory version"));
        }
        // What is only encrypted anew must not undo what was said meanwhile.
        let present = self.cards.get(&subject).map(|card| card.seq);
        if body.replaces_seq != 0 && Some(body.replaces_seq) != present {
            return Err(StatementError::AlreadySaid);
        }
        // Verified above, exactly one, and strict: nobody without the key can make
        // another signature over the same card.
        if !self
            .card_signatures
            .insert(signed.statement.signatures[0].clone())
        {
            return Err(StatementError::AlreadySaid);
        }
        self.cards.insert(
            subject,
            Card {
                directory_version: body.directory_version,
                ciphertext: body.ciphertext.to_vec(),
                seq: entry.seq,
            },
        );
        Ok(())
    }
}
