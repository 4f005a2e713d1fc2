//! The backend on disk: sled 0.34.7, one tree, one batch per commit. Owns the
//! folder, durability, recovery and the cutting of large values into pieces.
//!
//! Durable means `flush()` and then `sync_data()` on a handle of our own: sled's
//! flush alone is `sync_file_range`, which does not survive a power cut.

use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::kv::{Backend, Batch, PIECE_BYTES, Visit};
use super::records::array;
use super::{StoreError, keyspaces as keys};

/// What sled may keep of the tree in memory.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;
/// After a failure, reads try to open the folder again this often.
const REOPEN_EVERY: Duration = Duration::from_secs(1);
/// sled's threads may hold the folder's lock for a moment after it was dropped.
const LOCK_TRIES: u32 = 100;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// First byte of an item: the value follows.
const WHOLE: u8 = 0;
/// First byte of an item: the number of pieces follows.
const CUT: u8 = 1;

struct Open {
    db: sled::Db,
    file: File,
    /// Number of the last group on disk.
    group: u64,
}

enum Folder {
    Open(Open),
    /// After a failed commit: sled refuses everything until it is opened again.
    Failed(Instant),
    Closed,
}

/// See the module's head.
pub struct SledBackend {
    path: PathBuf,
    folder: RwLock<Folder>,
    /// One reopening at a time.
    reopening: Mutex<()>,
}

fn io(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Corrupt("sled"),
        error => StoreError::Io(error.to_string()),
    }
}

fn file_io(error: std::io::Error) -> StoreError {
    StoreError::Io(error.to_string())
}

impl SledBackend {
    /// Opens or creates the folder.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_path_buf(),
            folder: RwLock::new(Folder::Open(open(path)?)),
            reopening: Mutex::new(()),
        })
    }

    fn read<T>(&self, read: impl Fn(&sled::Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        {
            let folder = self.folder.read().unwrap_or_else(PoisonError::into_inner);
            match &*folder {
                Folder::Open(open) => return read(&open.db),
                Folder::Closed => return Err(StoreError::Closed),
                Folder::Failed(at) if at.elapsed() < REOPEN_EVERY => return Err(failed()),
                Folder::Failed(_) => {}
            }
        }
        self.reopen()?;
        match &*self.folder.read().unwrap_or_else(PoisonError::into_inner) {
            Folder::Open(open) => read(&open.db),
            _ => Err(failed()),
        }
    }

    /// Opens the folder again after a failure.
    fn reopen(&self) -> Result<(), StoreError> {
        let _one = self
            .reopening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut folder = self.folder.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*folder, Folder::Failed(_)) {
            *folder = Folder::Failed(Instant::now());
            *folder = Folder::Open(open(&self.path)?);
        }
        Ok(())
    }
}

fn failed() -> StoreError {
    StoreError::Io("the store's folder is not open after a failed write".into())
}

impl Backend for SledBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read(|db| match db.get(key).map_err(io)? {
            Some(item) => Ok(Some(join(db, key, &item)?)),
            None => Ok(None),
        })
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> Visit,
    ) -> Result<(), StoreError> {
        let visit = std::cell::RefCell::new(visit);
        self.read(|db| {
            for pair in db.range(from..to) {
                let (key, item) = pair.map_err(io)?;
                let value = join(db, &key, &item)?;
                match (visit.borrow_mut())(&key, value)? {
                    ControlFlow::Continue(()) => {}
                    ControlFlow::Break(()) => break,
                }
            }
            Ok(())
        })
    }

    fn last_before(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|db| match db.range(from..to).next_back() {
            Some(pair) => Ok(Some(pair.map_err(io)?.0.to_vec())),
            None => Ok(None),
        })
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.reopen()?;
        let mut folder = self.folder.write().unwrap_or_else(PoisonError::into_inner);
        let Folder::Open(open) = &mut *folder else {
            return Err(StoreError::Closed);
        };
        let number = open.group + 1;
        let Err(error) = write(open, batch, number) else {
            open.group = number;
            return Ok(());
        };
        // The tree in memory may be ahead of the disk and sled refuses further
        // work: what counts is what a fresh opening finds.
        *folder = Folder::Failed(Instant::now());
        drop(folder);
        self.reopen()?;
        match &*self.folder.read().unwrap_or_else(PoisonError::into_inner) {
            Folder::Open(open) if open.group == number => Ok(()),
            _ => Err(error),
        }
    }

    fn close(&self) {
        *self.folder.write().unwrap_or_else(PoisonError::into_inner) = Folder::Closed;
    }
}

// ---------------------------------------------------------------------- opening

