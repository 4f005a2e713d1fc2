//! A structure log that parted from the server's: the server was restored from a backup,
//! and something was stated since, before those who hold what it lost gave that back.
//! It states the lost statements again, after its own; this device reads the server's log
//! beside its own from where the two part, and goes over to it (architecture D8).
//!
//! Invariants: nothing goes over unless the server says that it begins a new life, and
//! not often; and to no log by which anything stands that this device's own has ended: a
//! device that was revoked, a person who left, a coordinator who was released.

use std::collections::BTreeSet;

use relais_content::v1::EventBody;
use relais_wire::structure::{Ended, Structure};
use relais_wire::v1::{LogHead, StructureEntry, Subscribe, client_frame, subscribe};
use rusqlite::params;

use super::roll_back::{A_DAY, DAY_MS, REASON};
use crate::content::body_of;
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event, Phase, Trouble};
use crate::error::{Error, Result};
use crate::identity::log;
use crate::outbox::intent::{self, Wish};

/// The server's structure log, as far as it was read, beside this device's own.
pub(crate) struct Beside {
    structure: Structure,
    /// Those that this device's own log has not.
    entries: Vec<StructureEntry>,
    /// Read to its head.
    caught_up: bool,
}

impl Engine {
    /// Reads the server's structure log beside this device's own, after an entry that both
    /// have.
    pub(crate) fn read_beside(&mut self, common_seq: u64) -> Result<()> {
        if self.link.phase != Phase::Ready || self.link.beside.is_some() {
            return Ok(());
        }
        let mut structure = Structure::new();
        for entry in log::entries(&self.db, 0, common_seq)? {
            let applied = structure.apply(&entry);
            applied.map_err(|_| Error::Corrupt("structure log"))?;
        }
        self.push(client_frame::Frame::Subscribe(Subscribe {
            log: Some(subscribe::Log::StructureAfter(structure.head())),
        }));
        self.link.beside = Some(Beside {
            structure,
            entries: Vec::new(),
            caught_up: false,
        });
        Ok(())
    }

    /// The next entry of the log that is read beside.
    pub(crate) fn structure_beside(
        &mut self,
        mut beside: Beside,
        entry: StructureEntry,
    ) -> Result<()> {
        if let Err(broken) = beside.structure.apply(&entry) {
            self.refuse_statement(&broken);
            return Ok(());
        }
        if !self.structure.has(&beside.structure.head()) {
            beside.entries.push(entry);
        }
        self.consider(beside)
    }

    /// The log that is read beside was read up to an entry.
    pub(crate) fn beside_caught_up(&mut self, mut beside: Beside, seq: u64) -> Result<()> {
        beside.caught_up = beside.structure.head().seq == seq;
        self.consider(beside)
    }

    /// Goes over to the other log where that is right. Else it is shown, and looked at
    /// again with the next entry: what this device holds may be stated again by then.
    fn consider(&mut self, beside: Beside) -> Result<()> {
        if !beside.caught_up {
            self.link.beside = Some(beside);
            return Ok(());
        }
        let ended = self.ended_here()?;
        let new_life = meta::get_u64(&self.db, keys::RESTORES)?
            != meta::get_u64(&self.db, keys::STRUCTURE_LIFE)?;
        let undone = ended.iter().any(|ended| beside.structure.stands(ended));
        if !new_life || undone || !self.count_going_over(&beside)? {
            self.trouble(Trouble::StructureForked);
            self.link.beside = Some(beside);
            return Ok(());
        }
        self.go_over(beside, ended)
    }

    /// Notes it; `false` when it happens too often.
    fn count_going_over(&self, beside: &Beside) -> Result<bool> {
        let since = self.now_ms.saturating_sub(DAY_MS);
        let before: u64 = self
            .db
            .prepare_cached("SELECT count(*) FROM rollbacks WHERE channel = x'' AND at_ms > ?1")?
            .query_row([since], |row| row.get(0))?;
        if before >= A_DAY {
            return Ok(false);
        }
        let (head, common) = (self.structure.head().seq, common_seq(beside));
        self.db
            .prepare_cached(
                "INSERT INTO rollbacks (channel, seq, at_ms, events) VALUES (x'', ?1, ?2, ?3)",
            )?
            .execute(params![common, self.now_ms, head.saturating_sub(common)])?;
        Ok(true)
    }

