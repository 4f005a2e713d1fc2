//! The one encrypted database (architecture D2, D14): schema, small typed
//! settings and the transaction that everything of one act shares.
//!
//! The driver opens the connection and sets its key; this module never does.

pub mod meta;
mod schema;

use rusqlite::Connection;

use crate::error::{Error, Result};

/// Brings the schema up to date.
///
/// # Errors
/// [`Error::TooNew`] for a database of a later version.
pub(crate) fn migrate(conn: &Connection) -> Result<()> {
    let version: u32 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let steps = schema::STEPS;
    let known = steps.len() as u32;
    if version > known {
        return Err(Error::TooNew);
    }
    for (number, step) in steps.iter().enumerate().skip(version as usize) {
        conn.execute_batch(&format!(
            "BEGIN IMMEDIATE; {step}; PRAGMA user_version = {}; COMMIT;",
            number + 1
        ))?;
    }
    Ok(())
}

/// Runs `work` in a savepoint of the present transaction: all of it or none.
pub(crate) fn savepoint<T, E: From<rusqlite::Error>>(
    conn: &Connection,
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    conn.execute_batch("SAVEPOINT step")?;
    match work() {
        Ok(value) => {
            conn.execute_batch("RELEASE step")?;
            Ok(value)
        }
        Err(error) => {
            conn.execute_batch("ROLLBACK TO step; RELEASE step")?;
            Err(error)
        }
    }
}
