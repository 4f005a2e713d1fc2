//! What the store needs of a key-value engine: ordered bytes, and one durable
//! batch at a time. Owns the batch; leaves meaning to the operations and files
//! to the backends.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::StoreError;

/// Largest item that a backend holds in one piece. sled writes a leaf of its tree,
/// up to some 20 items, as one record, and a record above 128 KiB to a file of
/// its own under `blobs/`, which it never syncs: 20 items must stay well below.
pub const PIECE_BYTES: usize = 4 * 1024;

/// What a range visitor returns: whether to go on.
pub type Visit = Result<ControlFlow<()>, StoreError>;

/// Ordered map of bytes to bytes. Reads see every finished commit and may see a
/// commit under way: whoever reads beside a commit keeps them apart.
pub trait Backend: Send + Sync + 'static {
    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;
    /// Visits the pairs with `from <= key < to` in ascending order until the
    /// visitor breaks.
    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> Visit,
    ) -> Result<(), StoreError>;
    /// The last key with `from <= key < to`.
    fn last_before(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Writes the whole batch or nothing; on return it survives a power cut. One
    /// caller at a time.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;
    /// Releases the files; later calls fail with `Closed`.
    fn close(&self);
}

/// Writes that become durable together. A later write of a key replaces an
/// earlier one.
#[derive(Debug, Default)]
pub struct Batch {
    writes: BTreeMap<Vec<u8>, Change>,
    bytes: usize,
}

/// What a [`Batch`] does to one key.
#[derive(Debug)]
pub struct Change {
    /// The new value; `None` removes the key.
    pub value: Option<Bytes>,
    /// The backend may hold a value in several pieces under this key, of which
    /// none may be left behind.
    pub over_pieces: bool,
}

impl Batch {
    /// Sets `key`.
    pub fn put(&mut self, key: Vec<u8>, value: Bytes) {
        self.change(key, Some(value), true);
    }

    /// Sets a key that is new or holds a value of at most [`PIECE_BYTES`]: the
    /// backend need not look.
    pub fn put_over_small(&mut self, key: Vec<u8>, value: Bytes) {
        self.change(key, Some(value), false);
    }

    /// Removes `key`.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.change(key, None, true);
    }

    fn change(&mut self, key: Vec<u8>, value: Option<Bytes>, over_pieces: bool) {
        self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        let change = Change { value, over_pieces };
        match self.writes.entry(key) {
            // What the backend holds is what the first write was about.
            Entry::Occupied(mut first) => first.get_mut().value = change.value,
            Entry::Vacant(vacant) => {
                vacant.insert(change);
            }
        }
    }

    /// What this batch says of `key`: `Some(None)` means removed.
    pub fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.writes.get(key).map(|change| change.value.clone())
    }

    /// Every write, ordered by key.
    pub fn writes(&self) -> impl Iterator<Item = (&[u8], &Change)> {
        self.writes
            .iter()
            .map(|(key, change)| (key.as_slice(), change))
    }

    /// True when there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Roughly what it will cost to write.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.writes.clear();
        self.bytes = 0;
    }
}
