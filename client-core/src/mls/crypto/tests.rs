use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    Ciphersuite, CryptoError, HpkeAeadType, HpkeConfig, HpkeKdfType, HpkeKemType,
};
use relais_wire::mls::{SUITES, ciphersuite};

use super::Crypto;

fn suites() -> Vec<Ciphersuite> {
    let known = SUITES.iter().filter_map(|number| ciphersuite(*number));
    let known: Vec<_> = known.collect();
    assert_eq!(known.len(), SUITES.len());
    known
}

#[test]
fn a_seed_reproduces_every_random_byte_and_another_seed_none() {
    for suite in suites() {
        let run = |seed: u8| {
            let crypto = Crypto::from_seed(&[seed; 32]);
            let ikm = crypto.random_vec(32).expect("bytes");
            let pair = crypto
                .derive_hpke_keypair(suite.hpke_config(), &ikm)
                .expect("pair");
            let sealed = crypto
                .hpke_seal(suite.hpke_config(), &pair.public, b"i", b"a", b"text")
                .expect("sealed");
            let (enc, _) = crypto
                .hpke_setup_sender_and_export(suite.hpke_config(), &pair.public, b"i", b"e", 32)
                .expect("set up");
            let (private, _) = crypto
                .signature_key_gen(suite.signature_algorithm())
                .expect("key");
            [
                ikm,
                sealed.kem_output.as_slice().to_vec(),
                sealed.ciphertext.as_slice().to_vec(),
                enc,
                private,
            ]
        };
        assert_eq!(run(1), run(1));
        for (one, other) in run(1).iter().zip(&run(2)) {
            assert_ne!(one, other);
        }
    }
}

#[test]
fn the_library_opens_what_is_sealed_here() {
    let library = RustCrypto::default();
    let crypto = Crypto::new().expect("randomness");
    for suite in suites() {
        let config = || suite.hpke_config();
        let pair = library
            .derive_hpke_keypair(config(), &[9; 32])
            .expect("pair");
        let sealed = crypto
            .hpke_seal(config(), &pair.public, b"info", b"aad", b"texte")
            .expect("sealed");
        let opened = library.hpke_open(config(), &sealed, &pair.private, b"info", b"aad");
        assert_eq!(opened.expect("opens"), b"texte");
        let (enc, ours) = crypto
            .hpke_setup_sender_and_export(config(), &pair.public, b"info", b"export", 32)
            .expect("set up");
        let theirs = library
            .hpke_setup_receiver_and_export(config(), &enc, &pair.private, b"info", b"export", 32)
            .expect("set up");
        assert_eq!(ours[..], theirs[..]);
    }
}

#[test]
fn randomness_of_hpke_depends_on_the_draw_and_on_every_input() {
    let crypto = Crypto::from_seed(&[1; 32]);
    let inputs: [&[u8]; 4] = [b"key", b"info", b"aad", b"text"];
    let first = crypto.ephemeral(inputs);
    assert_eq!(*crypto.ephemeral(inputs), *first);
    for changed in 0..inputs.len() {
        let mut other = inputs;
        other[changed] = b"other";
        assert_ne!(*crypto.ephemeral(other), *first);
    }
    // The same bytes, divided in another way.
    assert_ne!(
        *crypto.ephemeral([b"keyi", b"nfo", b"aad", b"text"]),
        *first
    );
    crypto.random_array::<4>().expect("bytes");
    assert_ne!(*crypto.ephemeral(inputs), *first);
}

/// RFC 9180, appendix A.1.1: base mode, DHKEM(X25519, HKDF-SHA256), AES-128-GCM.
#[test]
fn the_x25519_encapsulation_is_that_of_the_rfc() {
    let bytes = |text: &str| hex::decode(text).expect("hex");
    let randomness: [u8; 32] =
        bytes("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234")
            .try_into()
            .expect("32 bytes");
    let public = bytes("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
    let config = HpkeConfig(
        HpkeKemType::DhKem25519,
        HpkeKdfType::HkdfSha256,
        HpkeAeadType::AesGcm128,
    );
    let (encapsulated, mut context) =
        super::setup_sender(config, &public, b"Ode on a Grecian Urn", &randomness).expect("set up");
    assert_eq!(
        hex::encode(encapsulated),
        "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
    );
    let sealed = context
        .seal(b"Count-0", b"Beauty is truth, truth beauty")
        .expect("sealed");
    assert_eq!(
        hex::encode(sealed),
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    );
}

#[test]
fn a_key_that_is_none_is_an_error() {
    let crypto = Crypto::from_seed(&[1; 32]);
    for suite in suites() {
        for key in [vec![], vec![1; 31], vec![0; 32]] {
            let refused = crypto.hpke_seal(suite.hpke_config(), &key, b"", b"", b"text");
            assert!(refused.is_err(), "{} bytes", key.len());
        }
    }
}

#[test]
fn what_no_suite_of_ours_needs_is_refused() {
    let crypto = Crypto::from_seed(&[3; 32]);
    let suites = RustCrypto::default().supported_ciphersuites();
    let (ours, others): (Vec<_>, Vec<_>) = suites
        .into_iter()
        .partition(|suite| crypto.supports(*suite).is_ok());
    assert_eq!(ours.len(), 2);
    assert!(others.len() > 8);
    for suite in ours {
        assert!(
            crypto
                .derive_hpke_keypair(suite.hpke_config(), &[9; 32])
                .is_ok()
        );
    }
    for suite in others {
        let keys = crypto.derive_hpke_keypair(suite.hpke_config(), &[9; 32]);
        let hash = crypto.hash(suite.hash_algorithm(), b"text");
        let (aead, scheme) = (suite.aead_algorithm(), suite.signature_algorithm());
        let key = vec![0; suite.aead_key_length()];
        let sealed = crypto.aead_encrypt(aead, &key, b"text", &[0; 12], b"");
        let verified = crypto.verify_signature(scheme, b"text", &[0; 32], &[0; 64]);
        let signed = crypto.sign(scheme, b"text", &[0; 32]);
        let unsupported = [
            keys.err() == Some(CryptoError::UnsupportedCiphersuite),
            hash.err() == Some(CryptoError::UnsupportedHashAlgorithm),
            sealed.err() == Some(CryptoError::UnsupportedAeadAlgorithm),
            verified.err() == Some(CryptoError::UnsupportedSignatureScheme),
            signed.err() == Some(CryptoError::UnsupportedSignatureScheme),
        ];
        assert!(unsupported.contains(&true), "{suite:?}");
    }
}
