//! What each kind of statement requires and changes: one function a kind, each
//! checking everything before it touches the state.

mod root;

use prost::Message;

use super::{
    Card, Device, Invitation, Professional, PublicKey, Standing, StatementError, Structure,
    statement_label,
};
use crate::ids::{DeviceId, ProfessionalId, StructureId};
use crate::label::{self, Label};
use crate::limits;
use crate::v1::{
    CardPublished, CoordinatorCertified, DeviceAdded, DeviceRevoked, EnrolmentConfirmed,
    InvitationIssued, InvitationWithdrawn, ProfessionalEnrolled, RootReplaced, Statement,
    StatementKind, StructureCreated, StructureEntry,
};

/// A decoded statement, its body still in the bytes that were signed.
struct Signed<'a> {
    label: Label,
    statement: &'a Statement,
}

impl Signed<'_> {
    /// Exactly these keys signed, in this order.
    fn by(&self, keys: &[&[u8]]) -> Result<(), StatementError> {
        if self.statement.signatures.len() != keys.len() {
            return Err(StatementError::Malformed("number of signatures"));
        }
        for (key, signature) in keys.iter().zip(&self.statement.signatures) {
            label::verify(key, self.label, &self.statement.body, signature)?;
        }
        Ok(())
    }
}

fn key(bytes: &[u8]) -> Result<PublicKey, StatementError> {
    Ok(label::public_key(bytes)?.to_bytes())
}

impl Structure {
    pub(super) fn apply_statement(&mut self, entry: &StructureEntry) -> Result<(), StatementError> {
        if entry.statement.len() > limits::STATEMENT_BYTES {
            return Err(StatementError::Malformed("too large"));
        }
        let statement = Statement::decode(entry.statement.as_ref())?;
        let kind = statement.kind();
        let label = statement_label(kind).ok_or(StatementError::Malformed("kind"))?;
        let signed = Signed {
            label,
            statement: &statement,
        };
        let body = statement.body.clone();
        match kind {
            StatementKind::Unspecified => Err(StatementError::Malformed("kind")),
            StatementKind::StructureCreated => {
                self.structure_created(&StructureCreated::decode(body)?, &signed)
            }
            StatementKind::CoordinatorCertified => {
                self.coordinator_certified(&CoordinatorCertified::decode(body)?, &signed, entry)
            }
            StatementKind::InvitationIssued => {
                self.invitation_issued(&InvitationIssued::decode(body)?, &signed, entry)
            }
            StatementKind::ProfessionalEnrolled => {
                self.professional_enrolled(&ProfessionalEnrolled::decode(body)?, &signed, entry)
            }
            StatementKind::DeviceAdded => {
                self.device_added(&DeviceAdded::decode(body)?, &signed, entry)
            }
            StatementKind::EnrolmentConfirmed => {
                self.enrolment_confirmed(&EnrolmentConfirmed::decode(body)?, &signed, entry)
            }
            StatementKind::CardPublished => {
                self.card_published(CardPublished::decode(body)?, &signed, entry)
            }
            StatementKind::DeviceRevoked => {
                self.device_revoked(&DeviceRevoked::decode(body)?, &signed, entry)
            }
            StatementKind::InvitationWithdrawn => {
                self.invitation_withdrawn(&InvitationWithdrawn::decode(body)?, &signed)
            }
            StatementKind::RootReplaced => {
                self.root_replaced(&RootReplaced::decode(body)?, &signed, entry)
            }
        }
    }

    fn ours(&self, structure_id: &[u8]) -> Result<(), StatementError> {
        let id = StructureId::try_from(structure_id)?;
        if self.id == Some(id) {
            Ok(())
        } else {
            Err(StatementError::Foreign)
        }
    }

    /// The key of a coordinator, as the only one entitled.
    fn coordinator_key(&self, id: &ProfessionalId) -> Result<PublicKey, StatementError> {
        match self.professionals.get(id) {
            Some(p) if p.standing == Standing::Coordinator => Ok(p.key),
            _ => Err(StatementError::NotEntitled),
        }
    }

    fn structure_created(
        &mut self,
        body: &StructureCreated,
        signed: &Signed,
    ) -> Result<(), StatementError> {
        let id = StructureId::try_from(&body.structure_id)?;
        let root_key = key(&body.root_key)?;
        let suite = u16::try_from(body.ciphersuite)
            .ok()
            .filter(|s| crate::mls::SUITES.contains(s))
            .ok_or(StatementError::Malformed("cipher suite"))?;
        signed.by(&[&root_key])?;
        if self.id.is_some() {
            return Err(StatementError::AlreadySaid);
        }
        self.id = Some(id);
        self.roots.push(root_key);
        self.ciphersuite = suite;
        Ok(())
    }

