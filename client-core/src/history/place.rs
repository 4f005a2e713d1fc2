//! Placing an archive that is proved: its entries, events and notices go to their
//! places, invisible until the whole is there; the projections are folded anew beside
//! the present ones; then one transaction shows all of it (invariant 3).

use prost::Message;
use relais_content::v1::{ArchiveEntry, EventBody, Omission, content::Kind};
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::v1::{EntryHeader, EntryKind, MessageAad, entry_header};
use rusqlite::{OptionalExtension, params};

use super::archive::{STEP_BYTES, STEP_ENTRIES, may_tell};
use super::import::Import;
use crate::content::{body_of, said_in, verbatim};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};
use crate::inbox::commit::roster_changes;
use crate::inbox::message::SHOWN_ALREADY;
use crate::projection::Folded;

/// A row of archived_entries.
struct Archived {
    seq: u64,
    hash: Vec<u8>,
    header: Vec<u8>,
    entry: Vec<u8>,
    reason: String,
}

impl Engine {
    /// Moves the next entries to their places.
    pub(super) fn place_step(&mut self, import: &Import) -> Result<()> {
        let rows = self.next_archived(import)?;
        for row in &rows {
            self.place(import, row)?;
            self.db
                .prepare_cached("DELETE FROM archived_entries WHERE import = ?1 AND seq = ?2")?
                .execute(params![import.id, row.seq])?;
        }
        if rows.is_empty() {
            self.set_state(import, "folding", 0)?;
        }
        Ok(())
    }

    fn next_archived(&self, import: &Import) -> Result<Vec<Archived>> {
        let mut statement = self.db.prepare_cached(
            "SELECT seq, hash, header, entry, reason FROM archived_entries WHERE import = ?1
             ORDER BY seq LIMIT ?2",
        )?;
        let mut rows = statement.query(params![import.id, STEP_ENTRIES as u64])?;
        let (mut found, mut size) = (Vec::new(), 0);
        while size < STEP_BYTES
            && let Some(row) = rows.next()?
        {
            let archived = Archived {
                seq: row.get(0)?,
                hash: row.get(1)?,
                header: row.get(2)?,
                entry: row.get(3)?,
                reason: row.get(4)?,
            };
            size += archived.entry.len();
            found.push(archived);
        }
        Ok(found)
    }

