//! Blobs as this device keeps them: sealed, in pieces that one request carries, and
//! opened whole (photos) or chunk by chunk (archives).

use relais_content::v1::BlobReference;
use relais_wire::ids::{BlobId, ChannelId};
use relais_wire::limits;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::media::blob;

/// Whether a blob's bytes are on this device, and on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobState {
    /// On this device; on its way to the server.
    Sending,
    /// On this device and on the server.
    Here,
    /// On its way to this device.
    Fetching,
    /// Cannot be had: its upload was refused, it expired, or it does not match
    /// its reference.
    Failed,
}

impl Engine {
    /// Seals bytes under a fresh key and stores them for upload.
    pub(crate) fn new_blob(
        &mut self,
        channel: ChannelId,
        plaintext: &[u8],
    ) -> Result<BlobReference> {
        let id = BlobId(self.random()?);
        let key: [u8; 32] = self.random()?;
        let sealed = blob::seal(&key, &blob_aad(&id), plaintext);
        self.put_pieces(id, 0, &sealed)?;
        self.send_blob(channel, id, &key, plaintext.len() as u64)
    }

    /// Stores sealed bytes from `start` on, in pieces that one request carries.
    pub(crate) fn put_pieces(&self, id: BlobId, start: u64, sealed: &[u8]) -> Result<()> {
        for (number, piece) in sealed.chunks(limits::BLOB_TRANSFER_BYTES).enumerate() {
            let offset = (number * limits::BLOB_TRANSFER_BYTES) as u64;
            self.put_piece(id, start + offset, piece)?;
        }
        Ok(())
    }

    /// Wants a blob at the server whose sealed pieces are all stored.
    pub(crate) fn send_blob(
        &mut self,
        channel: ChannelId,
        id: BlobId,
        key: &[u8; 32],
        plaintext_len: u64,
    ) -> Result<BlobReference> {
        let sha256 = self.blob_digest(id)?;
        self.db
            .prepare_cached(
                "INSERT INTO blobs (blob, channel, key, plaintext_len, length, sha256, state, done)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'send', 0)",
            )?
            .execute(params![
                id.0,
                channel.0,
                key,
                plaintext_len,
                blob::ciphertext_len(plaintext_len),
                sha256
            ])?;
        self.dirty = true;
        Ok(BlobReference {
            blob_id: id.to_bytes(),
            key: key.to_vec().into(),
            plaintext_len,
            ciphertext_sha256: sha256.to_vec().into(),
        })
    }