    fn go_over(&mut self, beside: Beside, ended: BTreeSet<Ended>) -> Result<()> {
        let common = common_seq(&beside);
        self.db
            .prepare_cached("DELETE FROM structure_log WHERE seq > ?1")?
            .execute([common])?;
        self.structure = beside.structure;
        for entry in &beside.entries {
            self.keep_structure_entry(entry)?;
        }
        self.keep_ended(&ended)?;
        meta::put_u64(&self.db, keys::STRUCTURE_CLAIMED, 0)?;
        self.structure_is_the_servers()?;
        self.recall_lost_claims()?;
        let over = |trouble: &Trouble| {
            matches!(
                trouble,
                Trouble::StructureForked
                    | Trouble::StructureDisputed(_)
                    | Trouble::StructureWithheld
            )
        };
        self.trouble.retain(|trouble| !over(trouble));
        self.remember_forks();
        for entry in &beside.entries {
            self.structure_follows(entry)?;
        }
        self.open_cards()
    }

    /// The structure log that is held here is the server's.
    pub(crate) fn structure_is_the_servers(&mut self) -> Result<()> {
        self.link.structure_agreed = true;
        self.link.structure_caught_up = true;
        let life = meta::get_u64(&self.db, keys::RESTORES)?;
        if life != meta::get_u64(&self.db, keys::STRUCTURE_LIFE)? {
            // What colleagues knew of the log was of the life before.
            meta::put_u64(&self.db, keys::STRUCTURE_CLAIMED, 0)?;
            meta::put_u64(&self.db, keys::STRUCTURE_LIFE, life)?;
        }
        self.events.push_back(Event::SyncChanged);
        self.check_structure_claims()
    }

    /// Everything that this device's logs have ended, those that it left too.
    fn ended_here(&self) -> Result<BTreeSet<Ended>> {
        let mut ended = self.ended_by_lost()?;
        ended.extend(self.structure.ended());
        Ok(ended)
    }

    /// What logs that this device left had ended, and its own has never heard of.
    pub(crate) fn ended_by_lost(&self) -> Result<BTreeSet<Ended>> {
        let mut statement = self.db.prepare_cached("SELECT what FROM lost_ends")?;
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|row| Ended::read(&row?).ok_or(Error::Corrupt("lost end")))
            .collect()
    }

    fn keep_ended(&self, ended: &BTreeSet<Ended>) -> Result<()> {
        self.db.execute("DELETE FROM lost_ends", [])?;
        for lost in ended.difference(&self.structure.ended()) {
            self.db
                .prepare_cached("INSERT INTO lost_ends (what) VALUES (?1)")?
                .execute([lost.to_bytes()])?;
        }
        Ok(())
    }

    /// Events on their way that name the lost log are sent anew, as what they are.
    fn recall_lost_claims(&mut self) -> Result<()> {
        let sent: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM intents WHERE kind = 'event' AND state = 'sent'")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in sent {
            let wish = intent::load(&self.db, id)?.map(|intent| intent.wish);
            if let Some(Wish::Event { signed, .. }) = wish
                && !self.knows_structure_of(&body_of(&signed)?)
            {
                self.restage(id, REASON)?;
            }
        }
        Ok(())
    }

    /// Whether the structure log has what the author of an event knew of it.
    fn knows_structure_of(&self, body: &EventBody) -> bool {
        self.structure.has(&LogHead {
            seq: body.structure_seq,
            hash: body.structure_hash.clone(),
        })
    }

    /// Whether an event of this device names a structure log that it has left.
    pub(super) fn names_lost_structure(&self, body: &EventBody) -> Result<bool> {
        let left: bool = self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM rollbacks WHERE channel = x'')")?
            .query_row([], |row| row.get(0))?;
        Ok(left && !self.knows_structure_of(body))
    }
}

fn common_seq(beside: &Beside) -> u64 {
    beside.structure.head().seq - beside.entries.len() as u64
}
