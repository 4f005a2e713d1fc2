//! SQLCipher on OPFS (architecture D14): a pool of files with synchronous access, which one
//! worker at a time can hold. There is no WAL there, and one connection.

use relais_core::{Error, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sqlite_wasm_vfs::sahpool::{OpfsSAHPoolCfgBuilder, install};
use zeroize::{Zeroize, Zeroizing};

const VFS: &str = "relais";
/// Folder of the origin's private file system: the worker's script removes it to forget
/// everything.
const FOLDER: &str = "relais";
const FILE: &str = "relais.db";
/// The database, its journal, and room for what SQLite makes for a moment.
const FILES: usize = 6;

/// Takes the pool and opens or creates the database with a raw key.
///
/// # Errors
/// [`Error::Busy`] while another worker holds the pool, [`Error::WrongKey`], or of the
/// database.
pub(crate) async fn open(key: Zeroizing<Vec<u8>>) -> Result<Connection> {
    let pool = OpfsSAHPoolCfgBuilder::new()
        .vfs_name(VFS)
        .directory(FOLDER)
        .initial_capacity(FILES)
        .build();
    install::<sqlite_wasm_rs::WasmOsCallback>(&pool, false)
        .await
        .map_err(|_| Error::Busy)?;
    let conn = Connection::open_with_flags_and_vfs(FILE, OpenFlags::default(), VFS)?;
    let mut pragma = format!("PRAGMA key = \"x'{}'\"", hex::encode(&*key));
    let keyed = conn.execute_batch(&pragma);
    pragma.zeroize();
    keyed?;
    conn.query_row("PRAGMA cipher_version", [], |_| Ok(()))?;
    conn.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0")?;
    conn.query_row("PRAGMA journal_mode = TRUNCATE", [], |_| Ok(()))
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
        _ => error.into(),
    }
}
