//! A device: its keys, what it signs and asks.

use ed25519_dalek::SigningKey;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use prost::Message as _;
use relais_wire::ids::{DeviceId, ProfessionalId, StructureId};
use relais_wire::label::{self, Label};
use relais_wire::structure::sign_statement;
use relais_wire::v1::*;

use super::Socket;

/// A professional with one device.
pub struct Device {
    pub structure: StructureId,
    pub professional: ProfessionalId,
    pub professional_key: SigningKey,
    pub device: DeviceId,
    pub key: SigningKey,
    pub enrolment_key: SigningKey,
    pub counter: u64,
    pub lease: u8,
    pub provider: OpenMlsRustCrypto,
}

impl Signer for Device {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        use ed25519_dalek::Signer as _;
        Ok(self.key.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

pub fn public(key: &SigningKey) -> bytes::Bytes {
    key.verifying_key().to_bytes().to_vec().into()
}

impl Device {
    pub fn new(structure: StructureId, seed: u8) -> Self {
        let key = |n: u8| SigningKey::from_bytes(&[seed, n].repeat(16).try_into().expect("32"));
        Self {
            structure,
            professional: ProfessionalId([seed; 16]),
            professional_key: key(1),
            device: DeviceId([seed; 16]),
            key: key(2),
            enrolment_key: key(3),
            counter: 0,
            lease: 0,
            provider: OpenMlsRustCrypto::default(),
        }
    }

    pub fn added(&self) -> Vec<u8> {
        let body = DeviceAdded {
            structure_id: self.structure.to_bytes(),
            professional_id: self.professional.to_bytes(),
            device_id: self.device.to_bytes(),
            device_key: public(&self.key),
            sealing_key: vec![1; 32].into(),
        };
        sign_statement(
            StatementKind::DeviceAdded,
            &body,
            &[&self.professional_key, &self.key],
        )
    }

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
            setup_signature: bytes::Bytes::new(),
        }
    }

    pub fn invite(&self, other: &Device, expires_at_ms: u64) -> Vec<u8> {
        let body = InvitationIssued {
            structure_id: self.structure.to_bytes(),
            enrolment_key: public(&other.enrolment_key),
            professional_id: other.professional.to_bytes(),
            role: StructureRole::Professional.into(),
            expires_at_ms,
            issuer: self.professional.to_bytes(),
            remaining_devices: Vec::new(),
        };
        sign_statement(
            StatementKind::InvitationIssued,
            &body,
            &[&self.professional_key],
        )
    }

    pub fn invite_device(&self, other: &Device, expires_at_ms: u64) -> Vec<u8> {
        let body = DeviceInvited {
            structure_id: self.structure.to_bytes(),
            professional_id: self.professional.to_bytes(),
            enrolment_key: public(&other.enrolment_key),
            expires_at_ms,
        };
        let keys = [&self.professional_key];
        sign_statement(StatementKind::DeviceInvited, &body, &keys)
    }

    pub fn linking(&self) -> EnrolRequest {
        let body = DeviceLinked {
            structure_id: self.structure.to_bytes(),
            professional_id: self.professional.to_bytes(),
            device_id: self.device.to_bytes(),
            device_key: public(&self.key),
            sealing_key: vec![1; 32].into(),
            enrolment_key: public(&self.enrolment_key),
        };
        let keys = [&self.enrolment_key, &self.key];
        EnrolRequest {
            statements: vec![sign_statement(StatementKind::DeviceLinked, &body, &keys).into()],
            setup_signature: bytes::Bytes::new(),
        }
    }

    pub fn revoke(&self, other: &Device) -> Vec<u8> {
        let body = DeviceRevoked {
            structure_id: self.structure.to_bytes(),
            device_id: other.device.to_bytes(),
            signer: self.professional.to_bytes(),
        };
        sign_statement(
            StatementKind::DeviceRevoked,
            &body,
            &[&self.professional_key],
        )
    }

    pub fn hello_body(&mut self, challenge: &Challenge) -> HelloBody {
        let previous = self.lease;
        self.lease += 1;
        HelloBody {
            nonce: challenge.nonce.clone(),
            structure_id: challenge.structure_id.clone(),
            device_id: self.device.to_bytes(),
            protocol_version: relais_wire::PROTOCOL_VERSION,
            client_version: 1,
            lease: vec![self.lease; 16].into(),
            previous_lease: vec![previous; 16].into(),
            send_counter: self.counter,
            receipt: Default::default(),
        }
    }

    pub fn sign_hello(&self, body: &HelloBody) -> client_frame::Frame {
        let body = body.encode_to_vec();
        let signature = label::sign(&self.key, Label::Hello, &body);
        client_frame::Frame::Hello(Hello {
            body: body.into(),
            signature,
        })
    }

    pub fn hello(&mut self, challenge: &Challenge) -> client_frame::Frame {
        let body = self.hello_body(challenge);
        self.sign_hello(&body)
    }

    /// Sends a request under a new counter and waits for its answer.
    pub async fn asks(&mut self, socket: &mut Socket, operation: send::Operation) -> Answer {
        self.counter += 1;
        let send = Send {
            send_counter: self.counter,
            operation: Some(operation),
        };
        self.repeats(socket, send).await
    }

    pub async fn repeats(&self, socket: &mut Socket, send: Send) -> Answer {
        let counter = send.send_counter;
        socket.send(client_frame::Frame::Send(send)).await;
        loop {
            if let server_frame::Frame::Answer(answer) = socket.next().await {
                assert_eq!(answer.send_counter, counter);
                return answer;
            }
        }
    }
}
