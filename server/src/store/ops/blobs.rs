//! Records of blobs, and which of them a message names. A message may name a
//! blob before its upload begins (architecture D15).

use std::ops::ControlFlow;

use bytes::Bytes;
use relais_wire::ids::{BlobId, ChannelId, DeviceId};
use relais_wire::limits;

use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::records::{BlobNamedRecord, BlobRecord, array, decode, encode};
use crate::store::shared::Shared;
use crate::store::{Blob, StoreError, keyspaces as keys};

/// Blobs forgotten in one group.
const FORGET_STEP: usize = 1024;

fn encode_blob(blob: &Blob) -> Bytes {
    encode(&BlobRecord {
        channel: blob.channel.to_bytes(),
        uploader: blob.uploader.to_bytes(),
        length: blob.length,
        complete: blob.complete,
        created_ms: blob.created_ms,
        referenced: blob.referenced,
    })
}

fn decode_blob(bytes: Bytes) -> Result<Blob, StoreError> {
    let record: BlobRecord = decode(bytes, "blob record")?;
    Ok(Blob {
        channel: ChannelId(array(&record.channel, "blob record")?),
        uploader: DeviceId(array(&record.uploader, "blob record")?),
        length: record.length,
        complete: record.complete,
        created_ms: record.created_ms,
        referenced: record.referenced,
    })
}

/// A blob that a message names, with its record if it has one.
pub(super) type NamedBlob = (BlobId, Option<Blob>);

impl<B: Backend> Engine<B> {
    fn find_blob(&self, id: BlobId) -> Result<Option<Blob>, StoreError> {
        self.get(&keys::blob(id))?.map(decode_blob).transpose()
    }

    /// What [`Engine::name_blobs`] has to change. Another channel's blobs are
    /// not the message's to keep.
    pub(super) fn find_named_blobs(
        &self,
        channel: ChannelId,
        named: &[BlobId],
    ) -> Result<Vec<NamedBlob>, StoreError> {
        let mut found = Vec::new();
        for id in named {
            match self.find_blob(*id)? {
                Some(blob) if blob.channel != channel || blob.referenced => {}
                record => found.push((*id, record)),
            }
        }
        Ok(found)
    }

    /// Notes that a message names these blobs.
    pub(super) fn name_blobs(
        &mut self,
        channel: ChannelId,
        author: DeviceId,
        now_ms: u64,
        named: Vec<NamedBlob>,
    ) {
        for (id, record) in named {
            match record {
                Some(mut blob) => {
                    blob.referenced = true;
                    self.delete(keys::blob_waiting(blob.created_ms, id));
                    self.put(keys::blob(id), encode_blob(&blob));
                }
                None => {
                    let record = BlobNamedRecord {
                        named_ms: now_ms,
                        author: author.to_bytes(),
                    };
                    self.put(keys::blob_named(id, channel), encode(&record));
                }
            }
        }
    }

    /// See [`crate::store::Store::create_blob`].
    pub fn create_blob(&mut self, id: BlobId, mut blob: Blob) -> Result<bool, StoreError> {
        if let Some(found) = self.find_blob(id)? {
            let upload = |blob: &Blob| (blob.channel, blob.uploader, blob.length);
            return Ok(upload(&found) == upload(&blob));
        }
        let named = keys::blob_named(id, blob.channel);
        if self.get(&named)?.is_some() {
            blob.referenced = true;
            self.delete(named);
        }
        if !blob.referenced {
            self.put(keys::blob_waiting(blob.created_ms, id), Bytes::new());
        }
        self.put(keys::blob(id), encode_blob(&blob));
        Ok(true)
    }

    /// See [`crate::store::Store::complete_blob`].
    pub fn complete_blob(&mut self, id: BlobId) -> Result<(), StoreError> {
        if let Some(mut blob) = self.find_blob(id)?.filter(|blob| !blob.complete) {
            blob.complete = true;
            self.put(keys::blob(id), encode_blob(&blob));
        }
        Ok(())
    }

    /// Forgets blobs that no message named in time, and names whose blob never
    /// came; the blobs forgotten, and whether there are more.
    pub fn forget_blobs(&mut self, now_ms: u64) -> Result<(Vec<BlobId>, bool), StoreError> {
        let mut late = Vec::new();
        let before = now_ms.saturating_sub(limits::BLOB_UNREFERENCED_MS);
        let end = keys::blob_waiting(before, BlobId([0; 16]));
        let from = keys::single(keys::BLOB_WAITING);
        self.shared.backend.range(&from, &end, &mut |key, _| {
            late.push(key.to_vec());
            Ok(match late.len() < FORGET_STEP {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })?;
        let more = late.len() == FORGET_STEP;
        let mut unnamed = Vec::new();
        let from = keys::single(keys::BLOB_NAMED);
        let to = keys::after(&from);
        self.shared.backend.range(&from, &to, &mut |key, value| {
            let named: BlobNamedRecord = decode(value, "blob name")?;
            if now_ms.saturating_sub(named.named_ms) >= limits::RETENTION_MS {
                unnamed.push(key.to_vec());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let mut forgotten = Vec::new();
        for key in late {
            // A write of this group may have named it.
            if self.get(&key)?.is_some() {
                let id = keys::trailing_id(&key).ok_or(StoreError::Corrupt("blob key"))?;
                forgotten.push((BlobId(id), key));
            }
        }

        for key in unnamed {
            self.delete(key);
        }
        let forget = |(id, key)| {
            self.delete(keys::blob(id));
            self.delete(key);
            id
        };
        Ok((forgotten.into_iter().map(forget).collect(), more))
    }
}

impl<B: Backend> Shared<B> {
    /// See [`crate::store::Store::blob_wanted_of`].
    pub fn load_blob_wanted_of(
        &self,
        id: BlobId,
        channel: ChannelId,
    ) -> Result<Option<DeviceId>, StoreError> {
        if let Some(blob) = self.load_blob(id)? {
            let wanted = blob.channel == channel && blob.referenced;
            return Ok(wanted.then_some(blob.uploader));
        }
        let Some(bytes) = self.backend.get(&keys::blob_named(id, channel))? else {
            return Ok(None);
        };
        let named: BlobNamedRecord = decode(bytes, "blob name")?;
        Ok(Some(DeviceId(array(&named.author, "blob name")?)))
    }

    /// See [`crate::store::Store::blob`].
    pub fn load_blob(&self, id: BlobId) -> Result<Option<Blob>, StoreError> {
        self.backend
            .get(&keys::blob(id))?
            .map(decode_blob)
            .transpose()
    }
}
