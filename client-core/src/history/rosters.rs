//! The rosters of an archive: a chain that must agree with what is known here, each
//! signed by somebody who might change the circle by the one before (architecture D11).

use prost::Message;
use prost::bytes::Bytes;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::roster::{CheckedRoster, Operation, judge_reboot};
use relais_wire::v1::{EntryHeader, EntryKind, SignedRoster};
use rusqlite::{OptionalExtension, params};

use super::import::Import;
use super::promise::read_roster;
use super::read::{Chain, Refused, because};
use crate::engine::Engine;
use crate::error::Result;

impl Engine {
    /// Each roster must follow the one before, be the one that this device knows under
    /// its version, and be signed by a device of a member by the one before
    /// (architecture D11).
    pub(super) fn read_archived_roster(
        &self,
        import: &Import,
        bytes: &Bytes,
        chain: &mut Chain,
    ) -> Result<(), Refused> {
        let broken = because("its rosters do not follow from one another");
        let roster = SignedRoster::decode(bytes.clone())
            .ok()
            .and_then(|signed| CheckedRoster::read(&signed).ok())
            .filter(|roster| roster.channel == import.channel);
        let Some(roster) = roster else {
            return Err(broken);
        };
        let before: Option<CheckedRoster> = self
            .db
            .prepare_cached(
                "SELECT signed FROM archived_rosters WHERE import = ?1
                 ORDER BY version DESC LIMIT 1",
            )?
            .query_row([import.id], |row| row.get::<_, Vec<u8>>(0))
            .optional()?
            .map(|signed| read_roster(&signed))
            .transpose()?;
        let follows = match &before {
            None => roster.version > 1 || roster.predecessor.is_empty(),
            Some(b) => roster.version == b.version + 1 && roster.predecessor == b.hash,
        };
        let signer = self.structure.device(&roster.device);
        let by = before.as_ref().unwrap_or(&roster);
        // When it was signed, and what its signer might do then, is known for those
        // within the stretch, and checked there: who manages no channel may change one
        // that nobody can manage, and a coordinator begins its group anew.
        let might = signer.is_some_and(|device| by.members.contains_key(&device.professional));
        let known = self.known_roster(import.channel, roster.version)?;
        let same = known.is_none_or(|known| known.hash == roster.hash);
        // The first of a chain that does not begin at the creation is bound by hash alone.
        let rightful = might || (before.is_none() && roster.version > 1);
        if !follows || !same || !rightful || roster.verify_signature(&self.structure).is_err() {
            return Err(broken);
        }
        self.db
            .prepare_cached(
                "INSERT INTO archived_rosters (import, version, signed) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![import.id, roster.version, bytes.as_ref()])?;
        if roster.version == chain.version {
            chain.roster = Some(roster);
        }
        Ok(())
    }

    pub(super) fn known_roster(
        &self,
        channel: ChannelId,
        version: u64,
    ) -> Result<Option<CheckedRoster>> {
        let signed: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT signed FROM rosters WHERE channel = ?1 AND version = ?2")?
            .query_row(params![channel.0, version], |row| row.get(0))
            .optional()?;
        signed.map(|signed| read_roster(&signed)).transpose()
    }

    pub(super) fn archived_roster(
        &self,
        import: &Import,
        version: u64,
    ) -> Result<Option<CheckedRoster>> {
        let signed: Option<Vec<u8>> = self
            .db
            .prepare_cached(
                "SELECT signed FROM archived_rosters WHERE import = ?1 AND version = ?2",
            )?
            .query_row(params![import.id, version], |row| row.get(0))
            .optional()?;
        signed.map(|signed| read_roster(&signed)).transpose()
    }

    /// A roster comes into force with the commit, or the new group, of the very device
    /// that signed it, and by a person who might change the circle at that hour.
    pub(super) fn change_roster(
        &self,
        import: &Import,
        header: &EntryHeader,
        version: u64,
        chain: &mut Chain,
    ) -> Result<(), Refused> {
        let misplaced = because("a roster is out of place");
        let Some(next) = self.archived_roster(import, version)? else {
            return Err(misplaced);
        };
        let committer = DeviceId::try_from(&header.device_id).ok();
        let Some(signer) = self.structure.device(&next.device) else {
            return Err(misplaced);
        };
        let by = chain.roster.as_ref().unwrap_or(&next);
        let might = match header.kind() {
            EntryKind::Created => {
                let creator = by.may(
                    &signer.professional,
                    Operation::ChangeRoster,
                    header.time_ms,
                );
                header.seq == 1 && version == 1 && creator.is_ok()
            }
            EntryKind::Commit => {
                // A commit names the head that the server had when it came.
                let seq = self.structure_seq_at(header.time_ms)?;
                let person = &signer.professional;
                let judged = by.may_change(person, &self.structure, seq, header.time_ms);
                version > 1 && judged.is_ok()
            }
            EntryKind::Rebooted => {
                let judged = judge_reboot(&self.structure, header.time_ms, by, &next, next.device);
                version > 1 && judged.is_ok()
            }
            _ => false,
        };
        if version != chain.version + 1 || committer != Some(next.device) || !might {
            return Err(misplaced);
        }
        self.db
            .prepare_cached(
                "UPDATE archived_rosters SET seq = ?3 WHERE import = ?1 AND version = ?2",
            )?
            .execute(params![import.id, version, header.seq])?;
        chain.version = version;
        chain.roster = Some(next);
        Ok(())
    }
}