    fn coordinator_certified(
        &mut self,
        body: &CoordinatorCertified,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = ProfessionalId::try_from(&body.professional_id)?;
        let professional_key = key(&body.professional_key)?;
        // Whoever enrolled proved then that they hold the key.
        match self.professionals.contains_key(&id) {
            true => signed.by(&[self.root_key()])?,
            false => signed.by(&[self.root_key(), &professional_key])?,
        }
        match self.professionals.get_mut(&id) {
            // A professional who was enrolled by invitation is appointed.
            Some(p) if p.key == professional_key && p.standing != Standing::Coordinator => {
                p.standing = Standing::Coordinator;
                p.confirmed_seq.get_or_insert(entry.seq);
            }
            Some(_) => return Err(StatementError::AlreadySaid),
            None => {
                self.professionals.insert(
                    id,
                    Professional {
                        key: professional_key,
                        standing: Standing::Coordinator,
                        enrolment_key: None,
                        enrolled_at_ms: entry.time_ms,
                        enrolled_seq: entry.seq,
                        confirmed_seq: Some(entry.seq),
                    },
                );
            }
        }
        Ok(())
    }

    fn invitation_issued(
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
        if self.invitations.contains_key(&enrolment_key)
            || self.professionals.contains_key(&professional)
        {
            return Err(StatementError::AlreadySaid);
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
            },
        );
        Ok(())
    }

    fn invitation_withdrawn(
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

    fn professional_enrolled(
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
            .filter(|i| !i.used && !i.withdrawn && entry.time_ms < i.expires_at_ms)
            .ok_or(StatementError::InvitationInvalid)?;
        if invitation.professional != id || self.professionals.contains_key(&id) {
            return Err(StatementError::InvitationInvalid);
        }
        invitation.used = true;
        self.professionals.insert(
            id,
            Professional {
                key: professional_key,
                standing: invitation.standing,
                enrolment_key: Some(enrolment_key),
                enrolled_at_ms: entry.time_ms,
                enrolled_seq: entry.seq,
                confirmed_seq: None,
            },
        );
        Ok(())
    }

    fn device_added(
        &mut self,
        body: &DeviceAdded,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let professional = ProfessionalId::try_from(&body.professional_id)?;
        let id = DeviceId::try_from(&body.device_id)?;
        let device_key = key(&body.device_key)?;
        if body.sealing_key.is_empty() || body.sealing_key.len() > 4096 {
            return Err(StatementError::Malformed("sealing key"));
        }
        let owner = self
            .professionals
            .get(&professional)
            .ok_or(StatementError::Unknown)?;
        signed.by(&[&owner.key, &device_key])?;
        // A device id or key is never used again, not even after revocation.
        if self.devices.contains_key(&id) || self.devices.values().any(|d| d.key == device_key) {
            return Err(StatementError::AlreadySaid);
        }
        let standing = self
            .devices
            .values()
            .filter(|d| d.professional == professional && d.revoked_seq.is_none());
        if standing.count() >= limits::DEVICES_PER_PROFESSIONAL {
            return Err(StatementError::TooMany);
        }
        self.devices.insert(
            id,
            Device {
                professional,
                key: device_key,
                sealing_key: body.sealing_key.to_vec(),
                added_seq: entry.seq,
                revoked_seq: None,
            },
        );
        Ok(())
    }

    fn enrolment_confirmed(
        &mut self,
        body: &EnrolmentConfirmed,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = ProfessionalId::try_from(&body.professional_id)?;
        let coordinator = ProfessionalId::try_from(&body.coordinator)?;
        signed.by(&[&self.coordinator_key(&coordinator)?])?;
        let professional = self
            .professionals
            .get_mut(&id)
            .filter(|p| p.key.as_slice() == body.professional_key.as_ref())
            .ok_or(StatementError::Unknown)?;
        if professional.confirmed_seq.is_some() {
            return Err(StatementError::AlreadySaid);
        }
        let lapses = professional
            .enrolled_at_ms
            .saturating_add(limits::UNCONFIRMED_MS);
        if entry.time_ms >= lapses {
            return Err(StatementError::InvitationInvalid);
        }
        professional.confirmed_seq = Some(entry.seq);
        Ok(())
    }

    fn card_published(
        &mut self,
        body: CardPublished,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let subject = ProfessionalId::try_from(&body.professional_id)?;
        let device_id = DeviceId::try_from(&body.device_id)?;
        let device = self
            .valid_device(&device_id, self.head_seq, entry.time_ms)
            .ok_or(StatementError::NotEntitled)?;
        signed.by(&[&device.key])?;
        let author = device.professional;
        // The person's own device, or a coordinator for someone invited or enrolled.
        if author != subject && !self.is_coordinator(&author) {
            return Err(StatementError::NotEntitled);
        }
        let invited = self.invitations.values().any(|i| i.professional == subject);
        if !invited && !self.professionals.contains_key(&subject) {
            return Err(StatementError::Unknown);
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

    fn device_revoked(
        &mut self,
        body: &DeviceRevoked,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = DeviceId::try_from(&body.device_id)?;
        let signer = ProfessionalId::try_from(&body.signer)?;
        let owner = self
            .devices
            .get(&id)
            .ok_or(StatementError::Unknown)?
            .professional;
        let signer_key = if signer == owner {
            let person = self.professionals.get(&signer);
            person.ok_or(StatementError::Unknown)?.key
        } else {
            self.coordinator_key(&signer)?
        };
        signed.by(&[&signer_key])?;
        let device = self.devices.get_mut(&id).ok_or(StatementError::Unknown)?;
        if device.revoked_seq.is_some() {
            return Err(StatementError::AlreadySaid);
        }
        device.revoked_seq = Some(entry.seq);
        Ok(())
    }
}
