//! A device as the server sees it: its keys, what it signs, its counters. The
//! engine's code is not here: only the frames count.

use ed25519_dalek::{Signer as _, SigningKey};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use prost::Message as _;
use prost::bytes::Bytes;
use relais_wire::ids::{DeviceId, ProfessionalId, StructureId};
use relais_wire::label::{self, Label};
use relais_wire::link::Link;
use relais_wire::mls::SUITE_XWING;
use relais_wire::structure::sign_statement;
use relais_wire::v1::{
    Challenge, CoordinatorCertified, DeviceAdded, EnrolRequest, HelloBody, InvitationIssued,
    ProfessionalEnrolled, StatementKind, StructureCreated, StructureRole, client_frame,
};
use relais_wire::{PROTOCOL_VERSION, v1};
use sha2::{Digest, Sha256};

/// A professional with one device, told apart by a number.
pub struct Device {
    pub structure: StructureId,
    pub professional: ProfessionalId,
    pub device: DeviceId,
    pub key: SigningKey,
    pub provider: OpenMlsRustCrypto,
    /// The last send counter used.
    pub counter: u64,
    professional_key: SigningKey,
    enrolment_key: SigningKey,
    lease: u64,
}

impl Signer for Device {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.key.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

fn public(key: &SigningKey) -> Bytes {
    key.verifying_key().to_bytes().to_vec().into()
}

fn key(number: usize, purpose: u8) -> SigningKey {
    let seed = Sha256::digest([&number.to_be_bytes()[..], &[purpose]].concat());
    SigningKey::from_bytes(&seed.into())
}

/// The number of the device that an id was made of.
pub fn number(id: &[u8]) -> Option<usize> {
    let first = id.get(..2)?.try_into().ok()?;
    Some(u16::from_be_bytes(first).into())
}

impl Device {
    pub fn new(structure: StructureId, number: usize) -> Self {
        let mut id = [0xB0; 16];
        id[..2].copy_from_slice(&(number as u16).to_be_bytes());
        Self {
            structure,
            professional: ProfessionalId(id),
            device: DeviceId(id),
            key: key(number, 1),
            provider: OpenMlsRustCrypto::default(),
            counter: 0,
            professional_key: key(number, 2),
            enrolment_key: key(number, 3),
            lease: 0,
        }
    }

    fn added(&self) -> Vec<u8> {
        let body = DeviceAdded {
            structure_id: self.structure.to_bytes(),
            professional_id: self.professional.to_bytes(),
            device_id: self.device.to_bytes(),
            device_key: public(&self.key),
            sealing_key: vec![1; 32].into(),
        };
        let keys = [&self.professional_key, &self.key];
        sign_statement(StatementKind::DeviceAdded, &body, &keys)
    }

    /// The first statements of a structure, of which this device is the coordinator.
    pub fn set_up(&self, link: &Link) -> EnrolRequest {
        let root = key(0, 4);
        let created = StructureCreated {
            structure_id: self.structure.to_bytes(),
            root_key: public(&root),
            ciphersuite: SUITE_XWING.into(),
        };
        let certified = CoordinatorCertified {
            structure_id: self.structure.to_bytes(),
            professional_id: self.professional.to_bytes(),
            professional_key: public(&self.professional_key),
        };
        let keys = [&root, &self.professional_key];
        let statements = [
            sign_statement(StatementKind::StructureCreated, &created, &[&root]),
            sign_statement(StatementKind::CoordinatorCertified, &certified, &keys),
            self.added(),
        ];
        let digests: Vec<u8> = statements.iter().flat_map(Sha256::digest).collect();
        let setup_key = SigningKey::from_bytes(&link.seed);
        EnrolRequest {
            statements: statements.into_iter().map(Into::into).collect(),
            setup_signature: label::sign(&setup_key, Label::Enrol, &digests),
        }
    }

    /// This coordinator's statement that lets another in.
    pub fn invite(&self, other: &Self, expires_at_ms: u64) -> Vec<u8> {
        let body = InvitationIssued {
            structure_id: self.structure.to_bytes(),
            enrolment_key: public(&other.enrolment_key),
            professional_id: other.professional.to_bytes(),
            role: StructureRole::Professional.into(),
            expires_at_ms,
            issuer: self.professional.to_bytes(),
            remaining_devices: Vec::new(),
        };
        let keys = [&self.professional_key];
        sign_statement(StatementKind::InvitationIssued, &body, &keys)
    }

    /// What the invited one answers with.
    pub fn enrolment(&self) -> EnrolRequest {
        let body = ProfessionalEnrolled {
            structure_id: self.structure.to_bytes(),
            enrolment_key: public(&self.enrolment_key),
            professional_id: self.professional.to_bytes(),
            professional_key: public(&self.professional_key),
        };
        let keys = [&self.enrolment_key, &self.professional_key];
        let enrolled = sign_statement(StatementKind::ProfessionalEnrolled, &body, &keys);
        EnrolRequest {
            statements: vec![enrolled.into(), self.added().into()],
            setup_signature: Bytes::new(),
        }
    }

    /// Answers a challenge with a new lease.
    pub fn hello(&mut self, challenge: &Challenge) -> client_frame::Frame {
        let lease = |n: u64| Bytes::from(n.to_be_bytes().to_vec());
        let previous_lease = lease(self.lease);
        self.lease += 1;
        let body = HelloBody {
            nonce: challenge.nonce.clone(),
            structure_id: challenge.structure_id.clone(),
            device_id: self.device.to_bytes(),
            protocol_version: PROTOCOL_VERSION,
            client_version: 1,
            lease: lease(self.lease),
            previous_lease,
            send_counter: self.counter,
            receipt: Default::default(),
        }
        .encode_to_vec();
        let signature = label::sign(&self.key, Label::Hello, &body);
        client_frame::Frame::Hello(v1::Hello {
            body: body.into(),
            signature,
        })
    }
}
