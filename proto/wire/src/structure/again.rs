//! Stating again what a restored server had lost, after what was stated meanwhile
//! (architecture D6).

use prost::Message;

use super::Structure;
use crate::ids::ProfessionalId;
use crate::v1::{CardPublished, DirectoryKeyReplaced, Statement, StatementKind, StructureEntry};

impl Structure {
    /// This structure with lost statements after its own: by the same rules as ever, each
    /// at its own time as far as the log's order allows. What does not hold any more is
    /// left out, and so is a card that would undo a newer one or that the directory's
    /// present keys do not open. Also the new entries.
    pub fn state_again(&self, lost: Vec<StructureEntry>) -> (Self, Vec<StructureEntry>) {
        let since = lost.first().map_or(0, |entry| entry.seq);
        let (mut next, mut entries) = (self.clone(), Vec::new());
        // The first version of the directory key that the two logs do not share.
        let mut foreign = u32::MAX;
        for entry in lost {
            let Ok(statement) = Statement::decode(entry.statement.clone()) else {
                continue; // Of no log: its rules would have refused it.
            };
            let (kind, body) = (statement.kind(), statement.body);
            if kind == StatementKind::CardPublished
                && CardPublished::decode(body.clone()).is_ok_and(|card| {
                    card.directory_version >= foreign || self.is_newer(&card, since)
                })
            {
                continue;
            }
            match next.append(entry.statement, entry.time_ms) {
                Ok(again) => entries.push(again),
                Err(_) if kind == StatementKind::DirectoryKeyReplaced => {
                    let key = DirectoryKeyReplaced::decode(body);
                    foreign = key.map_or(foreign, |key| key.version.min(foreign));
                }
                Err(_) => {}
            }
        }
        (next, entries)
    }

    /// Whether this log has a card of the same person from an entry on.
    fn is_newer(&self, card: &CardPublished, since: u64) -> bool {
        let subject = ProfessionalId::try_from(&card.professional_id).ok();
        let present = subject.and_then(|id| self.cards.get(&id));
        present.is_some_and(|present| present.seq >= since)
    }
}