    fn place(&mut self, import: &Import, row: &Archived) -> Result<()> {
        let channel = import.channel;
        if row.header.is_empty() {
            return self.place_hash(channel, row);
        }
        let corrupt = |_| Error::Corrupt("archived entry");
        let header = EntryHeader::decode(row.header.as_slice()).map_err(corrupt)?;
        let entry = ArchiveEntry::decode(row.entry.as_slice()).map_err(corrupt)?;
        let known: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM entries WHERE channel = ?1 AND seq = ?2
                 AND header IS NOT NULL)",
            )?
            .query_row(params![channel.0, row.seq], |row| row.get(0))?;
        self.db
            .prepare_cached(
                "INSERT INTO entries (channel, seq, hash, header) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET header = coalesce(header, excluded.header)",
            )?
            .execute(params![channel.0, row.seq, row.hash, row.header])?;
        let mut reason = row.reason.clone();
        if !entry.signed_event.is_empty() {
            reason = self.place_event(import, &header, &entry.signed_event)?;
        }
        if !known {
            return self.place_notices(import, &header, &entry, &reason);
        }
        // What this device read or proved itself stays as it is; an event that it lacked
        // may have come, or will come from nobody.
        if entry.omission() != Omission::NotHeld {
            self.db
                .prepare_cached(
                    "DELETE FROM gaps WHERE channel = ?1 AND after_seq = ?2 - 1 AND until_seq = ?2",
                )?
                .execute(params![channel.0, row.seq])?;
        }
        Ok(())
    }

    fn place_hash(&self, channel: ChannelId, row: &Archived) -> Result<()> {
        if row.seq > 0 {
            self.db
                .prepare_cached(
                    "INSERT OR IGNORE INTO entries (channel, seq, hash) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![channel.0, row.seq, row.hash])?;
        }
        Ok(())
    }

    /// Puts an event into its place. Why it cannot stand there, if so.
    fn place_event(
        &mut self,
        import: &Import,
        header: &EntryHeader,
        signed: &[u8],
    ) -> Result<String> {
        let channel = import.channel;
        let body = body_of(signed)?;
        let (Ok(own_id), Ok(device)) = (
            EventId::try_from(&body.event_id),
            DeviceId::try_from(&body.device_id),
        ) else {
            return Ok("malformed event".into());
        };
        let said = match self.said(channel, self.owner_of(header), body.clone())? {
            Ok(said) => said,
            Err(reason) => return Ok(reason),
        };
        let id = said.id;
        let again = said_again(header);
        self.found_again(channel, id)?;
        match self.event_seq(channel, id)? {
            Some(seq) if seq == header.seq => return Ok(String::new()),
            // The first place counts, as for everybody who read both: said again later by its
            // author, a colleague, or a device that returned, it is shown once; anything else
            // never had a right to the id.
            Some(seq) if seq > header.seq => {
                let same = self.event_at(channel, seq)? == verbatim(signed)?
                    || self.is_said_again(channel, seq, device, said.author, &said.body)?;
                if !same {
                    self.quarantine_placed(channel, seq)?;
                }
            }
            Some(_) if again || id != own_id => return Ok(String::new()),
            Some(_) => return Ok(SHOWN_ALREADY.into()),
            None => {}
        }
        // What a restored server lost has neither its order nor what its author saw.
        if !again && !self.is_in_order(channel, device, &body, header.seq)? {
            return Ok("an event out of its author's order".into());
        }
        if !again {
            let seen = self.entry_hash(channel, body.last_seen_seq)?;
            self.check_seen(channel, seen, self.owner_of(header), &body)?;
        }
        let kind = said
            .body
            .content
            .as_ref()
            .map_or(0, relais_content::kinds::kind_number);
        self.db
            .prepare_cached(
                "INSERT INTO events (channel, seq, event_id, device, professional, counter,
                 time_ms, kind, signed, import) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (channel, event_id) DO UPDATE SET seq = excluded.seq,
                 device = excluded.device, professional = excluded.professional,
                 counter = excluded.counter, time_ms = excluded.time_ms,
                 kind = excluded.kind, signed = excluded.signed",
            )?
            .execute(params![
                channel.0,
                header.seq,
                id.0,
                device.0,
                said.author.0,
                body.counter,
                header.time_ms,
                kind,
                signed,
                import.id
            ])?;
        self.settle_own(channel, own_id)?;
        let kind = said.body.content.and_then(|content| content.kind);
        if let Some(kind) = &kind {
            self.index_words(channel, id, kind)?;
        }
        if let Some(Kind::Photo(photo)) = &kind
            && let Some(original) = &photo.original
        {
            self.expect_blob(channel, original)?;
        }
        Ok(String::new())
    }

    /// An event that was shown, before an earlier one came that has its id.
    fn quarantine_placed(&self, channel: ChannelId, seq: u64) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO notices (channel, seq, part, time_ms, kind, actor,
                 subject, detail) SELECT channel, seq, 0, time_ms, 'quarantined', professional,
                 professional, ?3 FROM events WHERE channel = ?1 AND seq = ?2",
            )?
            .execute(params![channel.0, seq, SHOWN_ALREADY])?;
        Ok(())
    }

    /// An own event of which this device did not read that it was accepted.
    fn settle_own(&mut self, channel: ChannelId, id: EventId) -> Result<()> {
        let intents: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM intents WHERE channel = ?1 AND event_id = ?2")?
            .query_map(params![channel.0, id.0], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        intents
            .into_iter()
            .try_for_each(|intent| self.settle(intent))
    }

    /// Counters of one device rise with the log: its neighbours by counter stand on
    /// either side.
    fn is_in_order(
        &self,
        channel: ChannelId,
        device: DeviceId,
        body: &EventBody,
        seq: u64,
    ) -> Result<bool> {
        let neighbour = |sql: &str| -> Result<Option<u64>> {
            let counter = body.counter.min(i64::MAX as u64);
            let mut statement = self.db.prepare_cached(sql)?;
            let found = statement.query_row(params![channel.0, device.0, counter], |r| r.get(0));
            Ok(found.optional()?)
        };
        let before = neighbour(
            "SELECT seq FROM events WHERE channel = ?1 AND device = ?2 AND counter <= ?3
             ORDER BY counter DESC LIMIT 1",
        )?;
        let after = neighbour(
            "SELECT seq FROM events WHERE channel = ?1 AND device = ?2 AND counter >= ?3
             ORDER BY counter LIMIT 1",
        )?;
        Ok(before.is_none_or(|b| b < seq) && after.is_none_or(|a| a > seq))
    }

    /// The person behind an entry's device; zeros for one that is not known.
    fn owner_of(&self, header: &EntryHeader) -> ProfessionalId {
        DeviceId::try_from(&header.device_id)
            .ok()
            .and_then(|id| self.structure.device(&id))
            .map_or(ProfessionalId([0; 16]), |device| device.professional)
    }

    /// What the thread shows of an entry itself: first what follows from header and
    /// rosters, then the sharer's word, then what was left out and why.
    fn place_notices(
        &self,
        import: &Import,
        header: &EntryHeader,
        entry: &ArchiveEntry,
        reason: &str,
    ) -> Result<()> {
        let actor = self.owner_of(header);
        let mut told: Vec<(String, ProfessionalId, String)> = Vec::new();
        if header.kind() == EntryKind::Created {
            told.push(("created".into(), actor, String::new()));
        } else if entry.roster_version > 1 {
            let version = entry.roster_version;
            let prior = match self.archived_roster(import, version - 1)? {
                Some(prior) => Some(prior),
                None => self.known_roster(import.channel, version - 1)?,
            };
            let next = self.archived_roster(import, version)?;
            if let Some((prior, next)) = prior.zip(next) {
                let changes = roster_changes(&prior, &next).into_iter();
                told.extend(changes.map(|(kind, id, detail)| (kind.to_owned(), id, detail)));
            }
        }
        let message = header.kind() == EntryKind::Message;
        let quarantined = entry.omission() == Omission::Quarantined;
        for notice in &entry.notices {
            let fits = !message || (quarantined && notice.kind == "quarantined");
            let subject = ProfessionalId::try_from(&notice.subject);
            if let Ok(subject) = subject
                && fits
                && may_tell(&notice.kind, &notice.detail)
            {
                told.push((notice.kind.clone(), subject, notice.detail.clone()));
            }
        }
        if !reason.is_empty() || (message && quarantined && told.is_empty()) {
            told.push(("omitted".into(), actor, reason.to_owned()));
        }
        for (part, (kind, subject, detail)) in told.into_iter().enumerate() {
            self.db
                .prepare_cached(
                    "INSERT OR REPLACE INTO notices (channel, seq, part, time_ms, kind, actor,
                     subject, detail, import) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    import.channel.0,
                    header.seq,
                    part as u64,
                    header.time_ms,
                    kind,
                    actor.0,
                    subject.0,
                    detail,
                    import.id
                ])?;
        }
        Ok(())
    }

    /// Folds the next events of the channel, from its first on, into projections beside
    /// the present ones. At the head of the log everything becomes visible.
    pub(super) fn fold_step(&mut self, import: &Import) -> Result<()> {
        let mut statement = self.db.prepare_cached(
            "SELECT seq, time_ms, professional, signed, event_id FROM events
             WHERE channel = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )?;
        let mut rows = statement.query(params![
            import.channel.0,
            import.done_seq,
            STEP_ENTRIES as u64
        ])?;
        let (mut done, mut size) = (import.done_seq, 0);
        while size < STEP_BYTES
            && let Some(row) = rows.next()?
        {
            let signed: Vec<u8> = row.get(3)?;
            size += signed.len();
            done = row.get(0)?;
            if let Some(content) = &said_in(&signed)?.content {
                let event = Folded {
                    channel: import.channel,
                    id: EventId(row.get(4)?),
                    seq: done,
                    time_ms: row.get(1)?,
                    author: ProfessionalId(row.get(2)?),
                    content,
                };
                self.fold_rows(import.beside, &event)?;
            }
        }
        drop(rows);
        drop(statement);
        if done == import.done_seq {
            return self.show_import(import);
        }
        self.set_state(import, "folding", done)
    }

    fn show_import(&mut self, import: &Import) -> Result<()> {
        let channel = import.channel;
        self.swap_rows(channel, import.beside)?;
        for sql in [
            // What the log told this device alone, where everybody's notices came.
            "DELETE FROM notices WHERE channel = ?1 AND kind = 'joined' AND import = 0
             AND seq BETWEEN ?3 AND ?4 AND EXISTS (SELECT 1 FROM notices n
                WHERE n.channel = ?1 AND n.seq = notices.seq AND n.import = ?2)",
            // What was missing, where it came.
            "DELETE FROM notices WHERE channel = ?1 AND kind IN ('omitted', 'quarantined')
             AND seq BETWEEN ?3 AND ?4 AND EXISTS (SELECT 1 FROM events e
                WHERE e.channel = ?1 AND e.seq = notices.seq AND e.import IN (0, ?2))",
            "INSERT INTO rosters (channel, version, signed, seq)
             SELECT ?1, version, signed, seq FROM archived_rosters
             WHERE import = ?2 AND ?3 <= ?4
             ON CONFLICT DO UPDATE SET seq = coalesce(seq, excluded.seq)",
        ] {
            let last = import.last_seq;
            self.db.prepare_cached(sql)?.execute(params![
                channel.0,
                import.id,
                import.first_seq,
                last
            ])?;
        }
        for sql in [
            "DELETE FROM archived_rosters WHERE import = ?1",
            "DELETE FROM imports WHERE id = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([import.id])?;
        }
        self.db
            .prepare_cached(
                "DELETE FROM imports WHERE channel = ?1 AND state = 'refused' AND id NOT IN
                 (SELECT import FROM archived_entries)",
            )?
            .execute([channel.0])?;
        self.forgive_repetitions(channel)?;
        self.name_by_latest_opening(channel)?;
        self.close_gaps(import)?;
        self.events.push_back(Event::ThreadsChanged);
        self.events.push_back(Event::ThreadChanged(channel));
        Ok(())
    }

    pub(crate) fn name_by_latest_opening(&mut self, channel: ChannelId) -> Result<()> {
        let signed: Option<Vec<u8>> = self
            .db
            .prepare_cached(
                "SELECT signed FROM shown_events WHERE channel = ?1 AND kind = 1
                 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([channel.0], |row| row.get(0))
            .optional()?;
        let content = signed
            .map(|s| said_in(&s))
            .transpose()?
            .and_then(|b| b.content);
        match content.and_then(|c| c.kind) {
            Some(Kind::ThreadOpened(opened)) => self.name_thread(channel, &opened),
            _ => Ok(()),
        }
    }
}

/// See [`MessageAad::said_again`]; the log's hash covers it.
fn said_again(header: &EntryHeader) -> bool {
    match &header.payload {
        Some(entry_header::Payload::AuthenticatedData(data)) => {
            MessageAad::decode(data.as_ref()).is_ok_and(|aad| aad.said_again)
        }
        _ => false,
    }
}
