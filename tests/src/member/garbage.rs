//! Cryptography that is sound but for one thing: what a commit seals for others opens to
//! garbage. Signature, confirmation tag and GroupInfo hold, so no server can tell.

use openmls::prelude::{Ciphersuite, SignatureScheme};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig, HpkeKeyPair,
    KemOutput,
};
use tls_codec::SecretVLBytes;

/// See the module's head.
pub struct GarbagePaths<'a, C>(pub &'a C);

/// Label of what is sealed along a commit's path (RFC 9420 §7.6), as in the HPKE info.
const PATH: &[u8] = b"MLS 1.0 UpdatePathNode";

/// Methods that do what they should.
macro_rules! sound {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> $out {
            self.0.$name($($arg),*)
        })*
    };
}

impl<C: OpenMlsCrypto> OpenMlsCrypto for GarbagePaths<'_, C> {
    sound! {
        supports(suite: Ciphersuite) -> Result<(), CryptoError>;
        supported_ciphersuites() -> Vec<Ciphersuite>;
        hkdf_extract(hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError>;
        hmac(hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError>;
        hkdf_expand(hash: HashType, prk: &[u8], info: &[u8], len: usize) -> Result<SecretVLBytes, CryptoError>;
        hash(hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError>;
        aead_encrypt(alg: AeadType, key: &[u8], data: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError>;
        aead_decrypt(alg: AeadType, key: &[u8], data: &[u8], nonce: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError>;
        signature_key_gen(alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError>;
        verify_signature(alg: SignatureScheme, data: &[u8], pk: &[u8], signature: &[u8]) -> Result<(), CryptoError>;
        sign(alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError>;
        hpke_open(config: HpkeConfig, input: &HpkeCiphertext, sk: &[u8], info: &[u8], aad: &[u8]) -> Result<Vec<u8>, CryptoError>;
        hpke_setup_sender_and_export(config: HpkeConfig, pk: &[u8], info: &[u8], context: &[u8], len: usize) -> Result<(KemOutput, ExporterSecret), CryptoError>;
        hpke_setup_receiver_and_export(config: HpkeConfig, enc: &[u8], sk: &[u8], info: &[u8], context: &[u8], len: usize) -> Result<ExporterSecret, CryptoError>;
        derive_hpke_keypair(config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError>;
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk: &[u8],
        info: &[u8],
        aad: &[u8],
        text: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        if memchr::memmem::find(info, PATH).is_some() {
            return self
                .0
                .hpke_seal(config, pk, info, aad, &vec![7; text.len()]);
        }
        self.0.hpke_seal(config, pk, info, aad, text)
    }
}
