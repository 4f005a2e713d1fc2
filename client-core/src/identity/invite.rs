//! Invitations: a coordinator names a person, the link makes them a member of
//! the structure (requirement I2). The person's card is published along, so that
//! colleagues see a name from the start.

use prost::Message;
use prost::bytes::Bytes;
use relais_content::v1::Card;
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::limits;
use relais_wire::link::{Link, LinkKind};
use relais_wire::structure::{Device, Standing, root_fingerprint, sign_statement};
use relais_wire::v1::{InvitationIssued, InvitationWithdrawn, StatementKind, StructureRole};
use rusqlite::params;

use super::cards::OwnCard;
use crate::engine::Engine;
use crate::error::{Denial, Error, Result};
use crate::outbox::intent::Wish;

/// An invitation issued on this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The professional that it will make.
    pub professional: ProfessionalId,
    /// To be shown as QR or handed over; whoever holds it first can use it once.
    pub link: String,
    /// Milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// It was used.
    pub used: bool,
    /// It was withdrawn.
    pub withdrawn: bool,
    /// The log does not have it yet, and the link does not work.
    pub pending: bool,
    /// Whom it names; `None` for somebody invited again.
    pub card: Option<OwnCard>,
}

impl Engine {
    /// Issues an invitation for a named person; valid 72 hours. It can be used
    /// once the device has been online.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless the person of this device is a coordinator,
    /// [`Error::NotYet`] just after set-up, [`Error::Invalid`] for the card.
    pub fn invite(&mut self, card: &OwnCard) -> Result<Invitation> {
        card.check()?;
        self.require_coordinator()?;
        let professional = ProfessionalId(self.random()?);
        let role = if card.profession == 0 {
            StructureRole::Lay
        } else {
            StructureRole::Professional
        };
        let named = self.card_statement(professional, card)?;
        self.issue(professional, role, &[], vec![named.into()], Some(card))
    }

    /// Invites someone of the structure again, who lost the device with their key or
    /// has left. The lost devices are revoked at once; using the link replaces the
    /// key, and revokes what the person holds besides the devices that remain. They
    /// keep id, card and threads.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless the person of this device is a coordinator, and for
    /// a coordinator: the root ends that standing first
    /// ([`Engine::end_coordinator`]) and certifies the new key;
    /// [`Error::Unknown`] person, or lost device of theirs.
    pub fn invite_again(
        &mut self,
        professional: ProfessionalId,
        lost: &[DeviceId],
    ) -> Result<Invitation> {
        self.require_coordinator()?;
        if self.structure.is_coordinator(&professional) {
            return Err(Error::NotAllowed(Denial::StandingFirst));
        }
        let person = self.structure.professional(&professional);
        let role = match person.ok_or(Error::Unknown("person"))?.role {
            Standing::Lay => StructureRole::Lay,
            _ => StructureRole::Professional,
        };
        let standing = |(_, d): &(&DeviceId, &Device)| {
            d.professional == professional && d.revoked_seq.is_none()
        };
        let theirs = self.structure.devices().filter(standing).map(|(id, _)| *id);
        let (gone, remaining): (Vec<_>, Vec<_>) = theirs.partition(|id| lost.contains(id));
        if gone.len() != lost.len() {
            return Err(Error::Unknown("device"));
        }
        let mut also = Vec::new();
        for device in gone {
            also.push(self.device_revocation(device)?.into());
        }
        self.issue(professional, role, &remaining, also, None)
    }

