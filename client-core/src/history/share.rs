//! Sharing a stretch of the past: an intent that survives everything, carried out as
//! archives that are built, uploaded and granted, the newest part first.

use std::ops::RangeInclusive;

use prost::Message;
use relais_content::v1::{
    HistoryGrant, HistoryKind, HistoryShared, MembershipNote, content::Kind, sealed_body,
};
use relais_wire::ids::{BlobId, ChannelId, DeviceId, ProfessionalId};
use relais_wire::v1::{EntryHeader, EntryKind};
use rusqlite::{OptionalExtension, params};

use super::HistoryChoice;
use super::archive::STEP_ENTRIES;
use super::promise::Promised;
use crate::engine::Engine;
use crate::error::{Denial, Error, Result};

/// A row of the shares table.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub id: i64,
    pub channel: ChannelId,
    pub professional: ProfessionalId,
    /// `None`: all devices of the person.
    pub device: Option<DeviceId>,
    pub kind: i32,
    pub since_ms: u64,
    pub full_from: u64,
    pub promised_from: u64,
    pub first_seq: u64,
    /// Last entry of what is not granted yet.
    pub last_seq: u64,
    pub told: bool,
    pub state: String,
    pub blob: Option<BlobId>,
    pub part_first: u64,
    pub next_seq: u64,
}

/// A stretch to be shared, and with whom.
pub(super) struct Wanted {
    pub channel: ChannelId,
    pub professional: ProfessionalId,
    pub device: Option<DeviceId>,
    pub kind: HistoryKind,
    pub since_ms: u64,
    pub promised: Promised,
    pub first_seq: u64,
    pub last_seq: u64,
}

impl Engine {
    /// Shares the past with a member, now: says so in their note, which everybody sees.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless the person of this device is a manager and somebody
    /// else is meant, [`Error::Unknown`] member, [`Error::Invalid`] time.
    pub fn share_history(
        &mut self,
        channel: ChannelId,
        professional: ProfessionalId,
        choice: HistoryChoice,
    ) -> Result<()> {
        self.require_manager(channel)?;
        if professional == self.identity()?.professional() {
            return Err(Error::NotAllowed(Denial::SharesWithOneself));
        }
        let members = self.members(channel)?;
        let member = members.into_iter().find(|m| m.professional == professional);
        let mut note = member
            .ok_or(Error::Unknown("member"))?
            .note
            .ok_or(Error::Unknown("membership note"))?;
        note.history = choice.kind().into();
        note.history_since_ms = choice.since_ms();
        let added = self.added_seq(channel, &professional)?;
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        self.transaction(|engine| {
            engine.write_inside(channel, Kind::MembershipNote(note.clone()))?;
            engine.share_promised(channel, &note, added.unwrap_or(row.cursor_seq))
        })
    }

    /// Shares what a note promises, up to and with the entry that added the person.
    pub(crate) fn share_promised(
        &mut self,
        channel: ChannelId,
        note: &MembershipNote,
        last_seq: u64,
    ) -> Result<()> {
        let choice = HistoryChoice::of_note(note);
        let professional =
            ProfessionalId::try_from(&note.professional_id).map_err(|_| Error::Corrupt("note"))?;
        if choice == HistoryChoice::None {
            return Ok(());
        }
        self.plan_share(&Wanted {
            channel,
            professional,
            device: None,
            kind: choice.kind(),
            since_ms: choice.since_ms(),
            promised: Promised::by(self, channel, choice)?,
            first_seq: 1,
            last_seq,
        })
        .map(drop)
    }

