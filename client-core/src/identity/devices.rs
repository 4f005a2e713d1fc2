//! A person's devices: linked, revoked; and people who leave.

use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::limits;
use relais_wire::link::{Link, LinkError, LinkKind, LinkRequest, comparison_code};
use relais_wire::structure::{PublicKey, root_fingerprint, sign_statement};
use relais_wire::v1::{DeviceInvited, DeviceRevoked, ProfessionalRevoked, StatementKind};

use crate::engine::Engine;
use crate::error::{Denial, Error, Result};
use crate::outbox::intent::Wish;

/// The server's clock moves on while a statement is under way to it; its estimate
/// here may be ahead by less than this.
const SLACK_MS: u64 = 30_000;

/// A link for one more device of the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLink {
    /// To be shown as QR; whoever holds it first can use it once.
    pub link: String,
    /// Server time, milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
}

impl Engine {
    /// Makes a link for another device of this person; valid some 14 minutes.
    ///
    /// # Errors
    /// [`Error::NotYet`] without a connection, [`Error::NotAllowed`] on a linked device and
    /// when the person has as many devices as are allowed.
    pub fn link_device(&mut self) -> Result<DeviceLink> {
        let seed: [u8; 32] = self.random()?;
        let key = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let expires_at_ms = self.let_device_in(key.to_bytes())?;
        let link = Link {
            server_url: self.enrolment.server_url.clone(),
            kind: LinkKind::Device,
            structure: self.identity()?.structure(),
            seed,
            root_fingerprint: root_fingerprint(self.structure.root_key()),
        }
        .to_string();
        Ok(DeviceLink {
            link,
            expires_at_ms,
        })
    }

    /// Lets in a device that shows this request ([`Engine::join_by_scan`]). Returns
    /// the code that the person types there.
    ///
    /// # Errors
    /// [`Error::Link`] for a text that is no request or was mistyped, and those of
    /// [`Engine::link_device`].
    pub fn accept_device(&mut self, request: &str) -> Result<String> {
        let request: LinkRequest = request
            .parse()
            .map_err(|e: LinkError| Error::Link(e.to_string()))?;
        self.let_device_in(request.enrolment_key)?;
        let structure = self.identity()?.structure();
        let root_key = self.structure.root_key();
        Ok(comparison_code(&request, structure, root_key))
    }

    fn let_device_in(&mut self, enrolment_key: PublicKey) -> Result<u64> {
        self.require_unfrozen()?;
        let identity = self.identity()?;
        let (key, me) = (identity.professional_key()?, identity.professional());
        let now = self.server_now().ok_or(Error::NotYet(
            "a device is linked while this one is connected",
        ))?;
        let mine = self
            .structure
            .devices()
            .filter(|(_, d)| d.professional == me);
        let standing = mine.filter(|(_, d)| d.revoked_seq.is_none()).count();
        if standing >= limits::DEVICES_PER_PROFESSIONAL {
            return Err(Error::NotAllowed(Denial::TooManyDevices));
        }
        let expires_at_ms = now.saturating_add(limits::DEVICE_INVITATION_MS - SLACK_MS);
        let body = DeviceInvited {
            structure_id: identity.structure().to_bytes(),
            professional_id: me.to_bytes(),
            enrolment_key: enrolment_key.to_vec().into(),
            expires_at_ms,
        };
        let statement = sign_statement(StatementKind::DeviceInvited, &body, &[&key]);
        self.say(vec![statement])?;
        Ok(expires_at_ms)
    }

    /// Whether this person has, or had, another device.
    pub(crate) fn has_other_devices(&self) -> Result<bool> {
        let identity = self.identity()?;
        let (me, own) = (identity.professional(), identity.device());
        let mut devices = self.structure.devices();
        Ok(devices.any(|(id, device)| device.professional == me && *id != own))
    }

    /// Revokes a device, one's own or, as a coordinator, anybody's: it loses its
    /// connection at once and wipes itself at its next contact.
    ///
    /// # Errors
    /// [`Error::Unknown`] device, [`Error::NotAllowed`] for someone else's device,
    /// on a linked device, and when it is revoked already.
    pub fn revoke_device(&mut self, device: DeviceId) -> Result<()> {
        let statement = self.device_revocation(device)?;
        self.say(vec![statement])
    }

    /// The statement that revokes a device.
    pub(super) fn device_revocation(&self, device: DeviceId) -> Result<Vec<u8>> {
        let known = self.structure.device(&device);
        let known = known.ok_or(Error::Unknown("device"))?;
        if known.revoked_seq.is_some() {
            return Err(Error::NotAllowed(Denial::DeviceRevoked));
        }
        let identity = self.identity()?;
        if known.professional != identity.professional() {
            self.require_coordinator()?;
        }
        let body = DeviceRevoked {
            structure_id: identity.structure().to_bytes(),
            device_id: device.to_bytes(),
            signer: identity.professional().to_bytes(),
        };
        let key = identity.professional_key()?;
        Ok(sign_statement(StatementKind::DeviceRevoked, &body, &[&key]))
    }

    /// Ends somebody's part in the structure: a coordinator says it of anybody, a
    /// person of themselves. Their key and all their devices are revoked. A
    /// coordinator is released by the root first.
    ///
    /// # Errors
    /// [`Error::Unknown`] person, [`Error::NotAllowed`] for a coordinator, for
    /// someone who has left, and for somebody else unless a coordinator says it.
    pub fn revoke_professional(&mut self, professional: ProfessionalId) -> Result<()> {
        let person = self.structure.professional(&professional);
        let person = person.ok_or(Error::Unknown("person"))?;
        let gone = Error::NotAllowed(Denial::PersonLeft);
        let present = person.present().ok_or(gone)?.key;
        if self.structure.is_coordinator(&professional) {
            return Err(Error::NotAllowed(Denial::StandingFirst));
        }
        let identity = self.identity()?;
        if professional != identity.professional() {
            self.require_coordinator()?;
        }
        let body = ProfessionalRevoked {
            structure_id: identity.structure().to_bytes(),
            professional_id: professional.to_bytes(),
            professional_key: present.to_vec().into(),
            signer: identity.professional().to_bytes(),
        };
        let key = identity.professional_key()?;
        let statement = sign_statement(StatementKind::ProfessionalRevoked, &body, &[&key]);
        self.say(vec![statement])
    }

    /// Makes statements durable; they leave together.
    pub(super) fn say(&mut self, statements: Vec<Vec<u8>>) -> Result<()> {
        let statements = statements.into_iter().map(Into::into).collect();
        self.transaction(|engine| engine.want(None, Wish::Statements(statements)))
    }
}
