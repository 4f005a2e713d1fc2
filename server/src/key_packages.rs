//! Whether published key packages are usable by everybody who may claim them.

use std::collections::BTreeSet;

use bytes::Bytes;
use openmls::prelude::{KeyPackageIn, ProtocolVersion};
use openmls_rust_crypto::RustCrypto;
use relais_wire::structure::Structure;
use relais_wire::v1::PublishKeyPackages;
use relais_wire::{RefusalCode, limits, mls};
use tls_codec::Deserialize;

use crate::error::Refused;
use crate::operations::Caller;
use crate::store::Operation;

/// Checks a publication: each one decodes, verifies, is of the structure's suite
/// and of the caller's device, and stands there once. Heavy: two signatures each.
pub fn check_publication(
    structure: &Structure,
    caller: &Caller,
    request: PublishKeyPackages,
) -> Result<Operation, Refused> {
    if request.key_packages.len() > limits::KEY_PACKAGES {
        return Err(RefusalCode::TooLarge.into());
    }
    let mut seen = BTreeSet::new();
    for bytes in request.key_packages.iter().chain([&request.last_resort]) {
        let reference = check_one(structure, caller, bytes)?;
        if !seen.insert(reference) {
            return Err(RefusalCode::Malformed.into());
        }
    }
    Ok(Operation::PublishKeyPackages {
        packages: request.key_packages,
        last_resort: request.last_resort,
    })
}

fn check_one(structure: &Structure, caller: &Caller, bytes: &Bytes) -> Result<Vec<u8>, Refused> {
    let malformed = Refused(RefusalCode::Malformed);
    if bytes.len() > limits::KEY_PACKAGE_BYTES {
        return Err(RefusalCode::TooLarge.into());
    }
    let crypto = RustCrypto::default();
    let package = KeyPackageIn::tls_deserialize_exact(bytes.as_ref())
        .map_err(|_| malformed)?
        .validate(&crypto, ProtocolVersion::Mls10)
        .map_err(|_| Refused(RefusalCode::BadSignature))?;
    let owner = mls::read_key_package(&package).map_err(|_| malformed)?;
    let ours = owner.device == caller.device
        && owner.professional == caller.professional
        && owner.key == caller.key
        && Some(owner.structure) == structure.id();
    if !ours {
        return Err(RefusalCode::Forbidden.into());
    }
    let usable = u16::from(package.ciphersuite()) == structure.ciphersuite()
        && *package.life_time() == mls::lifetime();
    if !usable {
        return Err(RefusalCode::RuleBroken.into());
    }
    let reference = package.hash_ref(&crypto).map_err(|_| malformed)?;
    Ok(reference.as_slice().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use relais_wire::ids::{DeviceId, ProfessionalId};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        // proves: W2
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let caller = Caller {
                device: DeviceId([1; 16]),
                professional: ProfessionalId([2; 16]),
                key: [3; 32],
            };
            prop_assert!(check_one(&Structure::new(), &caller, &bytes.into()).is_err());
        }
    }
}
