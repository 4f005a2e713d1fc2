//! The provider given to each OpenMLS call: cryptography of the device, storage of the transaction
//! in hand.
//!
//! Owns nothing; both halves are borrowed for the length of one operation, so no group can outlive
//! its transaction.

use openmls_rust_crypto::RustCrypto;
use openmls_traits::{OpenMlsProvider, crypto::OpenMlsCrypto, random::OpenMlsRand};
use rusqlite::Connection;

use super::storage::SqlStorage;

/// Cryptography, randomness and storage for one OpenMLS operation.
///
/// `C` is generic so that a simulation can put a seeded source of randomness in place of
/// [`RustCrypto`].
#[derive(Debug)]
pub struct Provider<'a, C = RustCrypto> {
    crypto: &'a C,
    storage: SqlStorage<'a>,
}

impl<'a, C> Provider<'a, C> {
    /// A provider that reads and writes through `conn`, inside whatever transaction the caller has
    /// opened on it.
    pub fn new(crypto: &'a C, conn: &'a Connection) -> Self {
        Self {
            crypto,
            storage: SqlStorage::new(conn),
        }
    }
}

impl<'a, C: OpenMlsCrypto + OpenMlsRand> OpenMlsProvider for Provider<'a, C> {
    type CryptoProvider = C;
    type RandProvider = C;
    type StorageProvider = SqlStorage<'a>;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        self.crypto
    }

    fn rand(&self) -> &Self::RandProvider {
        self.crypto
    }
}
