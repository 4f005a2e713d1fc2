//! The provider given to each OpenMLS call: cryptography of the device, storage of the transaction
//! in hand.
//!
//! Owns nothing; both halves are borrowed for the length of one operation, so no group can outlive
//! its transaction.

use openmls_traits::OpenMlsProvider;
use rusqlite::Connection;

use super::crypto::Crypto;
use super::storage::{Refusal, SqlStorage};

/// Cryptography, randomness and storage for one OpenMLS operation.
#[derive(Debug)]
pub struct Provider<'a> {
    crypto: &'a Crypto,
    storage: SqlStorage<'a>,
}

impl<'a> Provider<'a> {
    /// A provider that reads and writes through `conn`, inside whatever transaction the caller has
    /// opened on it. What the database refuses is noted in `refusal`.
    pub fn new(crypto: &'a Crypto, conn: &'a Connection, refusal: &'a Refusal) -> Self {
        Self {
            crypto,
            storage: SqlStorage::new(conn, refusal),
        }
    }
}

impl<'a> OpenMlsProvider for Provider<'a> {
    type CryptoProvider = Crypto;
    type RandProvider = Crypto;
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
