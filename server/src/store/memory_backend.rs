//! The store's twin in memory, with a disk that can be crashed and filled: what
//! a simulation runs on. Owns the fault injection; the semantics are those of
//! [`super::engine`], as for every backend.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::StoreError;
use super::kv::{Backend, Batch, Visit};

/// A disk that outlives the stores opened on it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    synced: BTreeMap<Vec<u8>, Bytes>,
    /// Which opening may still use the disk; a crash ends all earlier ones.
    generation: u64,
    failing_commits: u32,
    commits: u64,
}

impl MemoryDisk {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power goes: stores that are open can neither read nor write any more,
    /// and only what they had committed is there for the next one.
    pub fn crash(&self) {
        self.contents().generation += 1;
    }

    /// The next `commits` commits fail as on a full disk and change nothing.
    pub fn fail_next(&self, commits: u32) {
        self.contents().failing_commits = commits;
    }

    /// A disk of its own with what is committed now.
    pub fn snapshot(&self) -> Self {
        let synced = self.contents().synced.clone();
        Self(Arc::new(Mutex::new(Contents {
            synced,
            ..Contents::default()
        })))
    }

    /// How many commits succeeded so far.
    pub fn commits(&self) -> u64 {
        self.contents().commits
    }

    /// How many keys begin with `prefix`.
    pub fn keys_under(&self, prefix: &[u8]) -> usize {
        let contents = self.contents();
        let from = (Bound::Included(prefix.to_vec()), Bound::Unbounded);
        contents
            .synced
            .range::<Vec<u8>, _>(from)
            .take_while(|(key, _)| key.starts_with(prefix))
            .count()
    }

    /// Shows every key and value that is committed, as a thief of the disk sees it.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        for (key, value) in &self.contents().synced {
            visit(key, value);
        }
    }

    /// Opens the disk; an earlier opening goes on working beside it.
    pub fn open(&self) -> MemoryBackend {
        MemoryBackend {
            generation: Mutex::new(Some(self.contents().generation)),
            disk: self.clone(),
        }
    }
}

/// One opening of a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryBackend {
    disk: MemoryDisk,
    /// `None` once closed.
    generation: Mutex<Option<u64>>,
}

impl MemoryBackend {
    fn contents(&self) -> Result<MutexGuard<'_, Contents>, StoreError> {
        let generation = *self
            .generation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let contents = self.disk.contents();
        match generation {
            None => Err(StoreError::Closed),
            Some(generation) if generation == contents.generation => Ok(contents),
            Some(_) => Err(StoreError::Io("the disk is gone".into())),
        }
    }
}

type Between<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// `None` for an empty or inverted range, on which `BTreeMap::range` may panic.
fn between<'a>(from: &'a [u8], to: &'a [u8]) -> Option<Between<'a>> {
    (from < to).then_some((Bound::Included(from), Bound::Excluded(to)))
}

impl Backend for MemoryBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.contents()?.synced.get(key).cloned())
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> Visit,
    ) -> Result<(), StoreError> {
        let Some(bounds) = between(from, to) else {
            return Ok(());
        };
        for (key, value) in self.contents()?.synced.range::<[u8], _>(bounds) {
            if visit(key, value.clone())?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last_before(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(bounds) = between(from, to) else {
            return Ok(None);
        };
        let contents = self.contents()?;
        let last = contents.synced.range::<[u8], _>(bounds).next_back();
        Ok(last.map(|(key, _)| key.clone()))
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut contents = self.contents()?;
        if contents.failing_commits > 0 {
            contents.failing_commits -= 1;
            return Err(StoreError::Io("no space left on the disk".into()));
        }
        for (key, change) in batch.writes() {
            match &change.value {
                Some(value) => contents.synced.insert(key.to_vec(), value.clone()),
                None => contents.synced.remove(key),
            };
        }
        contents.commits += 1;
        Ok(())
    }

    fn close(&self) {
        *self
            .generation
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }
}
