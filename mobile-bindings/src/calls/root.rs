//! The practice's root key. Each of these takes some 0.2 seconds, on purpose.

use relais_core::wire::ids::ProfessionalId;

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::recovery::{
    ProposedRoot, RecoveryStatus, RootAccess, RootProposal, proposal_text,
};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// How the practice would get its root key back, as far as this device knows. Fails with
    /// `Fatal` after closing.
    pub async fn recovery_status(&self) -> Result<RecoveryStatus, RelaisError> {
        self.call(|engine| Ok(engine.recovery_status()?.into()))
            .await
    }

    /// Makes a recovery kit, a text to be printed. Fails with `Rejected` and a code that
    /// begins with `recovery_`.
    pub async fn make_recovery_kit(
        &self,
        access: RootAccess,
        passphrase: String,
    ) -> Result<String, RelaisError> {
        self.call(move |engine| {
            let kit = engine.make_recovery_kit(&access.into(), &passphrase)?;
            Ok(kit.to_string())
        })
        .await
    }

    /// Cuts the root key into `of` shares, of which `needed` give it back. Fails with
    /// `Rejected` and a code that begins with `recovery_`.
    pub async fn make_recovery_shares(
        &self,
        access: RootAccess,
        needed: u8,
        of: u8,
    ) -> Result<Vec<String>, RelaisError> {
        self.call(move |engine| {
            let shares = engine.make_recovery_shares(&access.into(), needed, of)?;
            Ok(shares.iter().map(|share| share.to_string()).collect())
        })
        .await
    }

    /// Proves that a kit or shares give the root key. Fails with `Rejected` and a code that
    /// begins with `recovery_`.
    pub async fn confirm_recovery(&self, access: RootAccess) -> Result<(), RelaisError> {
        self.call(move |engine| Ok(engine.confirm_recovery(&access.into())?))
            .await
    }

    /// Erases the root key from this device, once a kit or shares were proved. Fails with
    /// `Rejected` before that.
    pub async fn forget_root(&self) -> Result<(), RelaisError> {
        self.call(|engine| Ok(engine.forget_root()?)).await
    }

    /// Replaces the root key and answers the kit of the new one. Fails with `Rejected` and a
    /// code that begins with `recovery_`.
    pub async fn replace_root(
        &self,
        access: RootAccess,
        passphrase: String,
    ) -> Result<String, RelaisError> {
        self.call(move |engine| {
            let kit = engine.replace_root(&access.into(), &passphrase)?;
            Ok(kit.to_string())
        })
        .await
    }

    /// Proposes a new root where the old one is lost: every other coordinator approves.
    /// Fails with `Rejected` unless this person is one of at least two coordinators.
    pub async fn propose_root_replacement(
        &self,
        passphrase: String,
    ) -> Result<ProposedRoot, RelaisError> {
        self.call(move |engine| {
            let (id, kit) = engine.propose_root_replacement(&passphrase)?;
            Ok(ProposedRoot {
                proposal: proposal_text(&id),
                kit: kit.to_string(),
            })
        })
        .await
    }

    /// Proposals of a new root that this device knows. Fails with `Fatal` after closing.
    pub async fn root_proposals(&self) -> Result<Vec<RootProposal>, RelaisError> {
        self.call(|engine| {
            Ok(engine
                .root_proposals()?
                .into_iter()
                .map(Into::into)
                .collect())
        })
        .await
    }

    /// This person agrees to a proposal, after comparing its code with the proposer. Fails
    /// with `Rejected` for one that is not open.
    pub async fn approve_root_replacement(&self, proposal: String) -> Result<(), RelaisError> {
        self.call(move |engine| {
            let mut proposals = engine.root_proposals()?.into_iter();
            let known = proposals.find(|known| proposal_text(&known.id) == proposal);
            let known = known.ok_or_else(|| RelaisError::invalid("proposal"))?;
            Ok(engine.approve_root_replacement(&known.id)?)
        })
        .await
    }

    /// Makes somebody a coordinator too. Fails with `Rejected` for somebody who cannot be
    /// one, or a code that begins with `recovery_`.
    pub async fn appoint_coordinator(
        &self,
        person: String,
        access: RootAccess,
    ) -> Result<(), RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.appoint(person, &access.into())?))
            .await
    }

    /// Ends a coordinator's standing; they stay what they were before. Fails with
    /// `Rejected` for the only coordinator, or a code that begins with `recovery_`.
    pub async fn end_coordinator(
        &self,
        person: String,
        access: RootAccess,
    ) -> Result<(), RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.end_coordinator(person, &access.into())?))
            .await
    }
}
