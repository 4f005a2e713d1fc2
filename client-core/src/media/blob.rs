//! A blob encrypted in chunks: the STREAM construction over ChaCha20-Poly1305.
//!
//! Owns the format of a sealed blob. Leaves to the caller the key (32 fresh random bytes for each
//! blob, sent inside the encrypted message) and the associated data (a label and the blob's id),
//! which keeps one blob's chunks out of another.
//!
//! Format: the plaintext is cut into chunks of [`CHUNK_LEN`] bytes, the last one shorter or equal;
//! only an empty blob has an empty chunk. Each chunk is followed by its tag. A chunk's nonce is its
//! number and whether it is the last (Hoang, Reyhanitabar, Rogaway, Vizár, 2015), so chunks that
//! were cut off, doubled, moved or taken from elsewhere do not open. The nonce's prefix is zero: it
//! separates streams under one key, and here a key has one stream only.
//!
//! Whoever starts an interrupted upload again must seal the same bytes: another plaintext under the
//! same key would give both away.

use chacha20poly1305::{
    ChaCha20Poly1305, Key,
    aead::{
        Payload,
        stream::{NewStream, Nonce, StreamBE32, StreamPrimitive},
    },
};

/// Plaintext bytes in each chunk but the last. Large enough that tags cost 0.02 %, small enough for
/// a range of a download.
pub const CHUNK_LEN: usize = 64 * 1024;

/// Bytes added to each chunk.
pub const TAG_LEN: usize = 16;

/// Bytes of each sealed chunk but the last: sealed chunk `n` starts at `n * SEALED_CHUNK_LEN`.
pub const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;

type Stream = StreamBE32<ChaCha20Poly1305>;

/// Why a blob could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// A chunk, or the blob, has a length that the format does not allow: truncated, or with bytes
    /// after its end.
    #[error("blob: wrong length")]
    Length,
    /// This chunk is not what was sealed at this place under this key and associated data.
    #[error("blob: chunk {chunk} is not authentic")]
    NotAuthentic {
        /// Its number, from 0.
        chunk: u32,
    },
    /// More chunks than the format can number (256 TiB).
    #[error("blob: too long")]
    TooLong,
}

/// Length of a sealed blob for that many bytes of plaintext (saturating).
pub fn ciphertext_len(plaintext_len: u64) -> u64 {
    let chunks = plaintext_len.div_ceil(CHUNK_LEN as u64).max(1);
    plaintext_len.saturating_add(chunks.saturating_mul(TAG_LEN as u64))
}

/// Length of the plaintext in a sealed blob of that length.
///
/// # Errors
/// [`BlobError::Length`] when no blob has that length once sealed.
pub fn plaintext_len(ciphertext_len: u64) -> Result<u64, BlobError> {
    let chunks = ciphertext_len.div_ceil(SEALED_CHUNK_LEN as u64).max(1);
    let plaintext = ciphertext_len
        .checked_sub(chunks * TAG_LEN as u64)
        .ok_or(BlobError::Length)?;
    if self::ciphertext_len(plaintext) == ciphertext_len {
        Ok(plaintext)
    } else {
        Err(BlobError::Length)
    }
}

/// Seals one blob from its start to its end, at once or with pauses.
pub struct BlobSealer {
    stream: Stream,
    aad: Vec<u8>,
    position: u32,
}

impl BlobSealer {
    /// Starts a blob. `key` is fresh for this blob; `aad` is the label and the blob's id.
    pub fn new(key: &[u8; 32], aad: &[u8]) -> Self {
        Self::at(key, aad, 0)
    }

    /// Goes on with a blob of which `position` chunks are sealed and kept.
    pub fn at(key: &[u8; 32], aad: &[u8], position: u32) -> Self {
        Self {
            stream: stream(key),
            aad: aad.to_vec(),
            position,
        }
    }

    /// Chunks sealed so far.
    pub fn position(&self) -> u32 {
        self.position
    }

    /// Seals a chunk that others follow.
    ///
    /// # Errors
    /// [`BlobError::Length`] unless it has exactly [`CHUNK_LEN`] bytes, [`BlobError::TooLong`] past
    /// the last number.
    pub fn seal_next(&mut self, chunk: &[u8]) -> Result<Vec<u8>, BlobError> {
        if chunk.len() != CHUNK_LEN {
            return Err(BlobError::Length);
        }
        let following = self.position.checked_add(1).ok_or(BlobError::TooLong)?;
        let payload = Payload {
            msg: chunk,
            aad: &self.aad,
        };
        let sealed = self
            .stream
            .encrypt(self.position, false, payload)
            .map_err(|_| BlobError::TooLong)?;
        self.position = following;
        Ok(sealed)
    }

