//! The algorithms of our suites and of what is sealed beside them: the library has those of all
//! suites, chosen when they run. Here each call names its own, so that any other is refused before
//! it is called, and is not part of a program that is linked as a whole.

use hpke_rs::hpke_types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs::{Hpke, Mode};
use hpke_rs_crypto::HpkeCrypto;
use hpke_rs_crypto::error::Error;
use hpke_rs_rust_crypto::HpkeRustCrypto;
use openmls_traits::types::{
    AeadType, CryptoError, HashType, HpkeAeadType, HpkeConfig, HpkeKdfType, HpkeKemType,
    SignatureScheme,
};

pub(super) fn sha256(hash: HashType) -> Result<HashType, CryptoError> {
    match hash {
        HashType::Sha2_256 => Ok(HashType::Sha2_256),
        _ => Err(CryptoError::UnsupportedHashAlgorithm),
    }
}

pub(super) fn aes128(aead: AeadType) -> Result<AeadType, CryptoError> {
    match aead {
        AeadType::Aes128Gcm => Ok(AeadType::Aes128Gcm),
        _ => Err(CryptoError::UnsupportedAeadAlgorithm),
    }
}

pub(super) fn ed25519(scheme: SignatureScheme) -> Result<SignatureScheme, CryptoError> {
    match scheme {
        SignatureScheme::ED25519 => Ok(SignatureScheme::ED25519),
        _ => Err(CryptoError::UnsupportedSignatureScheme),
    }
}

/// HPKE in base mode with these algorithms, and which KEM that is.
pub(super) fn hpke(config: HpkeConfig) -> Result<(KemAlgorithm, Hpke<Algorithms>), CryptoError> {
    let HpkeConfig(kem, kdf, aead) = config;
    let kem = match kem {
        HpkeKemType::DhKem25519 => KemAlgorithm::DhKem25519,
        HpkeKemType::XWingKemDraft6 => KemAlgorithm::XWingDraft06,
        _ => return Err(CryptoError::UnsupportedCiphersuite),
    };
    let kdf = match kdf {
        HpkeKdfType::HkdfSha256 => KdfAlgorithm::HkdfSha256,
        _ => return Err(CryptoError::UnsupportedCiphersuite),
    };
    let aead = match aead {
        HpkeAeadType::AesGcm128 => AeadAlgorithm::Aes128Gcm,
        HpkeAeadType::ChaCha20Poly1305 => AeadAlgorithm::ChaCha20Poly1305,
        _ => return Err(CryptoError::UnsupportedCiphersuite),
    };
    Ok((kem, Hpke::new(Mode::Base, kem, kdf, aead)))
}

/// HPKE's, for [`Hpke`].
#[derive(Debug)]
pub(super) struct Algorithms;

fn x25519(kem: KemAlgorithm) -> Result<KemAlgorithm, Error> {
    match kem {
        KemAlgorithm::DhKem25519 => Ok(KemAlgorithm::DhKem25519),
        _ => Err(Error::UnknownKemAlgorithm),
    }
}

fn xwing(kem: KemAlgorithm) -> Result<KemAlgorithm, Error> {
    match kem {
        KemAlgorithm::XWingDraft06 => Ok(KemAlgorithm::XWingDraft06),
        _ => Err(Error::UnknownKemAlgorithm),
    }
}

fn kdf(kdf: KdfAlgorithm) -> Result<KdfAlgorithm, Error> {
    match kdf {
        KdfAlgorithm::HkdfSha256 => Ok(KdfAlgorithm::HkdfSha256),
        _ => Err(Error::UnknownKdfAlgorithm),
    }
}

fn aead(aead: AeadAlgorithm) -> Result<AeadAlgorithm, Error> {
    match aead {
        AeadAlgorithm::Aes128Gcm => Ok(AeadAlgorithm::Aes128Gcm),
        AeadAlgorithm::ChaCha20Poly1305 => Ok(AeadAlgorithm::ChaCha20Poly1305),
        _ => Err(Error::UnknownAeadAlgorithm),
    }
}

type Bytes = Result<Vec<u8>, Error>;
type Pair = Result<(Vec<u8>, Vec<u8>), Error>;

impl HpkeCrypto for Algorithms {
    type HpkePrng = <HpkeRustCrypto as HpkeCrypto>::HpkePrng;

    fn name() -> String {
        HpkeRustCrypto::name()
    }

    fn supports_kdf(alg: KdfAlgorithm) -> Result<(), Error> {
        kdf(alg).map(drop)
    }

    fn supports_kem(alg: KemAlgorithm) -> Result<(), Error> {
        x25519(alg).or_else(|_| xwing(alg)).map(drop)
    }

    fn supports_aead(alg: AeadAlgorithm) -> Result<(), Error> {
        aead(alg).map(drop)
    }

    fn prng() -> Self::HpkePrng {
        HpkeRustCrypto::prng()
    }

    fn kdf_extract(alg: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Bytes {
        HpkeRustCrypto::kdf_extract(kdf(alg)?, salt, ikm)
    }

    fn kdf_expand(alg: KdfAlgorithm, prk: &[u8], info: &[u8], output_size: usize) -> Bytes {
        HpkeRustCrypto::kdf_expand(kdf(alg)?, prk, info, output_size)
    }

    fn dh(alg: KemAlgorithm, pk: &[u8], sk: &[u8]) -> Bytes {
        HpkeRustCrypto::dh(x25519(alg)?, pk, sk)
    }

    fn secret_to_public(alg: KemAlgorithm, sk: &[u8]) -> Bytes {
        HpkeRustCrypto::secret_to_public(x25519(alg)?, sk)
    }

    /// Never: it draws from the operating system.
    fn kem_key_gen(_alg: KemAlgorithm, _prng: &mut Self::HpkePrng) -> Pair {
        Err(Error::UnsupportedKemOperation)
    }

    fn kem_key_gen_derand(alg: KemAlgorithm, seed: &[u8]) -> Pair {
        HpkeRustCrypto::kem_key_gen_derand(xwing(alg)?, seed)
    }

    /// Never: it draws from the operating system.
    fn kem_encaps(_alg: KemAlgorithm, _pk_r: &[u8], _prng: &mut Self::HpkePrng) -> Pair {
        Err(Error::UnsupportedKemOperation)
    }

    fn kem_decaps(alg: KemAlgorithm, ct: &[u8], sk_r: &[u8]) -> Bytes {
        HpkeRustCrypto::kem_decaps(xwing(alg)?, ct, sk_r)
    }

    /// Any 32 bytes are a key of X25519; of an X-Wing key it is not asked.
    fn dh_validate_sk(_alg: KemAlgorithm, _sk: &[u8]) -> Bytes {
        Err(Error::UnknownKemAlgorithm)
    }

    fn aead_seal(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Bytes {
        HpkeRustCrypto::aead_seal(aead(alg)?, key, nonce, aad, msg)
    }

    fn aead_open(alg: AeadAlgorithm, key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Bytes {
        HpkeRustCrypto::aead_open(aead(alg)?, key, nonce, aad, msg)
    }
}