    /// `also` leaves with the invitation, in one request.
    fn issue(
        &mut self,
        professional: ProfessionalId,
        role: StructureRole,
        remaining: &[DeviceId],
        also: Vec<Bytes>,
        card: Option<&OwnCard>,
    ) -> Result<Invitation> {
        let seed: [u8; 32] = self.random()?;
        let enrolment_key = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let expires_at_ms = self.now_ms + limits::INVITATION_MS - CLOCK_SLACK_MS;
        let identity = self.identity()?;
        let issued = InvitationIssued {
            structure_id: identity.structure().to_bytes(),
            enrolment_key: enrolment_key.to_bytes().to_vec().into(),
            professional_id: professional.to_bytes(),
            role: role.into(),
            expires_at_ms,
            issuer: identity.professional().to_bytes(),
            remaining_devices: remaining.iter().map(|id| id.to_bytes()).collect(),
        };
        let issued = sign_statement(
            StatementKind::InvitationIssued,
            &issued,
            &[&identity.professional_key()?],
        );
        let link = Link {
            server_url: self.enrolment.server_url.clone(),
            kind: LinkKind::Invitation,
            structure: identity.structure(),
            seed,
            root_fingerprint: root_fingerprint(self.structure.root_key()),
        }
        .to_string();
        let mut statements = vec![issued.into()];
        statements.extend(also);
        let named = card.map(|card| card.to_card(professional).encode_to_vec());
        self.transaction(|engine| {
            engine
                .db
                .prepare_cached(
                    "INSERT INTO invitations (enrolment_key, link, expires_at_ms, professional, card)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    enrolment_key.to_bytes(),
                    link,
                    expires_at_ms,
                    professional.0,
                    named
                ])?;
            engine.want(None, Wish::Statements(statements))
        })?;
        Ok(Invitation {
            professional,
            link,
            expires_at_ms,
            used: false,
            withdrawn: false,
            pending: true,
            card: card.cloned(),
        })
    }

    /// Withdraws an invitation that was not used yet.
    ///
    /// # Errors
    /// [`Error::Unknown`] when no open invitation is for this person.
    pub fn withdraw_invitation(&mut self, professional: ProfessionalId) -> Result<()> {
        self.require_coordinator()?;
        let open = self
            .structure
            .invitations()
            .find(|(_, i)| i.professional == professional && !i.used && !i.withdrawn)
            .map(|(key, _)| *key)
            .ok_or(Error::Unknown("invitation"))?;
        let identity = self.identity()?;
        let body = InvitationWithdrawn {
            structure_id: identity.structure().to_bytes(),
            enrolment_key: open.to_vec().into(),
            coordinator: identity.professional().to_bytes(),
        };
        let statement = sign_statement(
            StatementKind::InvitationWithdrawn,
            &body,
            &[&identity.professional_key()?],
        );
        self.transaction(|engine| engine.want(None, Wish::Statements(vec![statement.into()])))
    }

    /// Invitations issued on this device, the newest first.
    ///
    /// # Errors
    /// Of the database.
    pub fn invitations(&self) -> Result<Vec<Invitation>> {
        let mut statement = self.db.prepare_cached(
            "SELECT enrolment_key, link, expires_at_ms, professional, card FROM invitations
             ORDER BY expires_at_ms DESC",
        )?;
        let mut rows = statement.query([])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let key: Vec<u8> = row.get(0)?;
            let known = self.structure.invitation(&key);
            let noted: Option<[u8; 16]> = row.get(3)?;
            let professional = known.map(|known| known.professional);
            let Some(professional) = professional.or(noted.map(ProfessionalId)) else {
                continue; // Of a program that did not note it, and not in the log.
            };
            let card: Option<Vec<u8>> = row.get(4)?;
            let card = card.map(|card| Card::decode(card.as_slice())).transpose();
            list.push(Invitation {
                professional,
                link: row.get(1)?,
                expires_at_ms: row.get(2)?,
                used: known.is_some_and(|known| known.used),
                withdrawn: known.is_some_and(|known| known.withdrawn),
                pending: known.is_none(),
                card: card
                    .map_err(|_| Error::Corrupt("invitation"))?
                    .map(OwnCard::of),
            });
        }
        Ok(list)
    }

    pub(crate) fn require_coordinator(&self) -> Result<()> {
        let me = self.identity()?.professional();
        if self.structure.professional(&me).is_none() {
            return Err(Error::NotYet("this device has not read of its own joining"));
        }
        if !self.structure.is_coordinator(&me) {
            return Err(Error::NotAllowed(Denial::NotCoordinator));
        }
        Ok(())
    }
}

/// An expiry is judged by the server's clock: a device whose clock is ahead by
/// less than this still issues a valid invitation.
pub(super) const CLOCK_SLACK_MS: u64 = 3_600_000;
