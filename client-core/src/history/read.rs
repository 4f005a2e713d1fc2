//! Reading an archive: records from chunks, the hash chain over its headers, the chain
//! of its rosters, and every event against its author's signature. What is read stays
//! beside the thread; a broken chain discards all of it, an event that does not hold is
//! left out with its reason.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use prost::Message;
use prost::bytes::Bytes;
use relais_content::v1::{
    ArchiveEntry, ArchiveManifest, EventBody, Omission, SignedEvent, archive_record::Record,
};
use relais_wire::chain;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::label::{self, Label};
use relais_wire::roster::CheckedRoster;
use relais_wire::v1::{EntryHeader, EntryKind, MessageAad, entry_header::Payload};
use rusqlite::params;

use super::archive::{NOT_HELD, NOT_SHARED, RECORD_BYTES, STEP_BYTES, take};
use super::import::Import;
use crate::content::agrees;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::media::blob::CHUNK_LEN;

/// Why an archive is discarded as a whole.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is not what it must be.
    Because(&'static str),
    /// The database failed: nothing is known about the archive.
    Engine(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Engine(error.into())
    }
}

pub(super) fn because(reason: &'static str) -> Refused {
    Refused::Because(reason)
}

/// How far the chain was read; kept between steps.
pub(super) struct Chain {
    pub next_seq: u64,
    pub hash: Vec<u8>,
    pub time_ms: u64,
    /// Version of the roster in force.
    pub version: u64,
    pub roster: Option<CheckedRoster>,
    /// Whether the manifest was read.
    pub begun: bool,
}

/// An entry that was read, and the signature on which its event depends.
struct Read {
    header: EntryHeader,
    header_bytes: Bytes,
    hash: [u8; 32],
    entry: ArchiveEntry,
    reason: String,
    pending: Option<(VerifyingKey, SignedEvent)>,
}

impl Engine {
    /// Reads the next chunks.
    pub(super) fn read_step(&mut self, import: &Import) -> Result<()> {
        match self.read_chunks(import) {
            Ok(()) => Ok(()),
            Err(Refused::Because(reason)) => self.refuse_import(import, reason),
            Err(Refused::Engine(Error::Blob(_))) => {
                self.refuse_import(import, "it does not open with its key")
            }
            Err(Refused::Engine(error)) => Err(error),
        }
    }

    fn read_chunks(&mut self, import: &Import) -> Result<(), Refused> {
        type Row = (u32, Vec<u8>, u64, Vec<u8>, u64, u64);
        let (mut chunk, mut rest, next_seq, hash, time_ms, version): Row = self
            .db
            .prepare_cached(
                "SELECT chunk, rest, next_seq, hash, time_ms, roster FROM imports WHERE id = ?1",
            )?
            .query_row([import.id], |row| row.try_into())?;
        let roster = self.archived_roster(import, version)?;
        let mut chain = Chain {
            begun: next_seq > 0,
            next_seq,
            hash,
            time_ms,
            version,
            roster,
        };
        let (mut last, mut taken) = (false, 0);
        while taken < STEP_BYTES && !last {
            let Some((bytes, ends)) = self.blob_chunk(import.blob, chunk)? else {
                return Err(because("it ends too early"));
            };
            rest.extend_from_slice(&bytes);
            taken += CHUNK_LEN;
            chunk += 1;
            last = ends;
        }
        // Invariant: what a step holds does not grow with the archive.
        assert!(rest.len() <= RECORD_BYTES + 16 + STEP_BYTES + CHUNK_LEN);
        let mut bytes = rest.as_slice();
        let mut read = Vec::new();
        let malformed = |_| because("it is malformed");
        while let Some(record) = take(&mut bytes).map_err(malformed)? {
            match record {
                Record::Manifest(manifest) if !chain.begun => {
                    self.read_manifest(import, &manifest, &mut chain)?;
                }
                Record::Roster(signed) if chain.begun && chain.next_seq == import.first_seq => {
                    self.read_archived_roster(import, &signed, &mut chain)?;
                }
                Record::Entry(entry) if chain.begun => {
                    read.push(self.read_entry(import, entry, &mut chain)?);
                }
                _ => return Err(because("its records are out of order")),
            }
        }
        let left = bytes.to_vec();
        self.keep_read(import, read)?;
        self.db
            .prepare_cached(
                "UPDATE imports SET chunk = ?2, rest = ?3, next_seq = ?4, hash = ?5, time_ms = ?6,
                 roster = ?7 WHERE id = ?1",
            )?
            .execute(params![
                import.id,
                chunk,
                left,
                chain.next_seq,
                chain.hash,
                chain.time_ms,
                chain.version
            ])?;
        if !last {
            return Ok(());
        }
        if !left.is_empty() || chain.next_seq != import.last_seq + 1 {
            return Err(because("it ends too early"));
        }
        self.forget_blob(import.blob)?;
        self.db
            .prepare_cached("UPDATE imports SET last_hash = ?2 WHERE id = ?1")?
            .execute(params![import.id, chain.hash])?;
        let read = Import {
            last_hash: chain.hash,
            roster: chain.version,
            ..import.clone()
        };
        self.anchor(&read)?;
        Ok(())
    }