    /// How a blob that was sent is named.
    pub(crate) fn blob_reference(&self, id: BlobId) -> Result<BlobReference> {
        Ok(self
            .db
            .prepare_cached("SELECT key, plaintext_len, sha256 FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| {
                Ok(BlobReference {
                    blob_id: id.to_bytes(),
                    key: row.get::<_, Vec<u8>>(0)?.into(),
                    plaintext_len: row.get(1)?,
                    ciphertext_sha256: row.get::<_, Vec<u8>>(2)?.into(),
                })
            })?)
    }

    /// Opens one chunk of a blob that is here; `None` past its end. Also whether it is
    /// the last one.
    pub(crate) fn blob_chunk(&self, id: BlobId, index: u32) -> Result<Option<(Vec<u8>, bool)>> {
        let (key, length): ([u8; 32], u64) = self
            .db
            .prepare_cached("SELECT key, length FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let start = u64::from(index) * blob::SEALED_CHUNK_LEN as u64;
        if start >= length {
            return Ok(None);
        }
        let end = length.min(start + blob::SEALED_CHUNK_LEN as u64);
        let mut statement = self.db.prepare_cached(
            "SELECT start, bytes FROM blob_pieces WHERE blob = ?1 AND start < ?3
             AND start + length(bytes) > ?2 ORDER BY start",
        )?;
        let pieces = statement.query_map(params![id.0, start, end], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
        let mut sealed = Vec::with_capacity(blob::SEALED_CHUNK_LEN);
        for piece in pieces {
            let (at, bytes) = piece?;
            let from = start.saturating_sub(at) as usize;
            let to = bytes.len().min((end - at) as usize);
            sealed.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        }
        let last = end == length;
        let opener = blob::BlobOpener::new(&key, &blob_aad(&id));
        Ok(Some((opener.open_at(index, last, &sealed)?, last)))
    }

    /// Removes a blob from this device, its pieces too.
    pub(crate) fn forget_blob(&self, id: BlobId) -> Result<()> {
        for sql in [
            "DELETE FROM blob_pieces WHERE blob = ?1",
            "DELETE FROM blobs WHERE blob = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([id.0])?;
        }
        Ok(())
    }

    /// A blob that a colleague's event names: fetched by itself.
    pub(crate) fn expect_blob(&mut self, channel: ChannelId, blob: &BlobReference) -> Result<()> {
        let id = BlobId::try_from(&blob.blob_id).map_err(|_| Error::Corrupt("blob id"))?;
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO blobs
                 (blob, channel, key, plaintext_len, length, sha256, state, done)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'fetch', 0)",
            )?
            .execute(params![
                id.0,
                channel.0,
                blob.key.as_ref(),
                blob.plaintext_len,
                blob::ciphertext_len(blob.plaintext_len),
                blob.ciphertext_sha256.as_ref()
            ])?;
        self.dirty = true;
        Ok(())
    }

    pub(super) fn put_piece(&self, id: BlobId, start: u64, piece: &[u8]) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO blob_pieces (blob, start, bytes) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id.0, start, piece])?;
        Ok(())
    }

    /// Whether a blob is here.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn blob_state(&self, id: BlobId) -> Result<BlobState> {
        let state: Option<String> = self
            .db
            .prepare_cached("SELECT state FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| row.get(0))
            .optional()?;
        match state.as_deref() {
            Some("send") => Ok(BlobState::Sending),
            Some("here" | "sent" | "again") => Ok(BlobState::Here),
            Some("fetch") => Ok(BlobState::Fetching),
            Some(_) => Ok(BlobState::Failed),
            None => Err(Error::Unknown("photo")),
        }
    }

    /// How much of a blob has been sent or fetched since it was begun, and how much there
    /// is, in encrypted bytes ([`crate::Event::BlobProgress`] tells of each step).
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn blob_progress(&self, id: BlobId) -> Result<(u64, u64)> {
        let state = self.blob_state(id)?;
        let (done, length): (u64, u64) = self
            .db
            .prepare_cached("SELECT done, length FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(match state {
            BlobState::Here => (length, length),
            _ => (done.min(length), length),
        })
    }

    /// A blob's plaintext, whole: for photos, which are below 2 MB.
    ///
    /// # Errors
    /// [`Error::Unknown`] when it is not here (yet), [`Error::Blob`] when it does
    /// not open.
    pub fn blob_bytes(&self, id: BlobId) -> Result<Vec<u8>> {
        if !matches!(self.blob_state(id)?, BlobState::Here | BlobState::Sending) {
            return Err(Error::Unknown("photo (it has not arrived yet)"));
        }
        let key: [u8; 32] = self
            .db
            .prepare_cached("SELECT key FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| row.get(0))?;
        let mut statement = self
            .db
            .prepare_cached("SELECT bytes FROM blob_pieces WHERE blob = ?1 ORDER BY start")?;
        let pieces = statement.query_map([id.0], |row| row.get::<_, Vec<u8>>(0))?;
        let mut sealed = Vec::new();
        for piece in pieces {
            sealed.extend_from_slice(&piece?);
        }
        Ok(blob::open(&key, &blob_aad(&id), &sealed)?)
    }

    /// SHA-256 of a blob's sealed bytes.
    pub(super) fn blob_digest(&self, id: BlobId) -> Result<[u8; 32]> {
        let mut statement = self
            .db
            .prepare_cached("SELECT bytes FROM blob_pieces WHERE blob = ?1 ORDER BY start")?;
        let mut digest = Sha256::new();
        for piece in statement.query_map([id.0], |row| row.get::<_, Vec<u8>>(0))? {
            digest.update(piece?);
        }
        Ok(digest.finalize().into())
    }
}

pub(crate) fn blob_aad(id: &BlobId) -> Vec<u8> {
    let mut aad = relais_wire::label::Label::BlobChunks
        .text()
        .as_bytes()
        .to_vec();
    aad.extend_from_slice(id.as_ref());
    aad
}
