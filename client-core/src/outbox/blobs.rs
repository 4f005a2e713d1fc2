//! Blobs on their way, in pieces of at most `limits::BLOB_TRANSFER_BYTES`: tus 1.0
//! up, ranges down (architecture D15). A transfer resumes where the server or
//! this device stopped, and waits behind no message.
//!
//! States of a blob, whole here but in the last two: `send` (wanted at the server), `sent`
//! (at the server since this connection), `here` (since an earlier one), `again` (a
//! restored server may have lost it: it is asked), `fetch`, `failed`.

use base64::Engine as _;
use relais_wire::ids::{BlobId, ChannelId};
use relais_wire::limits;
use rusqlite::params;

use crate::engine::http::{HttpRequest, HttpResponse, Method, Purpose};
use crate::engine::{Engine, Event, Phase};
use crate::error::Result;

/// Requests for blobs at one time: a photo must not wait for another to finish.
const PARALLEL: usize = 2;
const FIRST_RETRY_MS: u64 = 500;
const LAST_RETRY_MS: u64 = 5 * 60_000;
/// Tries after which a blob that never arrives is given up: two weeks of being online.
/// Its author's device was lost or revoked before it was sent.
const TRIES: u32 = 14 * 24 * 12;

struct Transfer {
    id: BlobId,
    channel: ChannelId,
    length: u64,
    done: u64,
    upload: bool,
    begun: bool,
    /// The person is not in the circle any more: what was announced is still sent.
    removed: bool,
}

impl Engine {
    /// Queues the next request of each transfer that can go on.
    pub(crate) fn pump_blobs(&mut self) -> Result<()> {
        if self.link.phase != Phase::Ready || self.link.token.is_none() {
            return Ok(());
        }
        let transfers: Vec<Transfer> = self
            .db
            .prepare_cached(
                "SELECT b.blob, b.channel, b.length, b.done, b.state <> 'fetch', b.begun,
                   c.state = 'removed'
                 FROM blobs b JOIN channels c ON c.channel = b.channel
                 WHERE (c.state = 'joined' AND b.state IN ('send', 'fetch', 'again')
                   OR c.state = 'removed' AND b.state = 'send')
                   AND b.retry_at_ms <= ?1
                 ORDER BY b.state = 'again', b.state = 'fetch', b.blob LIMIT 16",
            )?
            .query_map([self.now_ms], |row| {
                Ok(Transfer {
                    id: BlobId(row.get(0)?),
                    channel: ChannelId(row.get(1)?),
                    length: row.get(2)?,
                    done: row.get(3)?,
                    upload: row.get(4)?,
                    begun: row.get(5)?,
                    removed: row.get(6)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for transfer in transfers {
            if self.http.outstanding() >= PARALLEL {
                break;
            }
            let ready = transfer.removed || self.link.caught_up.contains(&transfer.channel);
            if ready && !self.http.is_busy_with(transfer.id) {
                self.request(&transfer)?;
            }
        }
        self.http.next_blob_ms = self
            .db
            .prepare_cached(
                "SELECT min(retry_at_ms) FROM blobs WHERE state IN ('send', 'fetch', 'again')
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
            (Purpose::BlobCreate(_), 200 | 201) => {
                self.blob_begun(id, true)?;
                match offset() {
                    Some(_) => self.blob_is_there(id),
                    None => Ok(()),
                }
            }
            // A restored server has forgotten the upload.
            (Purpose::BlobOffset(_) | Purpose::BlobPatch(_), 404) => self.blob_begun(id, false),
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
            // A group that began anew has nobody but its author in it until they come back.
            (_, 403) if self.is_in_thread(id)? => self.blob_later(id),
            (_, 403 | 410 | 413) => self.blob_fails(id),
            // An archive was there, whole, before anybody heard of it.
            (Purpose::BlobFetch(_), 404 | 425) if self.is_archive(id)? => self.blob_fails(id),
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
            return self.blob_ends(id, "sent");
        }
        self.http.know_offset(id);
        Ok(())
    }

    /// The server had it whole before it was asked to take it.
    fn blob_is_there(&mut self, id: BlobId) -> Result<()> {
        let again = self.blob_is(id, "again")?;
        self.blob_ends(id, if again { "here" } else { "sent" })
    }

    fn blob_is(&self, id: BlobId, state: &str) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM blobs WHERE blob = ?1 AND state = ?2)")?
            .query_row(params![id.0, state], |row| row.get(0))?)
    }

    fn progress(&mut self, id: BlobId, done: u64) -> Result<u64> {
        let length = self
            .db
            .prepare_cached(
                "UPDATE blobs SET done = ?2, attempts = 0 WHERE blob = ?1 RETURNING length",
            )?
            .query_row(params![id.0, done], |row| row.get(0))?;
        if done < length {
            self.events.push_back(Event::BlobProgress(id));
        }
        Ok(length)
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
            match whole {
                true => engine.blob_ends(id, "here"),
                false => engine.blob_fails(id),
            }
        })
    }

    /// A server that was restored from a backup may have lost blobs that were there:
    /// whoever holds one asks, and sends it if that is so. Its author's device may be gone.
    pub(crate) fn offer_blobs_again(&self) -> Result<()> {
        self.offer_again("'here', 'sent'")
    }

    /// What was sent since the last connection began is asked for once more: no receipt
    /// proves a restore from a backup that is younger than that.
    pub(crate) fn offer_sent_blobs_again(&self) -> Result<()> {
        self.offer_again("'sent'")
    }

    fn offer_again(&self, states: &str) -> Result<()> {
        self.db
            .prepare_cached(&format!(
                "UPDATE blobs SET state = 'again', begun = 0, done = 0, attempts = 0,
                 retry_at_ms = 0
                 WHERE state IN ({states}) AND blob NOT IN (SELECT blob FROM imports)"
            ))?
            .execute([])?;
        Ok(())
    }

    /// Whether this device is in the blob's thread, for all it knows, or on its way back.
    fn is_in_thread(&self, id: BlobId) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM blobs b JOIN channels c ON c.channel = b.channel
                 WHERE b.blob = ?1 AND c.state IN ('creating', 'joined', 'rejoin'))",
            )?
            .query_row([id.0], |row| row.get(0))?)
    }

    fn is_archive(&self, id: BlobId) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM imports WHERE blob = ?1)")?
            .query_row([id.0], |row| row.get(0))?)
    }

    fn blob_matches(&self, id: BlobId) -> Result<bool> {
        let expected: Vec<u8> = self
            .db
            .prepare_cached("SELECT sha256 FROM blobs WHERE blob = ?1")?
            .query_row([id.0], |row| row.get(0))?;
        Ok(self.blob_digest(id)?.as_slice() == expected)
    }

    fn blob_ends(&mut self, id: BlobId, state: &str) -> Result<()> {
        self.db
            .prepare_cached("UPDATE blobs SET state = ?2 WHERE blob = ?1")?
            .execute(params![id.0, state])?;
        self.events.push_back(Event::BlobChanged(id));
        Ok(())
    }

    /// It cannot be had; what is here whole stays here.
    fn blob_fails(&mut self, id: BlobId) -> Result<()> {
        let again = self.blob_is(id, "again")?;
        self.blob_ends(id, if again { "here" } else { "failed" })
    }

    fn blob_later(&mut self, id: BlobId) -> Result<()> {
        let (attempts, own): (u32, bool) = self
            .db
            .prepare_cached(
                "UPDATE blobs SET attempts = attempts + 1 WHERE blob = ?1
                 RETURNING attempts, state = 'send'",
            )?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if !own && attempts >= TRIES {
            return self.blob_fails(id);
        }
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
