//! Blobs on their way, in pieces of at most `limits::BLOB_TRANSFER_BYTES`: tus 1.0
//! up, ranges down (architecture D15). A transfer resumes where the server or
//! this device stopped, and waits behind no message.

use base64::Engine as _;
use relais_content::v1::BlobReference;
use relais_wire::ids::{BlobId, ChannelId};
use relais_wire::limits;
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::engine::http::{HttpRequest, HttpResponse, Method, Purpose};
use crate::engine::{Engine, Event, Phase};
use crate::error::{Error, Result};
use crate::media::blob;

/// Requests for blobs at one time: a photo must not wait for another to finish.
const PARALLEL: usize = 2;
const FIRST_RETRY_MS: u64 = 500;
const LAST_RETRY_MS: u64 = 5 * 60_000;

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

struct Transfer {
    id: BlobId,
    channel: ChannelId,
    length: u64,
    done: u64,
    upload: bool,
    begun: bool,
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

    fn put_piece(&self, id: BlobId, start: u64, piece: &[u8]) -> Result<()> {
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
            Some("here") => Ok(BlobState::Here),
            Some("fetch") => Ok(BlobState::Fetching),
            Some(_) => Ok(BlobState::Failed),
            None => Err(Error::Unknown("photo")),
        }
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

    /// Queues the next request of each transfer that can go on.
    pub(crate) fn pump_blobs(&mut self) -> Result<()> {
        if self.link.phase != Phase::Ready || self.link.token.is_none() {
            return Ok(());
        }
        let transfers: Vec<Transfer> = self
            .db
            .prepare_cached(
                "SELECT b.blob, b.channel, b.length, b.done, b.state = 'send', b.begun FROM blobs b
                 JOIN channels c ON c.channel = b.channel
                 WHERE b.state IN ('send', 'fetch') AND c.state = 'joined'
                   AND b.retry_at_ms <= ?1
                 ORDER BY b.state = 'fetch', b.blob LIMIT 16",
            )?
            .query_map([self.now_ms], |row| {
                Ok(Transfer {
                    id: BlobId(row.get(0)?),
                    channel: ChannelId(row.get(1)?),
                    length: row.get(2)?,
                    done: row.get(3)?,
                    upload: row.get(4)?,
                    begun: row.get(5)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for transfer in transfers {
            if self.http.outstanding() >= PARALLEL {
                break;
            }
            let ready = self.link.caught_up.contains(&transfer.channel);
            if ready && !self.http.is_busy_with(transfer.id) {
                self.request(&transfer)?;
            }
        }
        self.http.next_blob_ms = self
            .db
            .prepare_cached(
                "SELECT min(retry_at_ms) FROM blobs WHERE state IN ('send', 'fetch')
                 AND retry_at_ms > ?1",
            )?
            .query_row([self.now_ms], |row| row.get(0))?;
        Ok(())
    }

    fn request(&mut self, transfer: &Transfer) -> Result<()> {
        let path = format!("/v1/blobs/{}", transfer.id);
        let (purpose, request) = if !transfer.upload {
            let last =
                (transfer.done + limits::BLOB_TRANSFER_BYTES as u64).min(transfer.length) - 1;
            let range = format!("bytes={}-{last}", transfer.done);
            let request = HttpRequest::new(Method::Get, path).with_header("range", range);
            (Purpose::BlobFetch(transfer.id), request)
        } else if !transfer.begun {
            let path = format!("/v1/channels/{}/blobs", transfer.channel);
            let id = base64::engine::general_purpose::STANDARD.encode(transfer.id.0);
            let request = HttpRequest::new(Method::Post, path)
                .with_header("upload-length", transfer.length)
                .with_header("upload-metadata", format!("id {id}"));
            (Purpose::BlobCreate(transfer.id), tus(request))
        } else if self.http.offset_known(transfer.id) {
            let request = HttpRequest::new(Method::Patch, path)
                .with_header("upload-offset", transfer.done)
                .with_header("content-type", "application/offset+octet-stream")
                .with_body(self.read_from(transfer)?);
            (Purpose::BlobPatch(transfer.id), tus(request))
        } else {
            let request = HttpRequest::new(Method::Head, path);
            (Purpose::BlobOffset(transfer.id), tus(request))
        };
        self.http.queue(purpose, request);
        Ok(())
    }

    /// The stored piece that holds the offset, from there on.
    fn read_from(&self, transfer: &Transfer) -> Result<Vec<u8>> {
        let (start, bytes): (u64, Vec<u8>) = self
            .db
            .prepare_cached(
                "SELECT start, bytes FROM blob_pieces WHERE blob = ?1 AND start <= ?2
                 ORDER BY start DESC LIMIT 1",
            )?
            .query_row(params![transfer.id.0, transfer.done], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let skip = (transfer.done - start) as usize;
        Ok(bytes.get(skip..).unwrap_or_default().to_vec())
    }

    pub(crate) fn blob_answered(
        &mut self,
        purpose: Purpose,
        id: BlobId,
        response: Option<HttpResponse>,
    ) -> Result<()> {
        let Some(response) = response else {
            return self.blob_later(id);
        };
        let offset = || response.header("upload-offset")?.parse::<u64>().ok();
        match (purpose, response.status) {
            (_, 401) => {
                // The token ran out: a new connection brings a new one.
                self.link.token = None;
                self.link.closed_by_server = Some(relais_wire::RefusalCode::Unspecified);
                Ok(())
            }
            (Purpose::BlobCreate(_), 200 | 201) => self.blob_begun(id, true),
            (Purpose::BlobOffset(_), 404) => self.blob_begun(id, false),
            (Purpose::BlobOffset(_), 200 | 204) | (Purpose::BlobPatch(_), 200 | 204) => {
                match offset() {
                    Some(offset) => self.blob_sent_to(id, offset),
                    None => self.blob_later(id),
                }
            }
            (Purpose::BlobPatch(_), 409) => {
                self.http.forget_offset(id);
                self.blob_later(id)
            }
            (Purpose::BlobFetch(_), 200 | 206) => self.blob_piece(id, &response),
            (_, 403 | 410 | 413) => self.blob_ends(id, "failed"),
            // 404, 409, 425: the original is still on its way to the server.
            _ => self.blob_later(id),
        }
    }

    fn blob_begun(&mut self, id: BlobId, begun: bool) -> Result<()> {
        self.http.forget_offset(id);
        self.db
            .prepare_cached("UPDATE blobs SET begun = ?2 WHERE blob = ?1")?
            .execute(params![id.0, begun])?;
        Ok(())
    }

    fn blob_sent_to(&mut self, id: BlobId, offset: u64) -> Result<()> {
        let length = self.progress(id, offset)?;
        if offset >= length {
            return self.blob_ends(id, "here");
        }
        self.http.know_offset(id);
        Ok(())
    }

    fn progress(&self, id: BlobId, done: u64) -> Result<u64> {
        Ok(self
            .db
            .prepare_cached(
                "UPDATE blobs SET done = ?2, attempts = 0 WHERE blob = ?1 RETURNING length",
            )?
            .query_row(params![id.0, done], |row| row.get(0))?)
    }

    fn blob_piece(&mut self, id: BlobId, response: &HttpResponse) -> Result<()> {
        let (done, length): (u64, u64) = self
            .db
            .prepare_cached("SELECT done, length FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let expected = (length - done).min(limits::BLOB_TRANSFER_BYTES as u64);
        if response.body.len() as u64 != expected {
            return self.blob_later(id);
        }
        self.transaction(|engine| {
            engine.put_piece(id, done, &response.body)?;
            let done = done + expected;
            engine.progress(id, done)?;
            if done < length {
                return Ok(());
            }
            let whole = engine.blob_matches(id)?;
            engine.blob_ends(id, if whole { "here" } else { "failed" })
        })
    }

    fn blob_matches(&self, id: BlobId) -> Result<bool> {
        let expected: Vec<u8> = self
            .db
            .prepare_cached("SELECT sha256 FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| row.get(0))?;
        Ok(self.blob_digest(id)?.as_slice() == expected)
    }

    fn blob_digest(&self, id: BlobId) -> Result<[u8; 32]> {
        let mut statement = self
            .db
            .prepare_cached("SELECT bytes FROM blob_pieces WHERE blob = ?1 ORDER BY start")?;
        let mut digest = Sha256::new();
        for piece in statement.query_map([id.0], |row| row.get::<_, Vec<u8>>(0))? {
            digest.update(piece?);
        }
        Ok(digest.finalize().into())
    }

    fn blob_ends(&mut self, id: BlobId, state: &str) -> Result<()> {
        self.db
            .prepare_cached("UPDATE blobs SET state = ?2 WHERE blob = ?1")?
            .execute(params![id.0, state])?;
        self.events.push_back(Event::BlobChanged(id));
        Ok(())
    }

    fn blob_later(&mut self, id: BlobId) -> Result<()> {
        let attempts: u32 = self
            .db
            .prepare_cached(
                "UPDATE blobs SET attempts = attempts + 1 WHERE blob = ?1 RETURNING attempts",
            )?
            .query_row([id.0], |row| row.get(0))?;
        let delay = (FIRST_RETRY_MS << attempts.min(10)).min(LAST_RETRY_MS);
        self.db
            .prepare_cached("UPDATE blobs SET retry_at_ms = ?2 WHERE blob = ?1")?
            .execute(params![id.0, self.now_ms + delay])?;
        Ok(())
    }
}

fn tus(request: HttpRequest) -> HttpRequest {
    request.with_header("tus-resumable", "1.0.0")
}

pub(crate) fn blob_aad(id: &BlobId) -> Vec<u8> {
    let mut aad = relais_wire::label::Label::BlobChunks
        .text()
        .as_bytes()
        .to_vec();
    aad.extend_from_slice(id.as_ref());
    aad
}
