//! What a device says to enrol: its keys, and the statements that make it known.

use ed25519_dalek::SigningKey;
use prost::Message;
use relais_wire::label::{self, Label};
use relais_wire::link::Link;
use relais_wire::structure::sign_statement;
use relais_wire::v1::{
    CoordinatorCertified, DeviceAdded, DeviceLinked, EnrolRequest, ProfessionalEnrolled,
    StatementKind, StructureCreated,
};
use sha2::{Digest, Sha256};

use super::Identity;
use crate::db::meta::{self, keys};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// A public key as a protobuf field.
pub(super) fn public_bytes(key: &SigningKey) -> prost::bytes::Bytes {
    key.verifying_key().to_bytes().to_vec().into()
}

impl Engine {
    pub(super) fn prepare_set_up(&mut self, link: &Link, ciphersuite: u16) -> Result<()> {
        let identity = self.new_identity(link.structure.0, self.random()?)?;
        let root_seed = zeroize::Zeroizing::new(self.random()?);
        self.hold_root(&root_seed)?;
        let root = SigningKey::from_bytes(&root_seed);
        let professional = identity.professional_key()?;
        let created = StructureCreated {
            structure_id: link.structure.to_bytes(),
            root_key: public_bytes(&root),
            ciphersuite: ciphersuite.into(),
        };
        let certified = CoordinatorCertified {
            structure_id: link.structure.to_bytes(),
            professional_id: identity.professional().to_bytes(),
            professional_key: public_bytes(&professional),
        };
        let statements = vec![
            sign_statement(StatementKind::StructureCreated, &created, &[&root]).into(),
            sign_statement(
                StatementKind::CoordinatorCertified,
                &certified,
                &[&root, &professional],
            )
            .into(),
            device_statement(&identity)?.into(),
        ];
        let set_up_key = SigningKey::from_bytes(&link.seed);
        self.store_request(identity, statements, Some(&set_up_key))
    }

    pub(super) fn prepare_invitation(&mut self, link: &Link) -> Result<()> {
        let enrolment_key = SigningKey::from_bytes(&link.seed);
        let public = enrolment_key.verifying_key().to_bytes();
        self.require_structure_of(link)?;
        let invitation = self
            .structure
            .invitation(&public)
            .ok_or_else(|| Error::Link("the structure does not know this invitation".into()))?;
        let identity = self.new_identity(link.structure.0, invitation.professional.0)?;
        let enrolled = ProfessionalEnrolled {
            structure_id: link.structure.to_bytes(),
            enrolment_key: public.to_vec().into(),
            professional_id: identity.professional().to_bytes(),
            professional_key: public_bytes(&identity.professional_key()?),
        };
        let statements = vec![
            sign_statement(
                StatementKind::ProfessionalEnrolled,
                &enrolled,
                &[&enrolment_key, &identity.professional_key()?],
            )
            .into(),
            device_statement(&identity)?.into(),
        ];
        self.store_request(identity, statements, None)
    }

    /// The log that answered is the one that the link leads into.
    fn require_structure_of(&self, link: &Link) -> Result<()> {
        let ours = self.structure.id() == Some(link.structure)
            && self.structure.had_root(&link.root_fingerprint);
        match ours {
            true => Ok(()),
            false => Err(Error::Link("another structure answers".into())),
        }
    }

    /// A device link of the structure that it names.
    pub(super) fn prepare_device(&mut self, link: &Link) -> Result<()> {
        self.require_structure_of(link)?;
        self.prepare_linking(&SigningKey::from_bytes(&link.seed))
    }

    /// A device for which the log holds an invitation by this key: it gets keys of
    /// its own and none of the professional's.
    pub(super) fn prepare_linking(&mut self, enrolment_key: &SigningKey) -> Result<()> {
        let public = enrolment_key.verifying_key().to_bytes();
        let invitation = self.structure.device_invitation(&public);
        let unknown = || Error::Link("the structure does not know this link".into());
        let professional = invitation.ok_or_else(unknown)?.professional;
        let structure = self.structure.id().ok_or_else(unknown)?;
        let mut identity = self.new_identity(structure.0, professional.0)?;
        identity.professional_seed = Vec::new();
        let body = DeviceLinked {
            structure_id: structure.to_bytes(),
            professional_id: professional.to_bytes(),
            device_id: identity.device().to_bytes(),
            device_key: public_bytes(&identity.device_key()),
            sealing_key: identity.sealing_public.clone().into(),
            enrolment_key: public.to_vec().into(),
        };
        let keys = [enrolment_key, &identity.device_key()];
        let statement = sign_statement(StatementKind::DeviceLinked, &body, &keys);
        self.store_request(identity, vec![statement.into()], None)
    }

    pub(super) fn new_identity(
        &self,
        structure: [u8; 16],
        professional: [u8; 16],
    ) -> Result<Identity> {
        let (sealing_private, sealing_public) = self.new_sealing_key()?;
        Ok(Identity {
            structure,
            professional,
            device: self.random()?,
            professional_seed: self.random::<32>()?.to_vec(),
            device_seed: self.random()?,
            sealing_private,
            sealing_public,
            sealing_since_ms: self.now_ms,
            next_sealing: None,
            former_sealing: Vec::new(),
        })
    }

    fn store_request(
        &mut self,
        identity: Identity,
        statements: Vec<prost::bytes::Bytes>,
        set_up_key: Option<&SigningKey>,
    ) -> Result<()> {
        let mut hashes = Vec::new();
        for statement in &statements {
            hashes.extend_from_slice(&Sha256::digest(statement));
        }
        let request = EnrolRequest {
            statements,
            setup_signature: set_up_key
                .map(|key| label::sign(key, Label::Enrol, &hashes))
                .unwrap_or_default(),
        };
        let same = |had: &Identity| {
            (had.structure, had.professional) == (identity.structure, identity.professional)
        };
        if self.enrolment.lapsed && !self.identity.as_ref().is_some_and(same) {
            return Err(Error::Link("this device holds somebody else's data".into()));
        }
        self.enrolment.request = request.encode_to_vec();
        meta::put_json(&self.db, keys::IDENTITY, &identity)?;
        self.identity = Some(identity);
        self.save_enrolment()
    }
}

/// Says that the professional adds this device.
pub(super) fn device_statement(identity: &Identity) -> Result<Vec<u8>> {
    let body = DeviceAdded {
        structure_id: identity.structure().to_bytes(),
        professional_id: identity.professional().to_bytes(),
        device_id: identity.device().to_bytes(),
        device_key: public_bytes(&identity.device_key()),
        sealing_key: identity.sealing_public.clone().into(),
    };
    Ok(sign_statement(
        StatementKind::DeviceAdded,
        &body,
        &[&identity.professional_key()?, &identity.device_key()],
    ))
}
