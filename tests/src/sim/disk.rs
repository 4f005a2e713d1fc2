//! A device's disk: a named SQLite database in memory that outlives the engine on it.
//! It can be copied and put back, it can be full, and it can refuse every commit from
//! a certain one on, which is what a killed process leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use rusqlite::{Connection, MAIN_DB, backup::Backup};

/// Names are of the whole process: each disk gets a new one.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Commits are not counted.
const UNLIMITED: i64 = i64::MAX;

/// See the module's head.
pub struct Disk {
    name: String,
    /// Keeps the database while no engine is on it.
    keeper: Connection,
    commits_left: Arc<AtomicI64>,
}

impl Disk {
    /// An empty one.
    pub fn new() -> Self {
        let name = format!(
            "file:/relais-{}?vfs=memdb",
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self {
            keeper: Connection::open(&name).expect("a database in memory"),
            name,
            commits_left: Arc::new(AtomicI64::new(UNLIMITED)),
        }
    }

    /// One with the contents of a copy.
    pub fn of(copy: &[u8]) -> Self {
        let mut disk = Self::new();
        let mut source = Connection::open_in_memory().expect("a database in memory");
        source
            .deserialize_read_exact(MAIN_DB, copy, copy.len(), true)
            .expect("a copy made here");
        Backup::new(&source, &mut disk.keeper)
            .and_then(|backup| backup.step(-1).map(drop))
            .expect("copied back");
        disk
    }

    /// Everything that is committed.
    pub fn copy(&mut self) -> Vec<u8> {
        let copy = self.keeper.serialize(MAIN_DB).expect("serialized");
        copy.to_vec()
    }

    /// A connection for an engine. `room`: pages that may still be added.
    pub fn connect(&self, room: Option<u64>) -> Connection {
        let mut db = Connection::open(&self.name).expect("the keeper holds it");
        db.execute_batch(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;
             PRAGMA temp_store = MEMORY",
        )
        .expect("pragmas");
        if let Some(room) = room {
            let pages: u64 = db
                .query_row("PRAGMA page_count", [], |row| row.get(0))
                .expect("pages");
            let limit = format!("PRAGMA max_page_count = {}", pages + room);
            db.query_row(&limit, [], |_| Ok(())).expect("limit");
        }
        let left = Arc::clone(&self.commits_left);
        left.store(UNLIMITED, Ordering::Relaxed);
        let refuse = move || left.fetch_sub(1, Ordering::Relaxed) <= 0;
        db.commit_hook(Some(refuse)).expect("hook");
        db.set_prepared_statement_cache_capacity(128);
        db
    }

    /// After so many more commits none succeeds, until the next connection.
    pub fn refuse_after(&self, commits: u32) {
        self.commits_left.store(commits.into(), Ordering::Relaxed);
    }

    /// Whether a commit was refused.
    pub fn refused(&self) -> bool {
        self.commits_left.load(Ordering::Relaxed) < 0
    }
}
