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
            "BEGIN IMMEDIATE; {}; PRAGMA user_version = {}; COMMIT;",
            step.join(";"),
            number + 1
        ))?;
    }
    Ok(())
}
