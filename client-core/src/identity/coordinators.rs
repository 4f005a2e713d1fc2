//! Who coordinates the practice: said by the root's key alone.

use relais_wire::ids::ProfessionalId;
use relais_wire::structure::{Professional, sign_statement};
use relais_wire::v1::{CoordinatorCertified, CoordinatorRevoked, StatementKind};

use super::root::RootAccess;
use crate::engine::Engine;
use crate::error::{Denial, Error, Result};
use crate::outbox::intent::Wish;

impl Engine {
    /// Makes somebody who is enrolled a coordinator too. Whoever has the root's key can,
    /// coordinator or not: a practice whose only coordinator is gone goes on.
    ///
    /// # Errors
    /// [`Error::Unknown`] for the person, [`Error::NotAllowed`] when they are a
    /// coordinator already, have left, nobody has confirmed them, or their present key was a
    /// coordinator's before (a key is certified once); those of the access.
    pub fn appoint(&mut self, professional: ProfessionalId, access: &RootAccess) -> Result<()> {
        let person = self.known(&professional)?;
        let present = person.present();
        let present = present.ok_or(Error::NotAllowed(Denial::PersonLeft))?;
        if present.confirmed_seq.is_none() {
            return Err(Error::NotAllowed(Denial::Unconfirmed));
        }
        if self.structure.is_coordinator(&professional) {
            return Err(Error::NotAllowed(Denial::CoordinatorAlready));
        }
        if present.certified_seq.is_some() {
            return Err(Error::NotAllowed(Denial::StandingEnded));
        }
        let body = CoordinatorCertified {
            structure_id: self.identity()?.structure().to_bytes(),
            professional_id: professional.to_bytes(),
            professional_key: present.key.to_vec().into(),
        };
        self.say_as_root(StatementKind::CoordinatorCertified, &body, access)
    }

    /// Ends a coordinator's standing; they stay what they were before. Their open
    /// invitations are void.
    ///
    /// # Errors
    /// [`Error::Unknown`] for the person, [`Error::NotAllowed`] when they are no
    /// coordinator or the only one, those of the access.
    pub fn end_coordinator(
        &mut self,
        professional: ProfessionalId,
        access: &RootAccess,
    ) -> Result<()> {
        let person = self.known(&professional)?;
        if !self.structure.is_coordinator(&professional) {
            return Err(Error::NotAllowed(Denial::NoCoordinator));
        }
        if self.structure.coordinators().count() < 2 {
            return Err(Error::NotAllowed(Denial::LastCoordinator));
        }
        let body = CoordinatorRevoked {
            structure_id: self.identity()?.structure().to_bytes(),
            professional_id: professional.to_bytes(),
            professional_key: person.newest().key.to_vec().into(),
        };
        self.say_as_root(StatementKind::CoordinatorRevoked, &body, access)
    }

    fn say_as_root(
        &mut self,
        kind: StatementKind,
        body: &impl prost::Message,
        access: &RootAccess,
    ) -> Result<()> {
        let root = self.root_signer(access)?;
        let statement = sign_statement(kind, body, &[&root]);
        self.transaction(|engine| engine.want(None, Wish::Statements(vec![statement.into()])))
    }

    fn known(&self, professional: &ProfessionalId) -> Result<&Professional> {
        let person = self.structure.professional(professional);
        person.ok_or(Error::Unknown("person"))
    }
}
