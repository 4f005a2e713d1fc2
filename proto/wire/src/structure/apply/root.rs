//! The root's key: replaced by itself, or by all coordinators together.

use super::super::{PublicKey, StatementError, Structure};
use super::{Signed, key};
use crate::ids::ProfessionalId;
use crate::limits;
use crate::v1::{RootReplaced, StructureEntry};

impl Structure {
    pub(super) fn root_replaced(
        &mut self,
        body: &RootReplaced,
        signed: &Signed,
        entry: &StructureEntry,
    ) -> Result<(), StatementError> {
        self.ours(&body.structure_id)?;
        let new = key(&body.root_key)?;
        // Said of an earlier root, or again.
        if body.replaces.as_ref() != self.root_key() {
            return Err(StatementError::Foreign);
        }
        // The new key signs first: nobody takes over a key that is not theirs.
        let mut keys = vec![new];
        keys.extend(self.replacing_keys(body)?);
        signed.by(&keys.iter().map(|k| k.as_slice()).collect::<Vec<_>>())?;
        if self.roots.contains(&new) {
            return Err(StatementError::AlreadySaid);
        }
        if body.expires_at_ms > entry.time_ms.saturating_add(limits::ROOT_REPLACEMENT_MS) {
            return Err(StatementError::Malformed("replacement lives too long"));
        }
        if entry.time_ms >= body.expires_at_ms {
            return Err(StatementError::Expired);
        }
        self.roots.push(new);
        Ok(())
    }

    /// Who is entitled: the old root, or every coordinator there is, at least two.
    fn replacing_keys(&self, body: &RootReplaced) -> Result<Vec<PublicKey>, StatementError> {
        if body.coordinators.is_empty() {
            return Ok(vec![*self.root_key()]);
        }
        let listed = body.coordinators.iter().map(ProfessionalId::try_from);
        let listed: Vec<ProfessionalId> = listed.collect::<Result<_, _>>()?;
        let standing: Vec<ProfessionalId> = self.coordinators().collect();
        if listed.len() < 2 || listed != standing {
            return Err(StatementError::NotEntitled);
        }
        listed.iter().map(|id| self.coordinator_key(id)).collect()
    }
}
