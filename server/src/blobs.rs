//! The bytes of blobs: an upload grows a spool file, whose durable length is the
//! offset; a finished one moves into the object store. Leaves records and rights
//! to the store and the routes.
//!
//! A kill at any moment leaves one of: a short spool file (resumed), a full one
//! whose record is incomplete (finished at the next look), a full one whose record
//! is complete (deleted).

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use relais_wire::ids::BlobId;
use relais_wire::{RefusalCode, limits};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::error::Refused;
use crate::store::{Blob, Store};

/// Bytes moved from spool to object store at a time.
const PART: usize = 1024 * 1024;
/// A request that received nothing for so long gives way to another.
const IDLE: Duration = Duration::from_millis(200);

/// Spool folder and object store.
pub struct Blobs {
    spool: PathBuf,
    objects: Arc<dyn ObjectStore>,
    uploading: Mutex<HashMap<BlobId, Arc<Upload>>>,
}

/// One upload in use.
#[derive(Default)]
struct Upload {
    lock: Arc<tokio::sync::Mutex<()>>,
    waiting: AtomicUsize,
}

/// The right to append to a blob or finish it, held by one request at a time.
pub struct Uploading {
    upload: Arc<Upload>,
    _held: tokio::sync::OwnedMutexGuard<()>,
}

impl Uploading {
    /// The next bytes; `None` at the end, at an interruption, and when another
    /// request waits while this one receives nothing.
    async fn next<E>(
        &self,
        bytes: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    ) -> Option<Bytes> {
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(limits::WRITE_MS) {
            if let Ok(chunk) = tokio::time::timeout(IDLE, bytes.next()).await {
                return chunk.and_then(Result::ok);
            }
            if self.upload.waiting.load(Ordering::Relaxed) > 0 {
                break;
            }
        }
        None
    }
}

impl From<object_store::Error> for Refused {
    fn from(error: object_store::Error) -> Self {
        tracing::error!(
            not_found = matches!(error, object_store::Error::NotFound { .. }),
            "object store"
        );
        Self(RefusalCode::Unavailable)
    }
}

impl Blobs {
    /// Opens (and makes) both folders inside `data`.
    pub async fn open(data: &std::path::Path) -> std::io::Result<Self> {
        let (spool, objects) = (data.join("spool"), data.join("objects"));
        fs::create_dir_all(&spool).await?;
        fs::create_dir_all(&objects).await?;
        let objects = LocalFileSystem::new_with_prefix(&objects)
            .map_err(std::io::Error::other)?
            .with_fsync(true);
        Ok(Self {
            spool,
            objects: Arc::new(objects),
            uploading: Mutex::default(),
        })
    }

    fn spool(&self, id: BlobId) -> PathBuf {
        self.spool.join(id.to_string())
    }

    fn object(id: BlobId) -> Path {
        let name = id.to_string();
        // Folders of 256 keep directory listings short.
        Path::from_iter(["blobs", &name[..2], &name])
    }

    fn tombstone(id: BlobId) -> Path {
        Path::from_iter(["gone", &id.to_string()])
    }

    /// Waits for the right to change a blob. A request that holds it and receives
    /// nothing gives way: its device came back on a new connection.
    pub async fn lock(&self, id: BlobId) -> Uploading {
        let upload = {
            let mut uploading = self.uploading.lock();
            uploading.retain(|_, upload| Arc::strong_count(upload) > 1);
            uploading.entry(id).or_default().clone()
        };
        upload.waiting.fetch_add(1, Ordering::Relaxed);
        let _held = upload.lock.clone().lock_owned().await;
        upload.waiting.fetch_sub(1, Ordering::Relaxed);
        Uploading { upload, _held }
    }

    /// Bytes of an unfinished upload that survive a crash.
    pub async fn offset(&self, id: BlobId) -> std::io::Result<u64> {
        match fs::metadata(self.spool(id)).await {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Appends what arrives, up to `room` bytes, and returns the new durable
    /// offset. What arrived before an interruption is kept.
    pub async fn append<E>(
        &self,
        id: BlobId,
        uploading: &Uploading,
        room: u64,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<u64, Refused> {
        let path = self.spool(id);
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(&path).await?;
        let start = file.metadata().await?.len();
        let mut written = 0;
        let mut refused = None;
        while let Some(chunk) = uploading.next(&mut bytes).await {
            if chunk.len() as u64 > room - written {
                refused = Some(Refused(RefusalCode::TooLarge));
                break;
            }
            file.write_all(&chunk).await?;
            written += chunk.len() as u64;
        }
        file.flush().await?;
        file.sync_all().await?;
        if start == 0 {
            // The file's name must survive a power cut too.
            File::open(&self.spool).await?.sync_all().await?;
        }
        refused.map_or(Ok(start + written), Err)
    }

    /// Moves a full spool file into the object store and marks the record. True
    /// once the blob is complete. Call under the lock.
    pub async fn finish(
        &self,
        store: &dyn Store,
        id: BlobId,
        blob: &Blob,
    ) -> Result<bool, Refused> {
        if blob.complete {
            return Ok(true);
        }
        if self.offset(id).await? != blob.length {
            return Ok(false);
        }
        let mut upload = self.objects.put_multipart(&Self::object(id)).await?;
        if blob.length > 0 {
            let mut file = File::open(self.spool(id)).await?;
            loop {
                let mut part = BytesMut::with_capacity(PART);
                while part.len() < PART && file.read_buf(&mut part).await? > 0 {}
                if part.is_empty() {
                    break;
                }
                upload.put_part(part.freeze().into()).await?;
            }
        }
        upload.complete().await?;
        store.complete_blob(id).await?;
        self.drop_spool(id).await;
        Ok(true)
    }

    async fn drop_spool(&self, id: BlobId) {
        if let Err(error) = fs::remove_file(self.spool(id)).await
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(kind = ?error.kind(), "spool file stays");
        }
    }

    /// Opens a complete blob, or a part of it.
    pub async fn read(
        &self,
        id: BlobId,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<GetResult, Refused> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        Ok(self.objects.get_opts(&Self::object(id), options).await?)
    }

    /// Whether a blob of this id expired.
    pub async fn is_gone(&self, id: BlobId) -> bool {
        self.objects.head(&Self::tombstone(id)).await.is_ok()
    }

    /// Deletes the bytes of blobs that the store forgot.
    pub async fn expire(&self, ids: Vec<BlobId>) {
        for id in ids {
            let _guard = self.lock(id).await;
            let gone = Self::tombstone(id);
            if self.objects.put(&gone, Bytes::new().into()).await.is_err() {
                tracing::warn!("an expired blob leaves no tombstone");
            }
            match self.objects.delete(&Self::object(id)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(_) => tracing::warn!("bytes of an expired blob stay"),
            }
            self.drop_spool(id).await;
        }
    }

    /// After a restart: finishes full uploads, deletes what nobody knows.
    pub async fn recover(&self, store: &dyn Store) -> Result<(), Refused> {
        let mut files = fs::read_dir(&self.spool).await?;
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name();
            let id = name.to_str().and_then(BlobId::from_hex);
            let Some(id) = id else { continue };
            let _guard = self.lock(id).await;
            match store.blob(id).await? {
                Some(blob) if !blob.complete => {
                    self.finish(store, id, &blob).await?;
                }
                _ => self.drop_spool(id).await,
            }
        }
        Ok(())
    }
}
