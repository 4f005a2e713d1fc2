//! People of the practice, invitations, and whose keys were compared.

use relais_core::wire::ids::{DeviceId, ProfessionalId};

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::people::{Card, Invitation, Person, SafetyCheck, SafetyCode};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// Everybody of the practice, by name. Fails with `Fatal` after closing.
    pub async fn people(&self) -> Result<Vec<Person>, RelaisError> {
        self.call(|engine| Ok(engine.people()?.into_iter().map(Into::into).collect()))
            .await
    }

    /// Invites a person; the link is valid for 72 hours, once this device was online. Fails
    /// with `Retry` and the code `not_yet` for a moment after set-up; with `Rejected` unless
    /// the person of this device is a coordinator, or naming the field of the card.
    pub async fn invite(&self, card: Card) -> Result<Invitation, RelaisError> {
        self.call(move |engine| Ok(engine.invite(&card.into())?.into()))
            .await
    }

    /// Invites somebody again who lost the device with their key, or had left. `lost` are
    /// ids of devices, which are revoked at once. Fails with `Rejected` unless the person of
    /// this device is a coordinator, and for a coordinator.
    pub async fn invite_again(
        &self,
        person: String,
        lost: Vec<String>,
    ) -> Result<Invitation, RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        let lost = lost.iter().map(|id| DeviceId::parse(id, "lost"));
        let lost: Vec<_> = lost.collect::<Result<_, _>>()?;
        self.call(move |engine| Ok(engine.invite_again(person, &lost)?.into()))
            .await
    }

    /// Withdraws an invitation that was not used. Fails with `Rejected` when none is open
    /// for this person.
    pub async fn withdraw_invitation(&self, person: String) -> Result<(), RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.withdraw_invitation(person)?))
            .await
    }

    /// Invitations issued on this device, the newest first. Fails with `Fatal` after
    /// closing.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, RelaisError> {
        self.call(|engine| Ok(engine.invitations()?.into_iter().map(Into::into).collect()))
            .await
    }

    /// Ends somebody's part in the practice: a coordinator says it of anybody, a person of
    /// themselves. Fails with `Rejected` for others, and for a coordinator.
    pub async fn revoke_person(&self, person: String) -> Result<(), RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.revoke_professional(person)?))
            .await
    }

    /// What this device and another person's compare. Fails with `Rejected` for oneself and
    /// for somebody who has not enrolled.
    pub async fn safety_code(&self, person: String) -> Result<SafetyCode, RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.safety_code(person)?.into()))
            .await
    }

    /// Compares what the other person shows (the bytes of the QR code) or reads out (the
    /// digits as UTF-8); a match is kept. Fails as `safety_code` does.
    pub async fn verify_safety_code(
        &self,
        person: String,
        presented: Vec<u8>,
    ) -> Result<SafetyCheck, RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.verify_safety_code(person, &presented)?.into()))
            .await
    }

    /// The two people compared the digits by ear, and they are the same. Fails as
    /// `safety_code` does.
    pub async fn mark_verified(&self, person: String) -> Result<(), RelaisError> {
        let person = ProfessionalId::parse(&person, "person")?;
        self.call(move |engine| Ok(engine.mark_verified(person)?))
            .await
    }
}
