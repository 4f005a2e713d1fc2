//! Who this device is: its ids, its keys, and what may be made with them.
//! The private keys live in the encrypted database and nowhere else.

pub mod cards;
mod coordinators;
mod devices;
pub(crate) mod directory;
pub(crate) mod enrol;
pub(crate) mod invite;
mod lapse;
mod link;
pub(crate) mod log;
pub mod proposals;
pub mod recovery;
mod rekey;
mod request;
mod returning;
pub mod root;
pub mod safety;
mod sealing;
#[cfg(test)]
pub(crate) mod testing;
mod wipe;

pub use devices::DeviceLink;
pub use enrol::{Enrolment, WhoAmI};
pub use invite::Invitation;

use ed25519_dalek::SigningKey;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use relais_wire::ids::{DeviceId, ProfessionalId, StructureId};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::{Denial, Error, Result};

/// Ids and private keys of this device, as stored.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Identity {
    #[serde(with = "hex::serde")]
    structure: [u8; 16],
    #[serde(with = "hex::serde")]
    professional: [u8; 16],
    #[serde(with = "hex::serde")]
    device: [u8; 16],
    /// Empty on a linked device.
    #[serde(with = "hex::serde")]
    professional_seed: Vec<u8>,
    #[serde(with = "hex::serde")]
    device_seed: [u8; 32],
    #[serde(with = "hex::serde")]
    sealing_private: Vec<u8>,
    #[serde(with = "hex::serde")]
    sealing_public: Vec<u8>,
    /// When the present sealing key came into use.
    sealing_since_ms: u64,
    next_sealing: Option<sealing::SealingKey>,
    former_sealing: Vec<sealing::SealingKey>,
}

impl Identity {
    pub fn structure(&self) -> StructureId {
        StructureId(self.structure)
    }

    pub fn professional(&self) -> ProfessionalId {
        ProfessionalId(self.professional)
    }

    pub fn device(&self) -> DeviceId {
        DeviceId(self.device)
    }

    /// The key that speaks for the person, on the device that made it.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] on a linked device.
    pub fn professional_key(&self) -> Result<SigningKey> {
        let seed = self.professional_seed.as_slice().try_into();
        let seed = seed.map_err(|_| Error::NotAllowed(Denial::LinkedDevice))?;
        Ok(SigningKey::from_bytes(seed))
    }

    /// Whether this device may speak for the person in the structure log.
    pub fn holds_professional_key(&self) -> bool {
        !self.professional_seed.is_empty()
    }

    pub fn device_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.device_seed)
    }

    pub fn signer(&self) -> DeviceSigner {
        DeviceSigner(self.device_key())
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("device", &self.device())
            .finish_non_exhaustive()
    }
}

/// Signs MLS messages with the device key (the leaf's signature key).
pub(crate) struct DeviceSigner(SigningKey);

impl Signer for DeviceSigner {
    fn sign(&self, payload: &[u8]) -> std::result::Result<Vec<u8>, SignerError> {
        use ed25519_dalek::Signer as _;
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
