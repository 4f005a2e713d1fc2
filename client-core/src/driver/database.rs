//! Opening the database file (architecture D14): SQLCipher with a raw key, WAL,
//! every commit on disk, one process at a time.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::{Error, Result};

/// 32 random bytes, kept by the platform (Keychain, Keystore, key file).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DatabaseKey(pub [u8; 32]);

impl std::fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseKey(…)")
    }
}

/// Opens or creates the encrypted database.
///
/// # Errors
/// [`Error::WrongKey`] when the key does not open it, [`Error::Busy`] when
/// another process has it open.
pub fn open_database(path: &Path, key: &DatabaseKey) -> Result<Connection> {
    create_private(path)?;
    let conn = Connection::open(path)?;
    // A raw key: a passphrase would cost 256,000 rounds at each opening.
    let mut pragma = format!("PRAGMA key = \"x'{}'\"", hex::encode(key.0));
    let keyed = conn.execute_batch(&pragma);
    pragma.zeroize();
    keyed?;
    // A plain SQLite, which an app that also links its system's can end up
    // with, ignores the key and writes what anyone can read.
    conn.query_row("PRAGMA cipher_version", [], |_| Ok(()))?;
    conn.execute_batch(
        "PRAGMA cipher_log_level = NONE; PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0",
    )?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .map_err(opening)?;
    conn.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;
         BEGIN IMMEDIATE; COMMIT",
    )
    .map_err(opening)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}

fn opening(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::WrongKey,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy,
        _ => error.into(),
    }
}

/// The file exists before SQLite opens it, readable by its owner alone.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|e| Error::invalid("database", e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_opens_with_its_key_alone_and_shows_nothing_in_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("relais.db");
        let key = DatabaseKey([1; 32]);
        let conn = open_database(&path, &key).expect("created");
        conn.execute_batch("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('Mme Dubois')")
            .expect("written");
        drop(conn);
        let wrong = open_database(&path, &DatabaseKey([2; 32]));
        assert!(matches!(wrong, Err(Error::WrongKey)), "{wrong:?}");
        let bytes = std::fs::read(&path).expect("file");
        let shows = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
        assert!(!shows(b"Mme Dubois") && !shows(b"SQLite format 3"));
        open_database(&path, &key).expect("opened again");
    }

    #[test]
    fn a_second_program_is_told_that_the_database_is_open() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("relais.db");
        let key = DatabaseKey([1; 32]);
        let first = open_database(&path, &key).expect("created");
        first.execute_batch("CREATE TABLE t (x)").expect("written");
        assert!(matches!(open_database(&path, &key), Err(Error::Busy)));
    }
}
