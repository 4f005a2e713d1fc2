//! The device's cryptography, with one source of randomness that the caller supplies
//! (architecture D1): a seed reproduces every byte.
//!
//! What is deterministic is the library's. What draws randomness is here: bytes, signature
//! keys and the ephemeral secrets of HPKE (RFC 9180), which the library would take from the
//! operating system by itself.

mod algorithms;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use algorithms::{Algorithms, aes128, ed25519, hpke, sha256};
use ed25519_dalek::SigningKey;
use hpke_rs::hpke_types::{KdfAlgorithm, KemAlgorithm};
use hpke_rs::{Context, Hpke};
use hpke_rs_crypto::HpkeCrypto;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
    HpkeKeyPair, SignatureScheme,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use tls_codec::SecretVLBytes;
use x_wing::{Encapsulate, TryKeyInit};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// See the module's head.
pub struct Crypto {
    library: RustCrypto,
    source: Mutex<ChaCha20Rng>,
}

impl std::fmt::Debug for Crypto {
    /// Tells nothing: the source is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Crypto")
    }
}

impl Crypto {
    /// With a seed from the operating system.
    ///
    /// # Errors
    /// [`Error::Mls`] when it has none to give.
    pub fn new() -> Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(Error::mls)?;
        Ok(Self::from_seed(&seed))
    }

    /// Every byte follows from `seed`. Never the same seed twice for one database: keys and
    /// nonces would repeat.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            library: RustCrypto::default(),
            source: Mutex::new(ChaCha20Rng::from_seed(*seed)),
        }
    }

    fn source(&self) -> MutexGuard<'_, ChaCha20Rng> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The randomness of one HPKE encryption. OpenMLS encrypts the secrets of a commit's path
    /// on several threads, so it must not depend on whose turn is first: it follows from the
    /// source's seed and position, which the threads do not move, and from what is encrypted.
    /// Only the same plaintext for the same key in the same draw would repeat it.
    fn ephemeral(&self, inputs: [&[u8]; 4]) -> Zeroizing<[u8; 32]> {
        let mut hash = Sha256::new_with_prefix(b"Relais/1 hpke-randomness");
        let source = self.source();
        let seed = Zeroizing::new(source.get_seed());
        hash.update(seed.as_ref());
        hash.update(source.get_word_pos().to_be_bytes());
        drop(source);
        for input in inputs {
            hash.update((input.len() as u64).to_be_bytes());
            hash.update(input);
        }
        Zeroizing::new(hash.finalize().into())
    }
}

/// A sender's context for the receiver's public key, and what the receiver needs to make
/// its own (RFC 9180, section 5.1.1).
fn setup_sender(
    config: HpkeConfig,
    public: &[u8],
    info: &[u8],
    randomness: &[u8; 32],
) -> Result<(Vec<u8>, Context<Algorithms>), CryptoError> {
    let (kem, hpke) = hpke(config)?;
    let (shared, encapsulated) = match kem {
        KemAlgorithm::DhKem25519 => encapsulate_x25519(&hpke, public, randomness)?,
        _ => encapsulate_xwing(public, randomness)?,
    };
    let context = hpke
        .key_schedule(&shared, info, &[], &[])
        .map_err(|_| CryptoError::SenderSetupError)?;
    Ok((encapsulated, context))
}

/// DHKEM(X25519, HKDF-SHA256) with the ephemeral key derived from `randomness`
/// (RFC 9180, section 4.1): shared secret and encapsulation.
fn encapsulate_x25519(
    hpke: &Hpke<Algorithms>,
    public: &[u8],
    randomness: &[u8; 32],
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), CryptoError> {
    /// "KEM" and the number of the KEM.
    const SUITE: &[u8] = &[b'K', b'E', b'M', 0x00, 0x20];
    const SECRET: u16 = 32;
    const KEM: KemAlgorithm = KemAlgorithm::DhKem25519;
    const KDF: KdfAlgorithm = KdfAlgorithm::HkdfSha256;
    let ephemeral = hpke
        .derive_key_pair(randomness)
        .map_err(|_| CryptoError::CryptoLibraryError)?;
    let (private, encapsulated) = ephemeral.into_keys();
    let dh = Algorithms::dh(KEM, public, private.as_slice())
        .map_err(|_| CryptoError::InvalidPublicKey)?;
    let dh = Zeroizing::new(dh);
    let labelled = Zeroizing::new([b"HPKE-v1", SUITE, b"eae_prk", &dh].concat());
    let prk = Algorithms::kdf_extract(KDF, &[], &labelled)
        .map_err(|_| CryptoError::CryptoLibraryError)?;
    let prk = Zeroizing::new(prk);
    let context = [
        &SECRET.to_be_bytes(),
        b"HPKE-v1".as_slice(),
        SUITE,
        b"shared_secret",
        encapsulated.as_slice(),
        public,
    ];
    let shared = Algorithms::kdf_expand(KDF, &prk, &context.concat(), SECRET.into())
        .map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
    Ok((Zeroizing::new(shared), encapsulated.as_slice().to_vec()))
}