fn open(path: &Path) -> Result<Open, StoreError> {
    let db = match open_patiently(path) {
        Ok(db) => db,
        // An unclean stop can leave a half-made snapshot that sled then trips over.
        Err(error) => match move_unfinished_snapshots_aside(path)? {
            0 => return Err(error),
            _ => open_patiently(path)?,
        },
    };
    let file = File::options()
        .write(true)
        .open(path.join("db"))
        .map_err(file_io)?;
    // The recovered state must itself be durable before anything builds on it,
    // and a new folder's entries too.
    db.flush().map_err(io)?;
    file.sync_all().map_err(file_io)?;
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(file_io)?;
    let group = match db.get([keys::GROUP_NUMBER]).map_err(io)? {
        Some(number) => u64::from_be_bytes(array(&number, "group number")?),
        None => 0,
    };
    Ok(Open { db, file, group })
}

fn open_patiently(path: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(CACHE_BYTES)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(None);
    for _ in 0..LOCK_TRIES {
        // sled panics on some damaged files instead of returning an error.
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Err(sled::Error::Io(error))) if error.to_string().contains("lock") => {
                std::thread::sleep(LOCK_WAIT);
            }
            Ok(result) => return result.map_err(io),
            Err(_) => return Err(StoreError::Corrupt("sled does not open its folder")),
        }
    }
    Err(StoreError::Io("the store's folder is in use".into()))
}

/// Renames `snap.*.generating`; how many there were.
fn move_unfinished_snapshots_aside(path: &Path) -> Result<usize, StoreError> {
    let mut moved = 0;
    for entry in std::fs::read_dir(path).map_err(file_io)? {
        let entry = entry.map_err(file_io)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let aside = path.join(format!("aside.{name}"));
            std::fs::rename(entry.path(), aside).map_err(file_io)?;
            moved += 1;
        }
    }
    Ok(moved)
}

// ---------------------------------------------------------------------- writing

fn write(open: &Open, batch: &Batch, number: u64) -> Result<(), StoreError> {
    let mut items = sled::Batch::default();
    for (key, change) in batch.writes() {
        let pieces = insert(&mut items, key, change.value.as_deref());
        let may_be_cut = keys::may_be_cut(*key.first().unwrap_or(&keys::PIECE));
        debug_assert!(may_be_cut || pieces == 0);
        if may_be_cut && change.over_pieces {
            remove_pieces(&open.db, &mut items, key, pieces)?;
        }
    }
    items.insert(&[keys::GROUP_NUMBER], &number.to_be_bytes());
    open.db.apply_batch(items).map_err(io)?;
    open.db.flush().map_err(io)?;
    open.file.sync_data().map_err(file_io)
}

fn whole(value: &[u8]) -> Vec<u8> {
    let mut item = Vec::with_capacity(1 + value.len());
    item.push(WHOLE);
    item.extend_from_slice(value);
    item
}

/// Adds a value to the batch; into how many pieces it was cut.
fn insert(items: &mut sled::Batch, key: &[u8], value: Option<&[u8]>) -> u32 {
    match value {
        None => items.remove(key),
        Some(value) if value.len() <= PIECE_BYTES => items.insert(key, whole(value)),
        Some(value) => {
            let mut pieces = 0;
            for piece in value.chunks(PIECE_BYTES) {
                items.insert(keys::piece(key, pieces), piece);
                pieces += 1;
            }
            let mut item = vec![CUT];
            item.extend_from_slice(&pieces.to_be_bytes());
            items.insert(key, item);
            return pieces;
        }
    }
    0
}

/// Removes the pieces of the value now under `key`, from the number `kept` on.
fn remove_pieces(
    db: &sled::Db,
    items: &mut sled::Batch,
    key: &[u8],
    kept: u32,
) -> Result<(), StoreError> {
    let old = match db.get(key).map_err(io)? {
        Some(item) => pieces_of(&item)?.unwrap_or(0),
        None => 0,
    };
    for piece in kept..old {
        items.remove(keys::piece(key, piece));
    }
    Ok(())
}

// ---------------------------------------------------------------------- reading

/// How many pieces an item says that its value was cut into.
fn pieces_of(item: &[u8]) -> Result<Option<u32>, StoreError> {
    match item.split_first() {
        Some((&WHOLE, _)) => Ok(None),
        Some((&CUT, count)) => Ok(Some(u32::from_be_bytes(array(count, "cut value")?))),
        _ => Err(StoreError::Corrupt("item")),
    }
}

fn join(db: &sled::Db, key: &[u8], item: &[u8]) -> Result<Bytes, StoreError> {
    let Some(pieces) = pieces_of(item)? else {
        return Ok(Bytes::copy_from_slice(&item[1..]));
    };
    let mut value = Vec::new();
    for number in 0..pieces {
        let piece = db.get(keys::piece(key, number)).map_err(io)?;
        value.extend_from_slice(&piece.ok_or(StoreError::Corrupt("piece of a value"))?);
    }
    Ok(value.into())
}
