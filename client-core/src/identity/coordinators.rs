//! Who coordinates the practice: said by the root's key alone.

use relais_wire::ids::ProfessionalId;
use relais_wire::structure::{Professional, sign_statement};
use relais_wire::v1::{CoordinatorCertified, StatementKind};

use super::root::RootAccess;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::outbox::intent::Wish;

impl Engine {
    /// Makes somebody who is enrolled a coordinator too. Whoever has the root's key can,
    /// coordinator or not: a practice whose only coordinator is gone goes on.
    ///
    /// # Errors
    /// [`Error::Unknown`] for the person, [`Error::NotAllowed`] when they are a
    /// coordinator already or nobody has confirmed them, those of the access.
    pub fn appoint(&mut self, professional: ProfessionalId, access: &RootAccess) -> Result<()> {
        let person = self.known(&professional)?;
        if !person.is_confirmed() {
            return Err(Error::NotAllowed("nobody has confirmed them yet"));
        }
        if self.structure.is_coordinator(&professional) {
            return Err(Error::NotAllowed("they are a coordinator already"));
        }
        let body = CoordinatorCertified {
            structure_id: self.identity()?.structure().to_bytes(),
            professional_id: professional.to_bytes(),
            professional_key: person.newest().key.to_vec().into(),
        };
        let root = self.root_signer(access)?;
        let statement = sign_statement(StatementKind::CoordinatorCertified, &body, &[&root]);
        self.transaction(|engine| engine.want(None, Wish::Statements(vec![statement.into()])))
    }

    fn known(&self, professional: &ProfessionalId) -> Result<&Professional> {
        let person = self.structure.professional(professional);
        person.ok_or(Error::Unknown("person"))
    }
}