    /// Keeps the intent to share of that stretch what was promised and is held here.
    /// `false` when that is nothing.
    pub(super) fn plan_share(&mut self, wanted: &Wanted) -> Result<bool> {
        let (channel, last) = (wanted.channel, wanted.last_seq);
        let chosen = if wanted.promised.summary {
            self.summary(channel, last)?
        } else {
            Default::default()
        };
        let lowest = chosen.first().copied().unwrap_or(u64::MAX);
        let promised_from = wanted.promised.full_from.min(lowest);
        let first = wanted
            .first_seq
            .max(promised_from)
            .max(self.held_from(channel, last)?);
        if first > last {
            return Ok(false);
        }
        // To a request an archive without an event or a change of the circle answers
        // nothing, unless there was no message.
        if wanted.kind == HistoryKind::Requested
            && chosen.is_empty()
            && !self.holds_anything(channel, first.max(wanted.promised.full_from), last)?
            && self.had_message(channel, first, last)?
        {
            return Ok(false);
        }
        self.db
            .prepare_cached(
                "INSERT INTO shares (channel, professional, device, kind, since_ms, full_from,
                 promised_from, first_seq, last_seq, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'planned')",
            )?
            .execute(params![
                channel.0,
                wanted.professional.0,
                wanted.device.map(|device| device.0),
                i32::from(wanted.kind),
                wanted.since_ms,
                wanted.promised.full_from,
                promised_from,
                first,
                last
            ])?;
        let share = self.db.last_insert_rowid();
        for seq in chosen.range(first..wanted.promised.full_from.max(first)) {
            self.db
                .prepare_cached("INSERT INTO share_events (share, seq) VALUES (?1, ?2)")?
                .execute(params![share, seq])?;
        }
        self.dirty = true;
        Ok(true)
    }

    fn holds_anything(&self, channel: ChannelId, first: u64, last: u64) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM shown_events WHERE channel = ?1
                    AND seq BETWEEN ?2 AND ?3)
                 OR EXISTS (SELECT 1 FROM rosters WHERE channel = ?1 AND seq BETWEEN ?2 AND ?3)",
            )?
            .query_row(params![channel.0, first, last], |row| row.get(0))?)
    }

    /// Whether one of the entries was a message: in a stretch too long to be told, yes.
    fn had_message(&self, channel: ChannelId, first: u64, last: u64) -> Result<bool> {
        if last - first >= STEP_ENTRIES as u64 {
            return Ok(true);
        }
        let mut statement = self.db.prepare_cached(
            "SELECT header FROM entries WHERE channel = ?1 AND seq BETWEEN ?2 AND ?3",
        )?;
        let headers = statement.query_map(params![channel.0, first, last], |row| {
            row.get::<_, Option<Vec<u8>>>(0)
        })?;
        for header in headers {
            let header = EntryHeader::decode(header?.unwrap_or_default().as_slice());
            let header = header.map_err(|_| Error::Corrupt("header"))?;
            if header.kind() == EntryKind::Message {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// First entry from which on this device holds every header up to `last`, and the hash
    /// before. Beyond `last` when it does not hold that one, or will only when its
    /// transaction ends.
    fn held_from(&self, channel: ChannelId, last: u64) -> Result<u64> {
        let cursor = self.channel_row(channel)?.map_or(0, |row| row.cursor_seq);
        // The entry at hand is kept at the end of its transaction.
        let kept = last.min(cursor);
        let from: Option<u64> = self
            .db
            .prepare_cached(
                "SELECT max(e.seq) FROM entries e WHERE e.channel = ?1 AND e.seq <= ?2
                 AND e.header IS NOT NULL AND NOT EXISTS (SELECT 1 FROM entries p
                    WHERE p.channel = e.channel AND p.seq = e.seq - 1 AND p.header IS NOT NULL)",
            )?
            .query_row(params![channel.0, kept], |row| row.get(0))?;
        let whole: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM entries WHERE channel = ?1 AND seq = ?2
                 AND header IS NOT NULL)",
            )?
            .query_row(params![channel.0, kept], |row| row.get(0))?;
        let Some(from) = from.filter(|_| whole && last <= cursor + 1) else {
            return Ok(last + 1);
        };
        // An archive begins with the hash before its first entry.
        let begins = from == 1 || self.entry_hash(channel, from - 1)?.is_some();
        Ok(if begins { from } else { from + 1 })
    }

    /// Shares of entries among these cannot go on: nobody can prove them any more.
    pub(crate) fn fail_shares(&self, channel: ChannelId, lost: RangeInclusive<u64>) -> Result<()> {
        let place = params![channel.0, lost.start(), lost.end()];
        let blobs: Vec<[u8; 16]> = self
            .db
            .prepare_cached(
                "SELECT blob FROM shares WHERE channel = ?1 AND last_seq >= ?2 AND first_seq <= ?3
                 AND state <> 'failed' AND blob IS NOT NULL",
            )?
            .query_map(place, |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for blob in blobs {
            self.forget_blob(BlobId(blob))?;
        }
        self.db
            .prepare_cached(
                "UPDATE shares SET state = 'failed', blob = NULL,
                 reason = 'the server lost what was shared'
                 WHERE channel = ?1 AND last_seq >= ?2 AND first_seq <= ?3 AND state <> 'failed'",
            )?
            .execute(place)?;
        Ok(())
    }

    /// Brings each share one bounded step further. `true` when one can go on at once.
    pub(super) fn step_shares(&mut self) -> Result<bool> {
        let ids: Vec<i64> = self
            .db
            .prepare_cached(
                "SELECT s.id FROM shares s JOIN channels c ON c.channel = s.channel
                 WHERE s.state <> 'failed' AND c.state = 'joined' ORDER BY s.id",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in ids {
            let Some(share) = self.load_share(id)? else {
                continue;
            };
            let went_on = match share.state.as_str() {
                "planned" => self.begin_part(&share).map(|()| true)?,
                "building" => self.build_step(&share).map(|()| true)?,
                _ => self.grant_sent(&share)?,
            };
            if went_on {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn load_share(&self, id: i64) -> Result<Option<Share>> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT channel, professional, device, kind, since_ms, full_from,
                 promised_from, first_seq, last_seq, told, state, blob, part_first, next_seq FROM shares WHERE id = ?1",
            )?
            .query_row([id], |row| {
                Ok(Share {
                    id,
                    channel: ChannelId(row.get(0)?),
                    professional: ProfessionalId(row.get(1)?),
                    device: row.get::<_, Option<[u8; 16]>>(2)?.map(DeviceId),
                    kind: row.get(3)?,
                    since_ms: row.get(4)?,
                    full_from: row.get(5)?,
                    promised_from: row.get(6)?,
                    first_seq: row.get(7)?,
                    last_seq: row.get(8)?,
                    told: row.get(9)?,
                    state: row.get(10)?,
                    blob: row.get::<_, Option<[u8; 16]>>(11)?.map(BlobId),
                    part_first: row.get(12)?,
                    next_seq: row.get(13)?,
                })
            })
            .optional()?)
    }

    /// Grants an archive once it is at the server. `false` while it is on its way.
    fn grant_sent(&mut self, share: &Share) -> Result<bool> {
        let blob = share.blob.ok_or(Error::Corrupt("share"))?;
        match self.blob_state(blob)? {
            crate::BlobState::Here => {}
            crate::BlobState::Failed => {
                self.forget_blob(blob)?;
                self.db
                    .prepare_cached(
                        "UPDATE shares SET state = 'failed',
                         reason = 'the server did not take the archive' WHERE id = ?1",
                    )?
                    .execute([share.id])?;
                return Ok(true);
            }
            _ => return Ok(false),
        }
        let archive = self.blob_reference(blob)?;
        self.forget_blob(blob)?;
        let roster = self.roster(share.channel)?;
        let devices = self.granted_devices(share);
        let stands = roster.standing(&share.professional, self.now_ms).is_some();
        if !stands || devices.is_empty() || !self.tell_shared(share)? {
            return self.forget_share(share.id).map(|()| true);
        }
        let grant = HistoryGrant {
            channel_id: share.channel.to_bytes(),
            archive: Some(archive),
            first_seq: share.part_first,
            last_seq: share.last_seq,
            kind: share.kind,
        };
        for (device, sealing_key) in devices {
            let item = sealed_body::Item::HistoryGrant(grant.clone());
            self.seal_to(device, &sealing_key, item)?;
        }
        if share.part_first <= share.first_seq {
            return self.forget_share(share.id).map(|()| true);
        }
        self.db
            .prepare_cached(
                "UPDATE shares SET last_seq = part_first - 1, told = 1, state = 'planned',
                 blob = NULL WHERE id = ?1",
            )?
            .execute([share.id])?;
        Ok(true)
    }

    fn granted_devices(&self, share: &Share) -> Vec<(DeviceId, Vec<u8>)> {
        let me = self.identity().map(|identity| identity.device()).ok();
        let head = self.structure.head().seq;
        self.structure
            .devices()
            .filter(|(id, device)| {
                device.professional == share.professional
                    && share.device.is_none_or(|meant| meant == **id)
                    && Some(**id) != me
                    && self.structure.valid_device(id, head, self.now_ms).is_some()
            })
            .map(|(id, device)| (*id, device.sealing_key.clone()))
            .collect()
    }

    /// Says once in the thread what is shared with whom. `false` when this device may
    /// not write there any more.
    fn tell_shared(&mut self, share: &Share) -> Result<bool> {
        if share.told {
            return Ok(true);
        }
        let events: u64 = self
            .db
            .prepare_cached(
                "SELECT count(*) FROM shown_events WHERE channel = ?1 AND seq BETWEEN ?2 AND ?3
                 AND (seq >= ?4 OR seq IN (SELECT seq FROM share_events WHERE share = ?5))",
            )?
            .query_row(
                params![
                    share.channel.0,
                    share.first_seq,
                    share.last_seq,
                    share.full_from,
                    share.id
                ],
                |row| row.get(0),
            )?;
        let shared = HistoryShared {
            professional_id: share.professional.to_bytes(),
            kind: share.kind,
            since_ms: share.since_ms,
            first_seq: share.first_seq,
            last_seq: share.last_seq,
            events,
        };
        // Entries of the log alone, of which nobody learns anything said.
        if events == 0 && share.kind == i32::from(HistoryKind::Requested) {
            return Ok(true);
        }
        match self.write_inside(share.channel, Kind::HistoryShared(shared)) {
            Ok(_) => Ok(true),
            Err(Error::NotAllowed(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn forget_share(&self, id: i64) -> Result<()> {
        for sql in [
            "DELETE FROM share_events WHERE share = ?1",
            "DELETE FROM shares WHERE id = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([id])?;
        }
        Ok(())
    }
}
