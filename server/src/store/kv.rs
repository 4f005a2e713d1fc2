//! What the store needs of a key-value engine: ordered bytes, and one durable
//! batch at a time. Owns the batch; leaves meaning to the operations and files
//! to the backends.

use std::collections::BTreeMap;
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
    writes: BTreeMap<Vec<u8>, Option<Bytes>>,
    bytes: usize,
}

impl Batch {
    /// Sets `key`.
    pub fn put(&mut self, key: Vec<u8>, value: Bytes) {
        self.bytes += key.len() + value.len();
        self.writes.insert(key, Some(value));
    }

    /// Removes `key`.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.writes.insert(key, None);
    }

    /// What this batch says of `key`: `Some(None)` means removed.
    pub fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        self.writes.get(key).cloned()
    }

    /// Every write, ordered by key; `None` removes.
    pub fn writes(&self) -> impl Iterator<Item = (&[u8], Option<&Bytes>)> {
        self.writes
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_ref()))
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
