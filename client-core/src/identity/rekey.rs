//! The directory key is replaced at each revocation (architecture D7). Every
//! coordinator's device could do it; they wait for one another in an order that
//! nobody chooses, and of two that say it at once the log takes the first.

use relais_content::v1 as content;
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::label::{Label, hash};
use relais_wire::limits;
use relais_wire::v1::DirectoryKeyReplaced;

use crate::engine::Engine;
use crate::error::Result;
use crate::outbox::intent::Wish;

/// A coordinator's device that is offline is waited for so long.
const TURN_MS: u64 = 30_000;

impl Engine {
    /// Wants the directory key replaced, or cards encrypted anew, when it is this
    /// device's turn.
    pub(crate) fn want_directory(&mut self) -> Result<()> {
        let head = self.structure.head().seq;
        if self.require_coordinator().is_err() || self.link.directory_at_seq == Some(head) {
            return Ok(());
        }
        if !self.needs_new_key() && self.stale_cards()?.is_empty() {
            self.link.directory_due_ms = None;
            return Ok(());
        }
        let now = self.now_ms;
        let due = match self.link.directory_due_ms {
            Some(due) => due,
            None => now.saturating_add(self.turn()? * TURN_MS),
        };
        if now < due {
            self.link.directory_due_ms = Some(due);
            return Ok(());
        }
        self.link.directory_due_ms = None;
        // Whatever becomes of it shows in the log: until then it is not said again.
        self.link.directory_at_seq = Some(head);
        let open: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM intents WHERE kind = 'directory'
                 AND state IN ('waiting', 'sent'))",
            )?
            .query_row([], |row| row.get(0))?;
        match open {
            true => Ok(()),
            false => self.want(None, Wish::Directory),
        }
    }

    fn needs_new_key(&self) -> bool {
        let present = self.structure.directory().last();
        present.is_some_and(|present| present.seq < self.structure.revocation_seq())
    }

    /// How many coordinators' devices come before this one.
    fn turn(&self) -> Result<u64> {
        let me = self.identity()?.device();
        let seq = self.structure.revocation_seq().to_be_bytes();
        let place = |id: &DeviceId| hash(Label::DirectoryTurn, &[id.as_ref(), &seq]);
        let (head, now) = (self.structure.head().seq, self.now_ms);
        let earlier = self.structure.devices().filter(|(id, device)| {
            self.structure.is_coordinator(&device.professional)
                && self.structure.valid_device(id, head, now).is_some()
                && place(id) < place(&me)
        });
        Ok(earlier.count() as u64)
    }

    /// Cards under an older key that this device can encrypt under the present one.
    fn stale_cards(&self) -> Result<Vec<(content::Card, u64)>> {
        let present = self.structure.directory().len();
        let stale = |version: u32| usize::try_from(version).is_ok_and(|v| v < present);
        if !self
            .structure
            .cards()
            .any(|(_, c)| stale(c.directory_version))
        {
            return Ok(Vec::new());
        }
        let newest = self.newest_directory_key()?.map(|(version, _)| version);
        if newest.is_none_or(stale) {
            return Ok(Vec::new());
        }
        self.cards_below(u32::try_from(present).unwrap_or(u32::MAX))
    }

    /// The statements of the present round: a new key if one is needed, and what
    /// cards fit. Empty when another device was first.
    pub(crate) fn directory_statements(&mut self) -> Result<Vec<prost::bytes::Bytes>> {
        let mut statements = Vec::new();
        let (newest, cards) = if self.needs_new_key() {
            let version = self.structure.directory().len() as u32 + 1;
            let key = self.random()?;
            self.learn_directory_key(version, key)?;
            statements.push(self.directory_statement(version, &key)?.into());
            ((version, key), self.cards_below(version)?)
        } else {
            let cards = self.stale_cards()?;
            let Some(newest) = self.newest_directory_key()? else {
                return Ok(statements);
            };
            (newest, cards)
        };
        for (card, seq) in cards {
            if statements.len() < limits::STATEMENTS_PER_REQUEST {
                statements.push(self.sign_card(newest, &card, seq)?.into());
            }
        }
        Ok(statements)
    }

    /// The log took a new key. Its maker hands it to every device whose professional
    /// is confirmed; one that was revoked is not among them.
    pub(super) fn directory_key_said(&mut self, body: &DirectoryKeyReplaced) -> Result<()> {
        if body.device_id != self.identity()?.device().to_bytes() {
            return Ok(());
        }
        let people: Vec<ProfessionalId> = self
            .structure
            .professionals()
            .filter(|(_, person)| person.present().is_some() && person.is_confirmed())
            .map(|(id, _)| *id)
            .collect();
        for id in people {
            self.share_directory_key(id)?;
        }
        Ok(())
    }
}
