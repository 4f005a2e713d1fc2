//! Small settings of the device: one row each, typed on the way in and out.

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Result;

/// Names of the settings, each with its purpose.
pub(crate) mod keys {
    /// State of the enrolment ([`crate::identity::Enrolment`]), JSON.
    pub const ENROLMENT: &str = "enrolment";
    /// Ids and private keys of this device, JSON.
    pub const IDENTITY: &str = "identity";
    /// What a device was whose enrolment lapsed, while it tries another link.
    pub const LAPSED: &str = "lapsed";
    /// Highest send counter used (architecture D10).
    pub const SEND_COUNTER: &str = "send_counter";
    /// Lease presented at the next connection, and the one before it.
    pub const LEASE: &str = "lease";
    /// See [`LEASE`].
    pub const PREVIOUS_LEASE: &str = "previous_lease";
    /// 1 while the server has not answered the present lease.
    pub const LEASE_PENDING: &str = "lease_pending";
    /// What the server gave for the lease that it holds ([`LEASE`]).
    pub const RECEIPT: &str = "receipt";
    /// How often the server was restored, as it said last.
    pub const RESTORES: &str = "restores";
    /// Set for good once a restored or cloned database was noticed.
    pub const FROZEN: &str = "frozen";
    /// Identity and request of a frozen device that returns, JSON.
    pub const RETURN: &str = "return";
    /// Set when a revoked device forgot everything, until it joins again.
    pub const WIPED: &str = "wiped";
    /// Last inbox item that was applied.
    pub const INBOX_SEQ: &str = "inbox_seq";
    /// Versions and keys of the structure's directory, JSON.
    pub const DIRECTORY_KEYS: &str = "directory_keys";
    /// Channels whose log was seen forked; an empty text is the structure log. JSON.
    pub const FORKS: &str = "forks";
    /// The server's life in which the structure log was last seen to be the server's.
    pub const STRUCTURE_LIFE: &str = "structure_life";
    /// Set by a step of the schema after which projections are folded anew.
    pub const FOLD_ANEW: &str = "fold_anew";
    /// Highest structure head that an author was seen to know.
    pub const STRUCTURE_CLAIMED: &str = "structure_claimed";
}

/// Reads a setting's bytes.
pub(crate) fn get(conn: &Connection, key: &str) -> Result<Option<Vec<u8>>> {
    Ok(conn
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// Writes a setting.
pub(crate) fn put(conn: &Connection, key: &str, value: &[u8]) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
        .execute(params![key, value])?;
    Ok(())
}

/// Reads a number; 0 when it was never written.
pub(crate) fn get_u64(conn: &Connection, key: &str) -> Result<u64> {
    let bytes = get(conn, key)?.unwrap_or_default();
    Ok(bytes.try_into().map_or(0, u64::from_be_bytes))
}

/// Writes a number.
pub(crate) fn put_u64(conn: &Connection, key: &str, value: u64) -> Result<()> {
    put(conn, key, &value.to_be_bytes())
}

/// Reads a JSON value.
pub(crate) fn get_json<T: serde::de::DeserializeOwned>(
    conn: &Connection,
    key: &str,
) -> Result<Option<T>> {
    let Some(bytes) = get(conn, key)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|_| crate::Error::Corrupt("setting"))
}

/// Writes a JSON value.
pub(crate) fn put_json<T: serde::Serialize>(conn: &Connection, key: &str, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(|_| crate::Error::Corrupt("setting"))?;
    put(conn, key, &bytes)
}
