//! Devices: added by their professional's key, linked by an invitation of that key,
//! revoked, and their sealing keys.

use super::super::{Device, DeviceInvitation, PublicKey, StatementError, Structure};
use super::{Signed, key};
use crate::ids::{DeviceId, ProfessionalId};
use crate::limits;
use crate::v1::{
    DeviceAdded, DeviceInvited, DeviceLinked, DeviceRevoked, SealingKeyReplaced, StructureEntry,
};

fn sealing_key(bytes: &[u8]) -> Result<Vec<u8>, StatementError> {
    if bytes.is_empty() || bytes.len() > 4096 {
        return Err(StatementError::Malformed("sealing key"));
    }
    Ok(bytes.to_vec())
}

impl Structure {
    /// Whether an enrolment key, of a person or of a device, was named before.
    pub(super) fn knows_enrolment_key(&self, key: &PublicKey) -> bool {
        self.invitations.contains_key(key) || self.device_invitations.contains_key(key)
    }

    /// The present generation of someone who is here.
    fn generation(&self, id: &ProfessionalId) -> Result<usize, StatementError> {
        let person = self.professionals.get(id).ok_or(StatementError::Unknown)?;
        Ok(person.keys.len() - 1)
    }

    /// Revokes those that are not revoked yet.
    pub(super) fn revoke_devices(&mut self, seq: u64, which: impl Fn(&DeviceId, &Device) -> bool) {
        for (id, device) in &mut self.devices {
            if device.revoked_seq.is_none() && which(id, device) {
                device.revoked_seq = Some(seq);
                self.revocation_seq = seq;
            }
        }
    }

    pub(super) fn device_added(
        &mut self,
        body: &DeviceAdded,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let professional = ProfessionalId::try_from(&body.professional_id)?;
        let device_key = key(&body.device_key)?;
        sealing_key(&body.sealing_key)?;
        signed.by(&[&self.own_key(&professional)?, &device_key])?;
        self.insert_device(body, professional, device_key, entry)
    }

    pub(super) fn device_invited(
        &mut self,
        body: &DeviceInvited,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let professional = ProfessionalId::try_from(&body.professional_id)?;
        let enrolment_key = key(&body.enrolment_key)?;
        signed.by(&[&self.own_key(&professional)?])?;
        if body.expires_at_ms > entry.time_ms.saturating_add(limits::DEVICE_INVITATION_MS) {
            return Err(StatementError::Malformed("invitation lives too long"));
        }
        if self.knows_enrolment_key(&enrolment_key) {
            return Err(StatementError::AlreadySaid);
        }
        let invitation = DeviceInvitation {
            professional,
            generation: self.generation(&professional)?,
            expires_at_ms: body.expires_at_ms,
            used_by: None,
        };
        self.device_invitations.insert(enrolment_key, invitation);
        Ok(())
    }

    pub(super) fn device_linked(
        &mut self,
        body: &DeviceLinked,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let professional = ProfessionalId::try_from(&body.professional_id)?;
        let id = DeviceId::try_from(&body.device_id)?;
        let device_key = key(&body.device_key)?;
        let enrolment_key = key(&body.enrolment_key)?;
        sealing_key(&body.sealing_key)?;
        signed.by(&[&enrolment_key, &device_key])?;
        self.open_device_invitation(&enrolment_key, entry.time_ms)
            .filter(|i| i.professional == professional)
            .ok_or(StatementError::InvitationInvalid)?;
        let added = DeviceAdded {
            structure_id: body.structure_id.clone(),
            professional_id: body.professional_id.clone(),
            device_id: body.device_id.clone(),
            device_key: body.device_key.clone(),
            sealing_key: body.sealing_key.clone(),
        };
        self.insert_device(&added, professional, device_key, entry)?;
        if let Some(invitation) = self.device_invitations.get_mut(&enrolment_key) {
            invitation.used_by = Some(id);
        }
        Ok(())
    }

    fn insert_device(
        &mut self,
        body: &DeviceAdded,
        professional: ProfessionalId,
        key: PublicKey,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        let id = DeviceId::try_from(&body.device_id)?;
        // A device id or key is never used again, not even after revocation.
        if self.devices.contains_key(&id) || self.devices.values().any(|d| d.key == key) {
            return Err(StatementError::AlreadySaid);
        }
        let standing = self
            .devices
            .values()
            .filter(|d| d.professional == professional && d.revoked_seq.is_none());
        if standing.count() >= limits::DEVICES_PER_PROFESSIONAL {
            return Err(StatementError::TooMany);
        }
        let device = Device {
            professional,
            generation: self.generation(&professional)?,
            key,
            sealing_key: sealing_key(&body.sealing_key)?,
            sealing_version: 1,
            added_seq: entry.seq,
            revoked_seq: None,
        };
        self.devices.insert(id, device);
        Ok(())
    }

    pub(super) fn device_revoked(
        &mut self,
        body: &DeviceRevoked,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = DeviceId::try_from(&body.device_id)?;
        let signer = ProfessionalId::try_from(&body.signer)?;
        let device = self.devices.get(&id).ok_or(StatementError::Unknown)?;
        let signer_key = match signer == device.professional {
            true => self.own_key(&signer)?,
            false => self.coordinator_key(&signer)?,
        };
        signed.by(&[&signer_key])?;
        if device.revoked_seq.is_some() {
            return Err(StatementError::AlreadySaid);
        }
        self.revoke_devices(entry.seq, |other, _| *other == id);
        Ok(())
    }

    pub(super) fn sealing_key_replaced(
        &mut self,
        body: &SealingKeyReplaced,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = DeviceId::try_from(&body.device_id)?;
        let next = sealing_key(&body.sealing_key)?;
        let device = self
            .valid_device(&id, self.head_seq(), entry.time_ms)
            .ok_or(StatementError::NotEntitled)?;
        signed.by(&[&device.key])?;
        // Numbered, so that an old key, said again, does not come back.
        if Some(body.version) != device.sealing_version.checked_add(1) {
            return Err(StatementError::AlreadySaid);
        }
        if let Some(device) = self.devices.get_mut(&id) {
            device.sealing_key = next;
            device.sealing_version = body.version;
        }
        Ok(())
    }
}