    fn read_manifest(
        &self,
        import: &Import,
        manifest: &ArchiveManifest,
        chain: &mut Chain,
    ) -> Result<(), Refused> {
        let announced = manifest.channel_id == import.channel.to_bytes()
            && manifest.first_seq == import.first_seq
            && manifest.last_seq == import.last_seq
            && manifest.device_id == import.sharer.to_bytes();
        let genesis = import.first_seq > 1 || manifest.previous_hash == chain::GENESIS.as_slice();
        if !announced || !genesis || manifest.previous_hash.len() != chain::GENESIS.len() {
            return Err(because("it is not what was announced"));
        }
        self.db
            .prepare_cached("UPDATE imports SET promised_from = ?2 WHERE id = ?1")?
            .execute(params![
                import.id,
                manifest.promised_from.clamp(1, import.last_seq)
            ])?;
        chain.begun = true;
        chain.next_seq = import.first_seq;
        chain.hash = manifest.previous_hash.to_vec();
        chain.version = manifest.roster_version;
        self.keep_previous(import, &chain.hash)?;
        Ok(())
    }

    /// The hash before the first entry is kept like an entry: proved when the chain is.
    fn keep_previous(&self, import: &Import, hash: &[u8]) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO archived_entries (import, seq, hash, header, entry, reason)
                 VALUES (?1, ?2, ?3, x'', x'', '')",
            )?
            .execute(params![import.id, import.first_seq - 1, hash])?;
        Ok(())
    }

    fn read_entry(
        &mut self,
        import: &Import,
        mut entry: ArchiveEntry,
        chain: &mut Chain,
    ) -> Result<Read, Refused> {
        let header_bytes = std::mem::take(&mut entry.header);
        let header = EntryHeader::decode(header_bytes.clone())
            .map_err(|_| because("a header is malformed"))?;
        let in_order = header.seq == chain.next_seq
            && header.seq <= import.last_seq
            && header.time_ms >= chain.time_ms;
        if !in_order {
            return Err(because("its entries are out of order"));
        }
        let hash = chain::channel_header(&chain.hash, import.channel.as_ref(), &header);
        // Wherever this device knows the log itself, the archive must tell the same.
        let known = self.entry_hash(import.channel, header.seq)?;
        if known.is_some_and(|known| known != hash) {
            return Err(because("it tells another history"));
        }
        if entry.roster_version > 0 {
            self.change_roster(import, &header, entry.roster_version, chain)?;
        }
        chain.hash = hash.to_vec();
        chain.time_ms = header.time_ms;
        chain.next_seq = header.seq + 1;
        let (mut reason, mut pending) = (String::new(), None);
        if !entry.signed_event.is_empty() {
            match self.check_event(import.channel, &header, &entry.signed_event, chain)? {
                Ok(signature) => pending = Some(signature),
                Err(why) => {
                    reason = why;
                    entry.signed_event.clear();
                }
            }
        } else if header.kind() == EntryKind::Message {
            match entry.omission() {
                Omission::NotHeld => reason = NOT_HELD.into(),
                Omission::Quarantined => {}
                _ => reason = NOT_SHARED.into(),
            }
        }
        Ok(Read {
            header,
            header_bytes,
            hash,
            entry,
            reason,
            pending,
        })
    }

    /// Everything about an event but its signature; the reason why it is left out.
    fn check_event(
        &self,
        channel: ChannelId,
        header: &EntryHeader,
        signed: &Bytes,
        chain: &Chain,
    ) -> Result<Result<(VerifyingKey, SignedEvent), String>> {
        let Some(Payload::AuthenticatedData(data)) = &header.payload else {
            return Ok(Err("an event where there was no message".into()));
        };
        let read = || -> Option<(MessageAad, SignedEvent, EventBody, DeviceId)> {
            let event = SignedEvent::decode(signed.clone()).ok()?;
            let body = EventBody::decode(event.body.clone()).ok()?;
            let device = DeviceId::try_from(&header.device_id).ok()?;
            Some((MessageAad::decode(data.clone()).ok()?, event, body, device))
        };
        let Some((aad, event, body, device)) = read() else {
            return Ok(Err("malformed event".into()));
        };
        // What a restored server lost was said first in another log.
        let saw_later = body.last_seen_seq >= header.seq && !aad.said_again;
        if !agrees(&body, signed, channel, device, &aad) || saw_later {
            return Ok(Err("the event is not what its envelope says".into()));
        }
        let Some(known) = self.structure.device(&device) else {
            return Ok(Err("unknown device".into()));
        };
        let Ok(key) = label::public_key(&known.key) else {
            return Ok(Err("the author's key is malformed".into()));
        };
        let Some(roster) = &chain.roster else {
            return Ok(Err("no roster says what its author might do".into()));
        };
        let content = body.content.as_ref();
        let judged = self.judge_content(
            channel,
            roster,
            &known.professional,
            header.time_ms,
            content,
        )?;
        Ok(judged.map(|_| (key, event)))
    }

    /// Verifies the signatures of what was read together, and keeps it.
    fn keep_read(&self, import: &Import, mut read: Vec<Read>) -> Result<()> {
        let pending: BTreeMap<usize, label::Signed<'_>> = read
            .iter()
            .enumerate()
            .filter_map(|(number, read)| {
                let (key, event) = read.pending.as_ref()?;
                let signed = label::Signed {
                    key,
                    body: &event.body,
                    signature: &event.signature,
                };
                Some((number, signed))
            })
            .collect();
        let items: Vec<label::Signed<'_>> = pending.values().copied().collect();
        let holds = label::verify_batch(Label::SignedEvent, &items);
        let forged: Vec<usize> = pending
            .keys()
            .zip(holds)
            .filter_map(|(number, holds)| (!holds).then_some(*number))
            .collect();
        for number in forged {
            read[number].entry.signed_event.clear();
            read[number].reason = "the author's signature does not verify".into();
        }
        for read in read {
            self.db
                .prepare_cached(
                    "INSERT INTO archived_entries (import, seq, hash, header, entry, reason)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    import.id,
                    read.header.seq,
                    read.hash,
                    read.header_bytes.as_ref(),
                    read.entry.encode_to_vec(),
                    read.reason
                ])?;
        }
        Ok(())
    }
}