/// X-Wing: shared secret and encapsulation.
fn encapsulate_xwing(
    public: &[u8],
    randomness: &[u8; 32],
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), CryptoError> {
    let key = x_wing::EncapsulationKey::new_from_slice(public)
        .map_err(|_| CryptoError::InvalidPublicKey)?;
    let mut rng = ChaCha20Rng::from_seed(*randomness);
    let (encapsulated, shared) = key.encapsulate_with_rng(&mut rng);
    let shared = Zeroizing::new(shared.as_slice().to_vec());
    Ok((shared, encapsulated.as_slice().to_vec()))
}

impl OpenMlsRand for Crypto {
    type Error = std::convert::Infallible;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Self::Error> {
        let mut bytes = [0; N];
        self.source().fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = vec![0; len];
        self.source().fill_bytes(&mut bytes);
        Ok(bytes)
    }
}

impl OpenMlsCrypto for Crypto {
    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        ed25519(alg)?;
        let mut seed = Zeroizing::new([0; 32]);
        self.source().fill_bytes(seed.as_mut());
        let key = SigningKey::from_bytes(&seed);
        Ok((seed.to_vec(), key.verifying_key().to_bytes().to_vec()))
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let randomness = self.ephemeral([pk_r, info, aad, ptxt]);
        let (kem_output, mut context) = setup_sender(config, pk_r, info, &randomness)?;
        let ciphertext = context
            .seal(aad, ptxt)
            .map_err(|_| CryptoError::HpkeEncryptionError)?;
        Ok(HpkeCiphertext {
            kem_output: kem_output.into(),
            ciphertext: ciphertext.into(),
        })
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(Vec<u8>, ExporterSecret), CryptoError> {
        // Here the secret itself comes from the randomness: the position has to move.
        let fresh = Zeroizing::new(self.random_array::<32>().unwrap_or_else(|e| match e {}));
        let (kem_output, context) = setup_sender(config, pk_r, info, &fresh)?;
        let exported = context
            .export(exporter_context, exporter_length)
            .map_err(|_| CryptoError::ExporterError)?;
        Ok((kem_output, exported.into()))
    }

    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        let ours = relais_wire::mls::ciphersuite(ciphersuite.into()).is_some();
        ours.then_some(())
            .ok_or(CryptoError::UnsupportedCiphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        let mut suites = self.library.supported_ciphersuites();
        suites.retain(|suite| self.supports(*suite).is_ok());
        suites
    }

    fn hkdf_extract(
        &self,
        hash_type: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        self.library.hkdf_extract(sha256(hash_type)?, salt, ikm)
    }

    fn hmac(
        &self,
        hash_type: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        self.library.hmac(sha256(hash_type)?, key, message)
    }

    fn hkdf_expand(
        &self,
        hash_type: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.library
            .hkdf_expand(sha256(hash_type)?, prk, info, okm_len)
    }

    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.library.hash(sha256(hash_type)?, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.library
            .aead_encrypt(aes128(alg)?, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.library
            .aead_decrypt(aes128(alg)?, key, ct_tag, nonce, aad)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.library
            .verify_signature(ed25519(alg)?, data, pk, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.library.sign(ed25519(alg)?, data, key)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (_, hpke) = hpke(config)?;
        let (encapsulated, sealed) = (input.kem_output.as_slice(), input.ciphertext.as_slice());
        hpke.open(
            encapsulated,
            &sk_r.into(),
            info,
            aad,
            sealed,
            None,
            None,
            None,
        )
        .map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        let (_, hpke) = hpke(config)?;
        let context = hpke
            .setup_receiver(enc, &sk_r.into(), info, None, None, None)
            .map_err(|_| CryptoError::ReceiverSetupError)?;
        let exported = context
            .export(exporter_context, exporter_length)
            .map_err(|_| CryptoError::ExporterError)?;
        Ok(exported.into())
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        let (_, hpke) = hpke(config)?;
        let (private, public) = hpke
            .derive_key_pair(ikm)
            .map_err(|_| CryptoError::CryptoLibraryError)?
            .into_keys();
        Ok(HpkeKeyPair {
            private: private.as_slice().into(),
            public: public.as_slice().to_vec(),
        })
    }
}
