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
    /// Statement: the root's key is replaced.
    RootReplaced = "relais/1/statement/root-replaced",
    /// Statement: the root ends a coordinator's standing.
    CoordinatorRevoked = "relais/1/statement/coordinator-revoked",
    /// Statement: a professional left or was revoked.
    ProfessionalRevoked = "relais/1/statement/professional-revoked",
    /// Statement: a professional lets in a device of their own.
    DeviceInvited = "relais/1/statement/device-invited",
    /// Statement: a device that was let in.
    DeviceLinked = "relais/1/statement/device-linked",
    /// Statement: a device's next sealing key.
    SealingKeyReplaced = "relais/1/statement/sealing-key-replaced",
    /// Statement: the directory's next key.
    DirectoryKeyReplaced = "relais/1/statement/directory-key-replaced",
    /// The set-up key over the first statements.
    Enrol = "relais/1/enrol",
    /// An enrolment key or a device asks for the structure log.
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
    /// Order in which members remove leaves that must go.
    FollowOrder = "relais/1/hash/follow-order",
    /// Order in which members say again what a restored server lost.
    LostTurn = "relais/1/hash/lost-turn",
    /// Hash that names a roster as a predecessor.
    RosterHash = "relais/1/hash/roster",
    /// Hash of a signed event in a message's authenticated data.
    SignedEventHash = "relais/1/hash/event",
    /// Encryption of a directory card.
    Card = "relais/1/card",
    /// Hash that names a directory key.
    DirectoryKey = "relais/1/hash/directory-key",
    /// Which coordinator's device replaces a directory key first.
    DirectoryTurn = "relais/1/hash/directory-turn",
    /// Code by which two people's eyes compare a device link.
    LinkCode = "relais/1/link-code",
    /// Check digits of a device's request to be linked.
    LinkRequest = "relais/1/link-request",
    /// Encryption of a blob's chunks.
    BlobChunks = "relais/1/blob",
    /// The server's bearer tokens.
    BearerToken = "relais/1/token",
    /// The server's receipt for a connection.
    ConnectionReceipt = "relais/1/receipt",
    /// The server's seal on a structure entry.
    StructureSeal = "relais/1/seal",
    /// The server's seal on a channel's entry.
    ChannelSeal = "relais/1/channel-seal",
    /// Fingerprint of the root key in an invitation link.
    RootFingerprint = "relais/1/root-fingerprint",
    /// Hash over a device's projections.
    Projection = "relais/1/projection",
    /// Derivation of the database key from a passphrase.
    DatabaseKey = "relais/1/database-key",
    /// Key and associated data of the root's recovery kit.
    RecoveryKit = "relais/1/recovery-kit",
    /// Check of a recovery kit or share as it is typed.
    RecoveryCheck = "relais/1/recovery-check",
    /// Hash that names a proposal to replace the root's key.
    RootProposal = "relais/1/hash/root-proposal",
    /// Digits by which people compare a root key.
    RootCode = "relais/1/root-code",
    /// Digits by which two people compare their keys.
    SafetyCode = "relais/1/safety-code",
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

/// One signature to be verified among others.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The signer's key.
    pub key: &'a VerifyingKey,
    /// What was signed, without the label.
    pub body: &'a [u8],
    /// 64 bytes.
    pub signature: &'a [u8],
}

/// Verifies many signatures made under one label, about twice as fast as one by one;
/// `true` where it holds. If together they do not hold, each is verified by itself.
///
/// Keys come from [`public_key`], so none is weak, and a low-order `R` is refused as
/// [`verify`] does. One difference remains: a batch cannot tell an `R` to which its own
/// signer added a low-order part. Nobody else can make such a signature.
pub fn verify_batch(label: Label, items: &[Signed<'_>]) -> Vec<bool> {
    let framed: Vec<Vec<u8>> = items.iter().map(|item| framed(label, item.body)).collect();
    let read = |item: &Signed<'_>| Signature::from_slice(item.signature).ok();
    let signatures: Option<Vec<Signature>> = items
        .iter()
        .map(|item| read(item).filter(|signature| !is_low_order(signature.r_bytes())))
        .collect();
    let together = signatures.is_some_and(|signatures| {
        let bodies: Vec<&[u8]> = framed.iter().map(Vec::as_slice).collect();
        let keys: Vec<VerifyingKey> = items.iter().map(|item| *item.key).collect();
        ed25519_dalek::verify_batch(&bodies, &signatures, &keys).is_ok()
    });
    if together {
        return vec![true; items.len()];
    }
    let alone = |(item, framed): (&Signed<'_>, &Vec<u8>)| {
        read(item).is_some_and(|s| item.key.verify_strict(framed, &s).is_ok())
    };
    items.iter().zip(&framed).map(alone).collect()
}

/// Whether the point of a signature is of low order. What is no point at all fails
/// the verification itself.
fn is_low_order(point: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(point).is_ok_and(|point| point.is_weak())
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

    #[test]
    fn a_batch_names_exactly_the_signatures_that_do_not_hold() {
        let keys = [3, 4, 5].map(|seed| SigningKey::from_bytes(&[seed; 32]));
        let public = keys.each_ref().map(SigningKey::verifying_key);
        let bodies = [b"one".as_slice(), b"two", b"three"];
        let good: Vec<_> = (0..3)
            .map(|n| sign(&keys[n], Label::SignedEvent, bodies[n]))
            .collect();
        let judge = |signatures: &[prost::bytes::Bytes]| {
            let items: Vec<Signed<'_>> = (0..3)
                .map(|n| Signed {
                    key: &public[n],
                    body: bodies[n],
                    signature: &signatures[n],
                })
                .collect();
            verify_batch(Label::SignedEvent, &items)
        };
        assert_eq!(judge(&good), [true; 3]);
        let low_order = [&[1][..], &[0; 63]].concat();
        for bad in [
            sign(&keys[1], Label::Hello, bodies[1]),
            sign(&keys[0], Label::SignedEvent, bodies[1]),
            good[1].slice(..63),
            low_order.into(),
        ] {
            let mut signatures = good.clone();
            signatures[1] = bad;
            assert_eq!(judge(&signatures), [true, false, true]);
        }
        assert_eq!(verify_batch(Label::SignedEvent, &[]), [false; 0]);
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
