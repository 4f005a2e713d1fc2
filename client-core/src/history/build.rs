//! Building an archive: a bounded piece of it in each step, sealed at once and kept as
//! pieces of a blob. Killed at any point, it goes on at the last committed step.

use prost::Message;
use relais_content::v1::{
    ArchiveEntry, ArchiveManifest, ArchiveNotice, Omission, archive_record::Record,
};
use relais_wire::chain;
use relais_wire::ids::{BlobId, ChannelId};
use relais_wire::v1::{EntryHeader, EntryKind};
use rusqlite::{OptionalExtension, params};

use super::archive::{ARCHIVE_BYTES, RECORD_BYTES, ROSTERS_BYTES, STEP_BYTES, append, may_tell};
use super::share::Share;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::media::blob::{BlobSealer, CHUNK_LEN};
use crate::outbox::blob_store::blob_aad;

impl Engine {
    /// Begins the newest part that is not granted: its manifest and its rosters.
    pub(super) fn begin_part(&mut self, share: &Share) -> Result<()> {
        let first = self.part_first(share)?;
        let channel = share.channel;
        let hash_of = |seq| -> Result<Vec<u8>> {
            match seq {
                0 => Ok(chain::GENESIS.to_vec()),
                _ => self
                    .entry_hash(channel, seq)?
                    .ok_or(Error::Corrupt("entry hash")),
            }
        };
        let version = self.roster_version_before(channel, first)?;
        let manifest = ArchiveManifest {
            channel_id: channel.to_bytes(),
            first_seq: first,
            last_seq: share.last_seq,
            previous_hash: hash_of(first - 1)?.into(),
            last_hash: hash_of(share.last_seq)?.into(),
            kind: share.kind,
            device_id: self.identity()?.device().to_bytes(),
            roster_version: version,
            promised_from: share.promised_from,
        };
        let mut out = Vec::new();
        append(&mut out, Record::Manifest(manifest));
        let last = self.roster_version_before(channel, share.last_seq + 1)?;
        for signed in self.rosters_between(channel, version, last)? {
            append(&mut out, Record::Roster(signed.into()));
        }
        let (blob, key): ([u8; 16], [u8; 32]) = (self.random()?, self.random()?);
        self.db
            .prepare_cached(
                "UPDATE shares SET state = 'building', blob = ?2, key = ?3, part_first = ?4,
                 next_seq = ?4, chunk = 0, plaintext_len = 0, length = 0, rest = x''
                 WHERE id = ?1",
            )?
            .execute(params![share.id, blob, key, first])?;
        self.seal_part(share, BlobId(blob), &out, first)
    }

