//! What each kind of statement requires and changes: one function a kind, each
//! checking everything before it touches the state.

mod devices;
mod directory;
mod people;
mod root;

use prost::Message;

use super::{
    Professional, ProfessionalKey, PublicKey, Standing, StatementError, Structure, statement_label,
};
use crate::ids::{ProfessionalId, StructureId};
use crate::label::{self, Label};
use crate::limits;
use crate::v1::{
    CardPublished, CoordinatorCertified, CoordinatorRevoked, DeviceAdded, DeviceInvited,
    DeviceLinked, DeviceRevoked, DirectoryKeyReplaced, EnrolmentConfirmed, InvitationIssued,
    InvitationWithdrawn, ProfessionalEnrolled, ProfessionalRevoked, RootReplaced,
    SealingKeyReplaced, Statement, StatementKind, StructureCreated, StructureEntry,
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
            StatementKind::CoordinatorRevoked => {
                self.coordinator_revoked(&CoordinatorRevoked::decode(body)?, &signed, entry)
            }
            StatementKind::ProfessionalRevoked => {
                self.professional_revoked(&ProfessionalRevoked::decode(body)?, &signed, entry)
            }
            StatementKind::DeviceInvited => {
                self.device_invited(&DeviceInvited::decode(body)?, &signed, entry)
            }
            StatementKind::DeviceLinked => {
                self.device_linked(&DeviceLinked::decode(body)?, &signed, entry)
            }
            StatementKind::SealingKeyReplaced => {
                self.sealing_key_replaced(&SealingKeyReplaced::decode(body)?, &signed, entry)
            }
            StatementKind::DirectoryKeyReplaced => {
                self.directory_key_replaced(&DirectoryKeyReplaced::decode(body)?, &signed, entry)
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
            Some(p) if p.standing() == Standing::Coordinator => Ok(p.newest().key),
            _ => Err(StatementError::NotEntitled),
        }
    }

    /// The key of someone who speaks for themselves; nobody's who left.
    fn own_key(&self, id: &ProfessionalId) -> Result<PublicKey, StatementError> {
        let person = self.professionals.get(id).ok_or(StatementError::Unknown)?;
        let present = person.present().ok_or(StatementError::NotEntitled)?;
        Ok(present.key)
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
        let Some(person) = self.professionals.get_mut(&id) else {
            let mut first = ProfessionalKey::new(professional_key, None, entry.seq, entry.time_ms);
            first.confirmed_seq = Some(entry.seq);
            first.certified_seq = Some(entry.seq);
            let keys = vec![first];
            let role = Standing::Professional;
            self.professionals.insert(id, Professional { role, keys });
            return Ok(());
        };
        // A professional who was enrolled by invitation is appointed. A key is
        // certified once: this very statement, said again, must not undo a release.
        let present = person.newest_mut();
        let appoints = present.key == professional_key
            && present.revoked_seq.is_none()
            && present.certified_seq.is_none();
        if !appoints {
            return Err(StatementError::AlreadySaid);
        }
        present.certified_seq = Some(entry.seq);
        present.confirmed_seq.get_or_insert(entry.seq);
        // A link that waits would end by its use what the root says here.
        self.void_invitations(|invitation| invitation.professional == id);
        Ok(())
    }

    fn coordinator_revoked(
        &mut self,
        body: &CoordinatorRevoked,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let id = ProfessionalId::try_from(&body.professional_id)?;
        signed.by(&[self.root_key()])?;
        let person = self.professionals.get_mut(&id);
        let person = person.ok_or(StatementError::Unknown)?;
        let coordinator = person.standing() == Standing::Coordinator;
        let present = person.newest_mut();
        if present.key.as_slice() != body.professional_key.as_ref() {
            return Err(StatementError::Unknown);
        }
        if !coordinator {
            return Err(StatementError::AlreadySaid);
        }
        present.released_seq = Some(entry.seq);
        self.void_invitations(|invitation| invitation.issuer == id);
        Ok(())
    }
}
