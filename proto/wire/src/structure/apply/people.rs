//! Invitations, enrolments, confirmations and departures.

use super::super::{
    Invitation, Professional, ProfessionalKey, Standing, StatementError, Structure,
};
use super::{Signed, key};
use crate::ids::{DeviceId, ProfessionalId};
use crate::limits;
use crate::v1::{
    EnrolmentConfirmed, InvitationIssued, InvitationWithdrawn, ProfessionalEnrolled,
    ProfessionalRevoked, StructureEntry,
};

impl Structure {
    /// Nobody can use these any more.
    pub(super) fn void_invitations(&mut self, which: impl Fn(&Invitation) -> bool) {
        for invitation in self.invitations.values_mut() {
            if !invitation.used && which(invitation) {
                invitation.withdrawn = true;
            }
        }
    }

    pub(super) fn invitation_issued(
        &mut self,
        body: &InvitationIssued,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let enrolment_key = key(&body.enrolment_key)?;
        let professional = ProfessionalId::try_from(&body.professional_id)?;
        let issuer = ProfessionalId::try_from(&body.issuer)?;
        signed.by(&[&self.coordinator_key(&issuer)?])?;
        let standing = Standing::try_from(body.role())?;
        if body.expires_at_ms > entry.time_ms.saturating_add(limits::INVITATION_MS) {
            return Err(StatementError::Malformed("invitation lives too long"));
        }
        if self.knows_enrolment_key(&enrolment_key) {
            return Err(StatementError::AlreadySaid);
        }
        let remaining = self.remaining_devices(body, &professional)?;
        if let Some(person) = self.professionals.get(&professional) {
            // A new key has no certificate: whoever could give a coordinator one would
            // end their standing, which is the root's alone to end.
            if person.standing() == Standing::Coordinator {
                return Err(StatementError::NotEntitled);
            }
            // A new key makes nobody something else.
            if person.role != standing {
                return Err(StatementError::Malformed("role"));
            }
        }
        self.invitations.insert(
            enrolment_key,
            Invitation {
                professional,
                standing,
                expires_at_ms: body.expires_at_ms,
                issuer,
                used: false,
                withdrawn: false,
                remaining,
            },
        );
        Ok(())
    }

    /// Each a standing device of this person, named once.
    fn remaining_devices(
        &self,
        body: &InvitationIssued,
        professional: &ProfessionalId,
    ) -> Result<Vec<DeviceId>, StatementError> {
        if body.remaining_devices.len() > limits::DEVICES_PER_PROFESSIONAL {
            return Err(StatementError::TooMany);
        }
        let mut remaining = Vec::new();
        for id in &body.remaining_devices {
            let id = DeviceId::try_from(id)?;
            let device = self.devices.get(&id).ok_or(StatementError::Unknown)?;
            if device.professional != *professional
                || device.revoked_seq.is_some()
                || remaining.contains(&id)
            {
                return Err(StatementError::Malformed("remaining device"));
            }
            remaining.push(id);
        }
        Ok(remaining)
    }

    pub(super) fn invitation_withdrawn(
        &mut self,
        body: &InvitationWithdrawn,
        signed: &Signed,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let enrolment_key = key(&body.enrolment_key)?;
        let coordinator = ProfessionalId::try_from(&body.coordinator)?;
        signed.by(&[&self.coordinator_key(&coordinator)?])?;
        let invitation = self
            .invitations
            .get_mut(&enrolment_key)
            .ok_or(StatementError::Unknown)?;
        if invitation.used || invitation.withdrawn {
            return Err(StatementError::AlreadySaid);
        }
        invitation.withdrawn = true;
        Ok(())
    }

    /// The first use of an invitation. For someone who was here before it replaces
    /// the key and revokes every device that the invitation does not name. None is
    /// open for a coordinator: a certificate voids what was.
    pub(super) fn professional_enrolled(
        &mut self,
        body: &ProfessionalEnrolled,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let enrolment_key = key(&body.enrolment_key)?;
        let id = ProfessionalId::try_from(&body.professional_id)?;
        let professional_key = key(&body.professional_key)?;
        signed.by(&[&enrolment_key, &professional_key])?;
        let invitation = self
            .invitations
            .get_mut(&enrolment_key)
            .filter(|i| i.is_open(entry.time_ms) && i.professional == id)
            .ok_or(StatementError::InvitationInvalid)?;
        let known = self.professionals.get(&id);
        if known.is_some_and(|p| p.keys.iter().any(|k| k.key == professional_key)) {
            return Err(StatementError::AlreadySaid);
        }
        invitation.used = true;
        let (role, remaining) = (invitation.standing, invitation.remaining.clone());
        let next = ProfessionalKey::new(
            professional_key,
            Some(enrolment_key),
            entry.seq,
            entry.time_ms,
        );
        match self.professionals.get_mut(&id) {
            Some(person) => {
                person.newest_mut().revoked_seq.get_or_insert(entry.seq);
                person.keys.push(next);
                self.revoke_devices(entry.seq, |device_id, device| {
                    device.professional == id && !remaining.contains(device_id)
                });
            }
            None => {
                let keys = vec![next];
                self.professionals.insert(id, Professional { role, keys });
            }
        }
        self.void_invitations(|invitation| invitation.professional == id);
        Ok(())
    }

    pub(super) fn enrolment_confirmed(
        &mut self,
        body: &EnrolmentConfirmed,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = ProfessionalId::try_from(&body.professional_id)?;
        let coordinator = ProfessionalId::try_from(&body.coordinator)?;
        signed.by(&[&self.coordinator_key(&coordinator)?])?;
        let present = self
            .professionals
            .get_mut(&id)
            .map(Professional::newest_mut)
            .filter(|k| k.key.as_slice() == body.professional_key.as_ref())
            .ok_or(StatementError::Unknown)?;
        if present.confirmed_seq.is_some() || present.revoked_seq.is_some() {
            return Err(StatementError::AlreadySaid);
        }
        if !present.stands(entry.seq, entry.time_ms) {
            return Err(StatementError::InvitationInvalid);
        }
        present.confirmed_seq = Some(entry.seq);
        Ok(())
    }

    pub(super) fn professional_revoked(
        &mut self,
        body: &ProfessionalRevoked,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = ProfessionalId::try_from(&body.professional_id)?;
        let signer = ProfessionalId::try_from(&body.signer)?;
        let signer_key = match signer == id {
            true => self.own_key(&signer)?,
            false => self.coordinator_key(&signer)?,
        };
        signed.by(&[&signer_key])?;
        // A coordinator's standing ends by the root alone, and first.
        if self.is_coordinator(&id) {
            return Err(StatementError::NotEntitled);
        }
        let person = self.professionals.get_mut(&id);
        let present = person.ok_or(StatementError::Unknown)?.newest_mut();
        if present.key.as_slice() != body.professional_key.as_ref() {
            return Err(StatementError::Unknown);
        }
        if present.revoked_seq.is_some() {
            return Err(StatementError::AlreadySaid);
        }
        present.revoked_seq = Some(entry.seq);
        self.revoke_devices(entry.seq, |_, device| device.professional == id);
        self.void_invitations(|invitation| invitation.professional == id);
        Ok(())
    }
}
