//! One label for each purpose of a signature, hash or derivation
//! (requirement I4): bytes made for one purpose never serve another.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What bytes are signed, hashed or derived for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Label { $($(#[$doc])* $name,)* }

        impl Label {
            /// All labels, for the test that no two are alike.
            pub const ALL: &'static [Label] = &[$(Label::$name,)*];

            /// The text that goes in front of the bytes.
            pub const fn text(self) -> &'static str {
                match self { $(Label::$name => $text,)* }
            }
        }
    };
}

labels! {
    /// Statement: the structure and its root key.
    StructureCreated = "relais/1/statement/structure-created",
    /// Statement: the root certifies a coordinator.
    CoordinatorCertified = "relais/1/statement/coordinator-certified",
    /// Statement: an invitation.
    InvitationIssued = "relais/1/statement/invitation-issued",
    /// Statement: an invitation is withdrawn.
    InvitationWithdrawn = "relais/1/statement/invitation-withdrawn",
    /// Statement: a professional used an invitation.
    ProfessionalEnrolled = "relais/1/statement/professional-enrolled",
    /// Statement: a professional's device.
    DeviceAdded = "relais/1/statement/device-added",
    /// Statement: a coordinator counter-signs an enrolment.
    EnrolmentConfirmed = "relais/1/statement/enrolment-confirmed",
    /// Statement: an encrypted card.
    CardPublished = "relais/1/statement/card-published",
    /// Statement: a device is revoked.
    DeviceRevoked = "relais/1/statement/device-revoked",
    /// The set-up key over the first statements.
    Enrol = "relais/1/enrol",
    /// An enrolment key asks for the structure log.
    StructureLogRequest = "relais/1/structure-log-request",
    /// A device answers the server's challenge.
    Hello = "relais/1/hello",
    /// A channel's roster.
    Roster = "relais/1/roster",
    /// An event of a care thread.
    SignedEvent = "relais/1/event",
    /// An item sealed from device to device.
    Sealed = "relais/1/sealed",
    /// Hash chain of the structure log.
    StructureChain = "relais/1/chain/structure",
    /// Hash chain of a channel's log.
    ChannelChain = "relais/1/chain/channel",
    /// Hash of a channel entry's payload in its header.
    PayloadDigest = "relais/1/hash/payload",
    /// Hash that names a roster as a predecessor.
    RosterHash = "relais/1/hash/roster",
    /// Hash of a signed event in a message's authenticated data.
    SignedEventHash = "relais/1/hash/event",
    /// Encryption of a directory card.
    Card = "relais/1/card",
    /// Encryption of a blob's chunks.
    BlobChunks = "relais/1/blob",
    /// The server's bearer tokens.
    BearerToken = "relais/1/token",
    /// Fingerprint of the root key in an invitation link.
    RootFingerprint = "relais/1/root-fingerprint",
    /// Hash over a device's projections.
    Projection = "relais/1/projection",
    /// Derivation of the database key from a passphrase.
    DatabaseKey = "relais/1/database-key",
    /// Hash that recognises a repeated request.
    RequestHash = "relais/1/hash/request",
}

/// Why a signature or key does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not 32 bytes, not a point, or a low-order point.
    #[error("malformed or weak public key")]
    BadKey,
    /// Not 64 bytes, or not made by this key over these bytes.
    #[error("signature does not verify")]
    BadSignature,
}

fn framed(label: Label, body: &[u8]) -> Vec<u8> {
    let text = label.text().as_bytes();
    let mut bytes = Vec::with_capacity(1 + text.len() + body.len());
    // Every label is shorter than 256 bytes (asserted below), so one byte of
    // length makes the framing unambiguous.
    bytes.push(text.len() as u8);
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(body);
    bytes
}

/// Signs `body` under `label` (Ed25519, RFC 8032): 64 bytes.
pub fn sign(key: &SigningKey, label: Label, body: &[u8]) -> prost::bytes::Bytes {
    prost::bytes::Bytes::copy_from_slice(&key.sign(&framed(label, body)).to_bytes())
}

/// Verifies a signature of [`sign`], refusing low-order keys and malleable
/// signatures.
pub fn verify(
    key: &[u8],
    label: Label,
    body: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let signature = Signature::from_slice(signature).map_err(|_| SignatureError::BadSignature)?;
    public_key(key)?
        .verify_strict(&framed(label, body), &signature)
        .map_err(|_| SignatureError::BadSignature)
}

/// Reads an Ed25519 public key of 32 bytes; low-order points are refused.
pub fn public_key(bytes: &[u8]) -> Result<VerifyingKey, SignatureError> {
    let bytes = bytes.try_into().map_err(|_| SignatureError::BadKey)?;
    match VerifyingKey::from_bytes(bytes) {
        Ok(key) if !key.is_weak() => Ok(key),
        _ => Err(SignatureError::BadKey),
    }
}

/// SHA-256 over the label and the length-prefixed parts.
pub fn hash(label: Label, parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(framed(label, &[]));
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    // proves: I4
    #[test]
    fn no_two_purposes_share_a_label() {
        let texts: BTreeSet<_> = Label::ALL.iter().map(|l| l.text()).collect();
        assert_eq!(texts.len(), Label::ALL.len());
        assert!(texts.iter().all(|t| t.len() < 256));
    }

    // proves: I4
    #[test]
    fn a_signature_for_one_purpose_never_serves_another() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let public = key.verifying_key().to_bytes();
        let signature = sign(&key, Label::Hello, b"body");
        assert_eq!(verify(&public, Label::Hello, b"body", &signature), Ok(()));
        for label in Label::ALL.iter().filter(|l| **l != Label::Hello) {
            assert!(verify(&public, *label, b"body", &signature).is_err());
        }
    }

    // proves: I4
    #[test]
    fn weak_and_malformed_keys_are_refused() {
        let mut identity = [0u8; 32];
        identity[0] = 1;
        for key in [&identity[..], &[0u8; 32], &[9u8; 31], &[]] {
            assert_eq!(public_key(key), Err(SignatureError::BadKey));
        }
    }
}
