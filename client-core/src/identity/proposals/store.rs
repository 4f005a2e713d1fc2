//! Proposals and approvals as this device keeps them.

use std::collections::BTreeMap;

use prost::bytes::Bytes;
use relais_wire::ids::{DeviceId, ProfessionalId};
use rusqlite::{OptionalExtension, params};

use super::{ProposalId, Stored};
use crate::engine::Engine;
use crate::error::{Error, Result};

impl Engine {
    pub(super) fn keep_proposal(&self, proposal: &Stored) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM root_proposals WHERE proposer = ?1")?
            .execute([proposal.proposer.0])?;
        self.db
            .prepare_cached(
                "INSERT INTO root_proposals (proposal, body, signature, proposer, device)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                proposal.id,
                proposal.encoded.as_ref(),
                proposal.signature.as_ref(),
                proposal.proposer.0,
                proposal.device.0
            ])?;
        // What was agreed to and dropped says nothing any more.
        self.db
            .prepare_cached(
                "DELETE FROM root_approvals
                 WHERE proposal NOT IN (SELECT proposal FROM root_proposals)",
            )?
            .execute([])?;
        Ok(())
    }

    pub(super) fn keep_approval(
        &self,
        id: &ProposalId,
        by: &ProfessionalId,
        signature: &[u8],
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO root_approvals (proposal, coordinator, signature)
                 VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id, by.0, signature])?;
        Ok(())
    }

    pub(super) fn approvals(&self, id: &ProposalId) -> Result<BTreeMap<ProfessionalId, Bytes>> {
        self.db
            .prepare_cached(
                "SELECT coordinator, signature FROM root_approvals WHERE proposal = ?1",
            )?
            .query_map([id], |row| {
                let signature: Vec<u8> = row.get(1)?;
                Ok((ProfessionalId(row.get(0)?), signature.into()))
            })?
            .map(|row| Ok(row?))
            .collect()
    }

    pub(super) fn proposal(&self, id: &ProposalId) -> Result<Option<Stored>> {
        self.db
            .prepare_cached(&format!("{PROPOSALS} WHERE proposal = ?1"))?
            .query_row([id], stored)
            .optional()?
            .transpose()
    }

    pub(super) fn proposals(&self) -> Result<Vec<Stored>> {
        self.db
            .prepare_cached(&format!("{PROPOSALS} ORDER BY proposer"))?
            .query_map([], stored)?
            .map(|row| row?)
            .collect()
    }
}

const PROPOSALS: &str = "SELECT body, signature, proposer, device, sent FROM root_proposals";

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<Stored>> {
    let (body, signature): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
    let by = (ProfessionalId(row.get(2)?), DeviceId(row.get(3)?));
    let sent = row.get(4)?;
    let read = Stored::read(body.into(), signature.into(), by);
    let read = read.ok_or(Error::Corrupt("proposal"));
    Ok(read.map(|proposal| Stored { sent, ..proposal }))
}