    /// First entry of a part that stays within the size of one archive.
    fn part_first(&self, share: &Share) -> Result<u64> {
        let mut statement = self.db.prepare_cached(
            "SELECT e.seq, length(e.header) + coalesce((SELECT length(signed) FROM events v
                WHERE v.channel = e.channel AND v.seq = e.seq), 0) + 512
             FROM entries e WHERE e.channel = ?1 AND e.seq BETWEEN ?2 AND ?3 ORDER BY e.seq DESC",
        )?;
        let mut rows =
            statement.query(params![share.channel.0, share.first_seq, share.last_seq])?;
        let (mut first, mut size) = (share.last_seq, 0u64);
        while let Some(row) = rows.next()? {
            size += row.get::<_, u64>(1)?;
            if size > ARCHIVE_BYTES {
                break;
            }
            first = row.get(0)?;
        }
        Ok(first)
    }

    /// Rosters up to `last`, oldest first: all of them, or as many as fit and at least
    /// those from `version` on.
    fn rosters_between(&self, channel: ChannelId, version: u64, last: u64) -> Result<Vec<Vec<u8>>> {
        let mut statement = self.db.prepare_cached(
            "SELECT version, signed FROM rosters WHERE channel = ?1 AND version <= ?2
             ORDER BY version DESC",
        )?;
        let mut rows = statement.query(params![channel.0, last])?;
        let (mut found, mut size, mut expected) = (Vec::new(), 0, last);
        while let Some(row) = rows.next()? {
            let (number, signed): (u64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            size += signed.len();
            if number != expected || (size > ROSTERS_BYTES && number < version) {
                break;
            }
            found.push(signed);
            expected = number.saturating_sub(1);
        }
        found.reverse();
        Ok(found)
    }

    /// Writes the next entries, as many as one step takes, and ends the archive with the
    /// last one.
    pub(super) fn build_step(&mut self, share: &Share) -> Result<()> {
        let blob = share.blob.ok_or(Error::Corrupt("share"))?;
        let (mut out, mut seq) = (Vec::new(), share.next_seq);
        while out.len() < STEP_BYTES && seq <= share.last_seq {
            let entry = self.archive_entry(share, seq)?;
            append(&mut out, Record::Entry(entry));
            seq += 1;
        }
        self.seal_part(share, blob, &out, seq)
    }

    fn archive_entry(&self, share: &Share, seq: u64) -> Result<ArchiveEntry> {
        let place = params![share.channel.0, seq];
        let header: Vec<u8> = self
            .db
            .prepare_cached("SELECT header FROM entries WHERE channel = ?1 AND seq = ?2")?
            .query_row(place, |row| row.get(0))?;
        let message = EntryHeader::decode(header.as_slice())
            .map_err(|_| Error::Corrupt("header"))?
            .kind()
            == EntryKind::Message;
        let shared = seq >= share.full_from || self.is_chosen(share.id, seq)?;
        let signed: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT signed FROM shown_events WHERE channel = ?1 AND seq = ?2")?
            .query_row(place, |row| row.get(0))
            .optional()?
            .filter(|_| shared);
        let mut statement = self.db.prepare_cached(
            "SELECT kind, subject, detail FROM shown_notices WHERE channel = ?1 AND seq = ?2
             ORDER BY part",
        )?;
        let notices: Vec<ArchiveNotice> = statement
            .query_map(place, |row| {
                Ok(ArchiveNotice {
                    kind: row.get(0)?,
                    subject: row.get::<_, Vec<u8>>(1)?.into(),
                    detail: row.get(2)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        let quarantined = notices.iter().any(|n| n.kind == "quarantined");
        let omission = if !message || signed.is_some() {
            Omission::Unspecified
        } else if !shared {
            Omission::NotShared
        } else if quarantined && !self.is_missing(share.channel, seq)? {
            Omission::Quarantined
        } else {
            Omission::NotHeld
        };
        // Of a message only a quarantine is told, and that where it is everybody's.
        let told = |n: &ArchiveNotice| {
            may_tell(&n.kind, &n.detail) && (!message || omission == Omission::Quarantined)
        };
        Ok(ArchiveEntry {
            header: header.into(),
            signed_event: signed.unwrap_or_default().into(),
            omission: omission.into(),
            roster_version: self
                .db
                .prepare_cached("SELECT version FROM rosters WHERE channel = ?1 AND seq = ?2")?
                .query_row(place, |row| row.get(0))
                .optional()?
                .unwrap_or(0),
            notices: notices.into_iter().filter(told).collect(),
        })
    }

    fn is_chosen(&self, share: i64, seq: u64) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM share_events WHERE share = ?1 AND seq = ?2)",
            )?
            .query_row(params![share, seq], |row| row.get(0))?)
    }

    fn is_missing(&self, channel: ChannelId, seq: u64) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM gaps WHERE channel = ?1 AND after_seq < ?2
                 AND until_seq >= ?2)",
            )?
            .query_row(params![channel.0, seq], |row| row.get(0))?)
    }

    /// Seals what is written, up to the last whole chunk; after the last entry the rest
    /// too, and the blob is wanted at the server.
    fn seal_part(&mut self, share: &Share, blob: BlobId, out: &[u8], next: u64) -> Result<()> {
        type Row = ([u8; 32], u32, u64, u64, Vec<u8>);
        let (key, chunk, plaintext_len, mut length, mut rest): Row = self
            .db
            .prepare_cached(
                "SELECT key, chunk, plaintext_len, length, rest FROM shares WHERE id = ?1",
            )?
            .query_row([share.id], |row| row.try_into())?;
        // Invariant: what a step holds does not grow with the archive.
        assert!(out.len() <= ROSTERS_BYTES + STEP_BYTES + 2 * RECORD_BYTES);
        rest.extend_from_slice(out);
        let plaintext_len = plaintext_len + out.len() as u64;
        let mut sealer = BlobSealer::at(&key, &blob_aad(&blob), chunk);
        let mut sealed = Vec::new();
        let mut left = rest.as_slice();
        while left.len() > CHUNK_LEN {
            let (whole, following) = left.split_at(CHUNK_LEN);
            sealed.extend_from_slice(&sealer.seal_next(whole)?);
            left = following;
        }
        let (chunk, done) = (sealer.position(), next > share.last_seq);
        if done {
            sealed.extend_from_slice(&sealer.seal_last(left)?);
            left = &[];
        }
        self.put_pieces(blob, length, &sealed)?;
        length += sealed.len() as u64;
        let state = if done { "sending" } else { "building" };
        self.db
            .prepare_cached(
                "UPDATE shares SET state = ?2, next_seq = ?3, chunk = ?4, plaintext_len = ?5,
                 length = ?6, rest = ?7 WHERE id = ?1",
            )?
            .execute(params![
                share.id,
                state,
                next,
                chunk,
                plaintext_len,
                length,
                left
            ])?;
        if done {
            self.send_blob(share.channel, blob, &key, plaintext_len)?;
        }
        Ok(())
    }
}
