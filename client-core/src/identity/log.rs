//! The structure log on the device (architecture D8): applied in order, kept
//! verbatim, and what follows from an entry — a coordinator counter-signs an
//! enrolment and shares the directory key, by itself.

use prost::Message;
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::structure::{StatementError, sign_statement};
use relais_wire::v1::{
    DeviceLinked, EnrolmentConfirmed, ProfessionalEnrolled, Statement, StatementKind,
    StructureEntry,
};
use rusqlite::{Connection, params};

use crate::engine::{Engine, Event, Trouble};
use crate::error::{Error, Result};
use crate::outbox::intent::Wish;

/// Reads the stored log back into the state that it describes.
pub(crate) fn load(conn: &Connection) -> Result<relais_wire::structure::Structure> {
    let mut structure = relais_wire::structure::Structure::new();
    for entry in entries(conn, 0, u64::MAX)? {
        structure
            .apply(&entry)
            .map_err(|_| Error::Corrupt("structure log"))?;
    }
    Ok(structure)
}

/// Entries after `after_seq` up to and with `until_seq`, as they were received.
pub(crate) fn entries(
    conn: &Connection,
    after_seq: u64,
    until_seq: u64,
) -> Result<Vec<StructureEntry>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, time_ms, statement, seal FROM structure_log
         WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
    )?;
    let rows = statement.query_map(params![after_seq, until_seq.min(i64::MAX as u64)], |row| {
        Ok(StructureEntry {
            seq: row.get(0)?,
            time_ms: row.get(1)?,
            statement: row.get::<_, Vec<u8>>(2)?.into(),
            seal: row.get::<_, Vec<u8>>(3)?.into(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Engine {
    /// Applies the next entry; one that was applied before is ignored.
    ///
    /// An entry that breaks the rules means that the server lies: the log stops
    /// there, visibly, and nothing that needs its head is encrypted.
    pub(crate) fn apply_structure_entry(&mut self, entry: &StructureEntry) -> Result<()> {
        let head = self.structure.head();
        if entry.seq <= head.seq {
            if !self.structure.holds(entry) {
                self.trouble(Trouble::StructureForked);
            }
            return Ok(());
        }
        let lost = self.ended_by_lost()?;
        let before = (!lost.is_empty()).then(|| self.structure.clone());
        if let Err(broken) = self.structure.apply(entry) {
            self.refuse_statement(&broken);
            return Ok(());
        }
        // What a log that this device has left had ended does not come back.
        if let Some(before) = before
            && lost.iter().any(|lost| self.structure.stands(lost))
        {
            self.structure = before;
            self.trouble(Trouble::StructureForked);
            return Ok(());
        }
        self.keep_structure_entry(entry)?;
        self.structure_follows(entry)
    }

    /// An entry that breaks the rules is a lie; one that was skipped is asked for again
    /// with a new connection.
    pub(crate) fn refuse_statement(&mut self, broken: &StatementError) {
        match broken {
            StatementError::OutOfOrder => {
                self.link.closed_by_server = Some(relais_wire::RefusalCode::Malformed);
            }
            _ => self.trouble(Trouble::StructureForked),
        }
    }

    /// Stores an entry that the structure has.
    pub(crate) fn keep_structure_entry(&self, entry: &StructureEntry) -> Result<()> {
        let hash = self.structure.hash_at(entry.seq);
        self.db
            .prepare_cached(
                "INSERT INTO structure_log (seq, time_ms, statement, hash, seal)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                entry.seq,
                entry.time_ms,
                entry.statement.as_ref(),
                hash.ok_or(Error::Corrupt("structure log"))?,
                entry.seal.as_ref()
            ])?;
        Ok(())
    }

    /// What an entry asks of this device.
    pub(crate) fn structure_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        if self.is_enrolled() {
            self.directory_follows(entry)?;
            self.owner_follows(entry)?;
            self.sealing_follows(entry)?;
            self.coordinator_follows(entry)?;
            self.root_follows(entry)?;
            self.safety_follows(entry)?;
            self.events.push_back(Event::PeopleChanged);
        }
        Ok(())
    }

    /// Last structure entry that the server had at a time of its own.
    pub(crate) fn structure_seq_at(&self, time_ms: u64) -> Result<u64> {
        Ok(self
            .db
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM structure_log WHERE time_ms <= ?1")?
            .query_row([time_ms.min(i64::MAX as u64)], |row| row.get(0))?)
    }

    /// The device that lets others in gives them the directory key.
    fn owner_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        let identity = self.identity()?;
        let (me, holder) = (identity.professional(), identity.holds_professional_key());
        let confirmed = self.structure.professional(&me);
        let confirmed = confirmed.is_some_and(|person| person.is_confirmed());
        let statement = Statement::decode(entry.statement.clone());
        let linked = statement
            .ok()
            .filter(|s| s.kind() == StatementKind::DeviceLinked && holder && confirmed)
            .and_then(|s| DeviceLinked::decode(s.body).ok())
            .filter(|body| body.professional_id == me.to_bytes());
        match linked.map(|body| DeviceId::try_from(&body.device_id)) {
            Some(Ok(device)) => self.share_with_linked(device),
            _ => Ok(()),
        }
    }

    fn coordinator_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        if self.require_coordinator().is_err() {
            return Ok(());
        }
        let Ok(statement) = Statement::decode(entry.statement.clone()) else {
            return Ok(());
        };
        match statement.kind() {
            StatementKind::ProfessionalEnrolled => {
                let Ok(body) = ProfessionalEnrolled::decode(statement.body) else {
                    return Ok(());
                };
                let id = ProfessionalId::try_from(&body.professional_id)
                    .map_err(|_| Error::Corrupt("structure log"))?;
                self.events.push_back(Event::InvitationUsed(id));
                self.confirm(id)
            }
            // Whoever counter-signed shares the key; so does the device that made the
            // present one, which the other may not hold yet.
            StatementKind::EnrolmentConfirmed => {
                let Ok(body) = EnrolmentConfirmed::decode(statement.body) else {
                    return Ok(());
                };
                let identity = self.identity()?;
                let maker = self.structure.directory().last().map(|key| key.device);
                let ours = maker == Some(identity.device())
                    || (body.coordinator == identity.professional().to_bytes()
                        && identity.holds_professional_key());
                match ProfessionalId::try_from(&body.professional_id) {
                    Ok(id) if ours => self.share_directory_key(id),
                    _ => Ok(()),
                }
            }
            // Appointed: whoever enrolled meanwhile and waits is confirmed from here too.
            StatementKind::CoordinatorCertified => {
                let people = self.structure.professionals();
                let waiting = people.filter(|(_, p)| p.present().is_some() && !p.is_confirmed());
                let waiting: Vec<_> = waiting.map(|(id, _)| *id).collect();
                waiting.into_iter().try_for_each(|id| self.confirm(id))
            }
            _ => Ok(()),
        }
    }

    fn confirm(&mut self, professional: ProfessionalId) -> Result<()> {
        let Some(person) = self.structure.professional(&professional) else {
            return Ok(());
        };
        if person.is_confirmed() {
            return Ok(());
        }
        let identity = self.identity()?;
        if !identity.holds_professional_key() {
            return Ok(()); // The coordinator's first device does it.
        }
        let body = EnrolmentConfirmed {
            structure_id: identity.structure().to_bytes(),
            professional_id: professional.to_bytes(),
            professional_key: person.newest().key.to_vec().into(),
            coordinator: identity.professional().to_bytes(),
        };
        let statement = sign_statement(
            StatementKind::EnrolmentConfirmed,
            &body,
            &[&identity.professional_key()?],
        );
        self.want(None, Wish::Statements(vec![statement.into()]))
    }
}