    /// Seals the last chunk, 1 to [`CHUNK_LEN`] bytes; empty for an empty blob only.
    ///
    /// # Errors
    /// [`BlobError::Length`] for any other length.
    pub fn seal_last(self, chunk: &[u8]) -> Result<Vec<u8>, BlobError> {
        check_last(self.position, chunk.len())?;
        let payload = Payload {
            msg: chunk,
            aad: &self.aad,
        };
        self.stream
            .encrypt(self.position, true, payload)
            .map_err(|_| BlobError::TooLong)
    }
}

/// Opens one blob's chunks, in order or at any place.
pub struct BlobOpener {
    stream: Stream,
    aad: Vec<u8>,
    position: u32,
}

impl BlobOpener {
    /// Starts at the first chunk. `key` and `aad` are those it was sealed with.
    pub fn new(key: &[u8; 32], aad: &[u8]) -> Self {
        Self {
            stream: stream(key),
            aad: aad.to_vec(),
            position: 0,
        }
    }

    /// Opens the next chunk, which others follow. A refused chunk may be fetched and tried again.
    ///
    /// # Errors
    /// As [`open_at`](Self::open_at).
    pub fn open_next(&mut self, sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
        let following = self.position.checked_add(1).ok_or(BlobError::TooLong)?;
        let chunk = self.open_at(self.position, false, sealed)?;
        self.position = following;
        Ok(chunk)
    }

    /// Opens the last chunk. Only when it has opened is the blob known to be whole.
    ///
    /// # Errors
    /// As [`open_at`](Self::open_at).
    pub fn open_last(self, sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
        self.open_at(self.position, true, sealed)
    }

    /// Opens chunk `index` by itself, for a range; `last` says whether the blob ends with it.
    ///
    /// # Errors
    /// [`BlobError::Length`] when no chunk at this place has that length,
    /// [`BlobError::NotAuthentic`] when it is not that chunk of that blob.
    pub fn open_at(&self, index: u32, last: bool, sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
        let len = sealed.len().checked_sub(TAG_LEN).ok_or(BlobError::Length)?;
        if last {
            check_last(index, len)?;
        } else if len != CHUNK_LEN {
            return Err(BlobError::Length);
        }
        self.stream
            .decrypt(
                index,
                last,
                Payload {
                    msg: sealed,
                    aad: &self.aad,
                },
            )
            .map_err(|_| BlobError::NotAuthentic { chunk: index })
    }
}

/// Seals a blob that is in memory.
pub fn seal(key: &[u8; 32], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let stream = stream(key);
    let chunks = plaintext.len().div_ceil(CHUNK_LEN).max(1);
    let mut out = Vec::with_capacity(plaintext.len() + chunks * TAG_LEN);
    // Invariant: fewer than 2^32 chunks, as no slice in memory reaches 256 TiB; and a chunk is far
    // below the cipher's limit.
    for index in 0..chunks {
        let start = index * CHUNK_LEN;
        let chunk = &plaintext[start..plaintext.len().min(start + CHUNK_LEN)];
        let sealed = u32::try_from(index)
            .ok()
            .and_then(|position| {
                stream
                    .encrypt(position, index + 1 == chunks, Payload { msg: chunk, aad })
                    .ok()
            })
            .expect("a slice has fewer than 2^32 chunks");
        out.extend_from_slice(&sealed);
    }
    out
}

/// Opens a blob that is in memory.
///
/// # Errors
/// [`BlobError::Length`] or [`BlobError::NotAuthentic`]; never a part of the plaintext.
pub fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
    let len = plaintext_len(sealed.len() as u64)?;
    let mut out = Vec::with_capacity(usize::try_from(len).map_err(|_| BlobError::TooLong)?);
    let mut opener = BlobOpener::new(key, aad);
    let mut rest = sealed;
    while rest.len() > SEALED_CHUNK_LEN {
        let (chunk, following) = rest.split_at(SEALED_CHUNK_LEN);
        out.extend_from_slice(&opener.open_next(chunk)?);
        rest = following;
    }
    out.extend_from_slice(&opener.open_last(rest)?);
    Ok(out)
}

fn stream(key: &[u8; 32]) -> Stream {
    Stream::new(
        Key::from_slice(key),
        &Nonce::<ChaCha20Poly1305, Stream>::default(),
    )
}

/// One plaintext has one sealed form: the last chunk is never empty after others.
fn check_last(position: u32, len: usize) -> Result<(), BlobError> {
    if len > CHUNK_LEN || (len == 0 && position > 0) {
        return Err(BlobError::Length);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
