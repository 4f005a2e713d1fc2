//! From a link to an enrolled device (architecture D7). Set-up makes the root
//! key and the first coordinator; an invitation makes a professional under the
//! id that the coordinator chose. Every step repeats identical bytes until the
//! server answers, so a lost answer burns nothing.

use prost::Message;
use relais_content::v1 as content;
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::label::{self, Label};
use relais_wire::link::{Link, LinkKind};
use relais_wire::structure::sign_statement;
use relais_wire::v1::{
    CoordinatorCertified, DeviceAdded, EnrolRequest, EnrolResponse, ProfessionalEnrolled, Refusal,
    StatementKind, StructureCreated, StructureLogRequest, StructureLogResponse, StructureRecord,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Identity;
use super::cards::OwnCard;
use crate::db::meta::{self, keys};
use crate::engine::http::{HttpRequest, HttpResponse, Method, Purpose};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};

/// How far the enrolment is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enrolment {
    /// No link was given yet.
    #[default]
    None,
    /// The device waits for the server; everything is durable here.
    Joining,
    /// The structure log holds this device.
    Enrolled,
    /// The server refused for good; the reason is a `RefusalCode` number.
    Refused(i32),
}

/// Everything about the enrolment, as stored.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub state: Enrolment,
    /// The link while joining; only its server's address afterwards.
    pub link: Option<String>,
    pub server_url: String,
    /// The request as sent, so that a repetition is identical.
    #[serde(with = "hex::serde")]
    pub request: Vec<u8>,
    /// The first coordinator's own card, published after set-up.
    pub card: Option<OwnCard>,
}

impl Engine {
    /// Begins to join with a set-up or invitation link; the driver then carries
    /// out the requests. `card` is for set-up: an invitation brings one along.
    ///
    /// # Errors
    /// [`Error::AlreadyEnrolled`], [`Error::Link`], [`Error::Invalid`] for the card.
    pub fn join(&mut self, link: &str, card: Option<OwnCard>) -> Result<()> {
        if !matches!(
            self.enrolment.state,
            Enrolment::None | Enrolment::Refused(_)
        ) {
            return Err(Error::AlreadyEnrolled);
        }
        let parsed: Link = link
            .trim()
            .parse()
            .map_err(|e: relais_wire::link::LinkError| Error::Link(e.to_string()))?;
        if let Some(card) = &card {
            card.check()?;
        }
        match (parsed.kind, &card) {
            (LinkKind::SetUp, None) => {
                return Err(Error::invalid(
                    "card",
                    "set-up needs the coordinator's card",
                ));
            }
            (LinkKind::Invitation, Some(_)) => {
                return Err(Error::invalid(
                    "card",
                    "the invitation names the person already",
                ));
            }
            _ => {}
        }
        let stored = Stored {
            state: Enrolment::Joining,
            server_url: parsed.server_url.clone(),
            link: Some(link.trim().to_owned()),
            request: Vec::new(),
            card,
        };
        self.transaction(|engine| {
            engine.structure = relais_wire::structure::Structure::new();
            engine.db.execute("DELETE FROM structure_log", [])?;
            engine.enrolment = stored;
            engine.save_enrolment()
        })?;
        self.continue_enrolment();
        Ok(())
    }

    pub(crate) fn save_enrolment(&self) -> Result<()> {
        meta::put_json(&self.db, keys::ENROLMENT, &self.enrolment)
    }

    fn link(&self) -> Option<Link> {
        self.enrolment.link.as_deref()?.parse().ok()
    }

    /// Queues the request that the enrolment waits for; called again after each
    /// failure of the network.
    pub(crate) fn continue_enrolment(&mut self) {
        if self.enrolment.state != Enrolment::Joining {
            return;
        }
        let request = if !self.enrolment.request.is_empty() {
            (Purpose::Enrol, "/v1/enrol", self.enrolment.request.clone())
        } else if let Some(link) = self.link() {
            if link.kind == LinkKind::SetUp {
                let request = HttpRequest::new(Method::Get, "/v1/structure".to_owned());
                return self.http.queue(Purpose::StructureRecord, request);
            }
            let key = ed25519_dalek::SigningKey::from_bytes(&link.seed);
            let after_seq = self.structure.head().seq;
            let body = StructureLogRequest {
                enrolment_key: key.verifying_key().to_bytes().to_vec().into(),
                after_seq,
                signature: label::sign(&key, Label::StructureLogRequest, &after_seq.to_be_bytes()),
            };
            (
                Purpose::StructureLog,
                "/v1/structure/log",
                body.encode_to_vec(),
            )
        } else {
            return;
        };
        let (purpose, path, body) = request;
        self.http.queue(
            purpose,
            HttpRequest::new(Method::Post, path.to_owned()).with_body(body),
        );
    }

    /// The server says which structure it was made for: the link must agree.
    fn structure_record(&mut self, body: &[u8]) -> Result<()> {
        let (Ok(record), Some(link)) = (StructureRecord::decode(body), self.link()) else {
            return Ok(()); // Not our server (a captive portal): asked again later.
        };
        if record.structure_id != link.structure.to_bytes() {
            return self.end_enrolment(relais_wire::RefusalCode::NotFound);
        }
        let suite = match u16::try_from(record.ciphersuite) {
            Ok(suite) if relais_wire::mls::SUITES.contains(&suite) => suite,
            _ => relais_wire::mls::SUITE_XWING,
        };
        self.transaction(|engine| engine.prepare_set_up(&link, suite))?;
        self.continue_enrolment();
        Ok(())
    }

    fn prepare_set_up(&mut self, link: &Link, ciphersuite: u16) -> Result<()> {
        let identity = self.new_identity(link.structure.0, self.random()?)?;
        let root_seed = zeroize::Zeroizing::new(self.random()?);
        self.hold_root(&root_seed)?;
        let root = ed25519_dalek::SigningKey::from_bytes(&root_seed);
        let professional = identity.professional_key();
        let created = StructureCreated {
            structure_id: link.structure.to_bytes(),
            root_key: root.verifying_key().to_bytes().to_vec().into(),
            ciphersuite: ciphersuite.into(),
        };
        let certified = CoordinatorCertified {
            structure_id: link.structure.to_bytes(),
            professional_id: identity.professional().to_bytes(),
            professional_key: professional.verifying_key().to_bytes().to_vec().into(),
        };
        let statements = vec![
            sign_statement(StatementKind::StructureCreated, &created, &[&root]).into(),
            sign_statement(
                StatementKind::CoordinatorCertified,
                &certified,
                &[&root, &professional],
            )
            .into(),
            device_statement(&identity).into(),
        ];
        let set_up_key = ed25519_dalek::SigningKey::from_bytes(&link.seed);
        self.store_request(identity, statements, Some(&set_up_key))
    }

    fn prepare_invitation(&mut self, link: &Link) -> Result<()> {
        let enrolment_key = ed25519_dalek::SigningKey::from_bytes(&link.seed);
        let public = enrolment_key.verifying_key().to_bytes();
        let ours = self.structure.id() == Some(link.structure)
            && self.structure.had_root(&link.root_fingerprint);
        if !ours {
            return Err(Error::Link("another structure answers".into()));
        }
        let invitation = self
            .structure
            .invitation(&public)
            .ok_or_else(|| Error::Link("the structure does not know this invitation".into()))?;
        let identity = self.new_identity(link.structure.0, invitation.professional.0)?;
        let enrolled = ProfessionalEnrolled {
            structure_id: link.structure.to_bytes(),
            enrolment_key: public.to_vec().into(),
            professional_id: identity.professional().to_bytes(),
            professional_key: identity
                .professional_key()
                .verifying_key()
                .to_bytes()
                .to_vec()
                .into(),
        };
        let statements = vec![
            sign_statement(
                StatementKind::ProfessionalEnrolled,
                &enrolled,
                &[&enrolment_key, &identity.professional_key()],
            )
            .into(),
            device_statement(&identity).into(),
        ];
        self.store_request(identity, statements, None)
    }

    fn new_identity(&self, structure: [u8; 16], professional: [u8; 16]) -> Result<Identity> {
        let (sealing_private, sealing_public) = self.new_sealing_key()?;
        Ok(Identity {
            structure,
            professional,
            device: self.random()?,
            professional_seed: self.random()?,
            device_seed: self.random()?,
            sealing_private,
            sealing_public,
        })
    }

    fn store_request(
        &mut self,
        identity: Identity,
        statements: Vec<prost::bytes::Bytes>,
        set_up_key: Option<&ed25519_dalek::SigningKey>,
    ) -> Result<()> {
        let mut hashes = Vec::new();
        for statement in &statements {
            hashes.extend_from_slice(&Sha256::digest(statement));
        }
        let request = EnrolRequest {
            statements,
            setup_signature: set_up_key
                .map(|key| label::sign(key, Label::Enrol, &hashes))
                .unwrap_or_default(),
        };
        self.enrolment.request = request.encode_to_vec();
        meta::put_json(&self.db, keys::IDENTITY, &identity)?;
        self.identity = Some(identity);
        self.save_enrolment()
    }

    /// An answer to a request of [`Engine::continue_enrolment`].
    pub(crate) fn enrolment_answered(
        &mut self,
        purpose: &Purpose,
        response: &HttpResponse,
    ) -> Result<()> {
        if self.enrolment.state != Enrolment::Joining {
            return Ok(());
        }
        if response.status != 200 {
            return self.enrolment_refused(response);
        }
        match purpose {
            Purpose::StructureLog => self.structure_log_page(&response.body),
            Purpose::StructureRecord => self.structure_record(&response.body),
            _ => self.enrolment_accepted(&response.body),
        }
    }

    fn structure_log_page(&mut self, body: &[u8]) -> Result<()> {
        let Ok(page) = StructureLogResponse::decode(body) else {
            return Ok(()); // Not our server (a captive portal): asked again later.
        };
        let more = page.more;
        let result = self.transaction(|engine| {
            for entry in &page.entries {
                engine.apply_structure_entry(entry)?;
            }
            if !more {
                let link = engine.link().ok_or(Error::Corrupt("link"))?;
                engine.prepare_invitation(&link)?;
            }
            Ok(())
        });
        match result {
            Ok(()) => {
                self.continue_enrolment();
                Ok(())
            }
            Err(Error::Link(_)) => self.end_enrolment(relais_wire::RefusalCode::InvitationInvalid),
            Err(error) => Err(error),
        }
    }

    fn enrolment_accepted(&mut self, body: &[u8]) -> Result<()> {
        if EnrolResponse::decode(body).is_err() {
            return Ok(());
        }
        self.transaction(|engine| {
            engine.enrolment.state = Enrolment::Enrolled;
            engine.enrolment.link = None;
            // The request is kept until the log shows it: see `enrolment_seen`.
            if let Some(card) = engine.enrolment.card.take() {
                engine.found_directory(&card)?;
            }
            engine.save_enrolment()?;
            engine.events.push_back(Event::Enrolled);
            Ok(())
        })
    }

    /// Forgets the request once the log that this device holds has its effect.
    pub(crate) fn enrolment_seen(&mut self) -> Result<()> {
        let own = self.identity()?.device();
        if self.enrolment.request.is_empty() || self.structure.device(&own).is_none() {
            return Ok(());
        }
        self.transaction(|engine| {
            engine.enrolment.request = Vec::new();
            engine.save_enrolment()
        })
    }

    fn enrolment_refused(&mut self, response: &HttpResponse) -> Result<()> {
        use relais_wire::RefusalCode as Code;
        let code = Refusal::decode(response.body.as_slice())
            .map(|r| r.code())
            .unwrap_or(Code::Unspecified);
        let final_answer = matches!(
            code,
            Code::Malformed
                | Code::BadSignature
                | Code::InvitationInvalid
                | Code::AlreadyExists
                | Code::Forbidden
                | Code::NotFound
                | Code::RuleBroken
        );
        if final_answer {
            self.end_enrolment(code)
        } else {
            Ok(()) // Asked again later.
        }
    }

    fn end_enrolment(&mut self, code: relais_wire::RefusalCode) -> Result<()> {
        self.transaction(|engine| {
            engine.enrolment.state = Enrolment::Refused(code.into());
            engine.enrolment.request = Vec::new();
            engine.save_enrolment()?;
            engine.events.push_back(Event::EnrolmentRefused(code));
            Ok(())
        })
    }
}

fn device_statement(identity: &Identity) -> Vec<u8> {
    let body = DeviceAdded {
        structure_id: identity.structure().to_bytes(),
        professional_id: identity.professional().to_bytes(),
        device_id: identity.device().to_bytes(),
        device_key: identity
            .device_key()
            .verifying_key()
            .to_bytes()
            .to_vec()
            .into(),
        sealing_key: identity.sealing_public.clone().into(),
    };
    sign_statement(
        StatementKind::DeviceAdded,
        &body,
        &[&identity.professional_key(), &identity.device_key()],
    )
}

/// This device's public identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoAmI {
    /// The practice.
    pub structure: relais_wire::ids::StructureId,
    /// The person.
    pub professional: ProfessionalId,
    /// This device.
    pub device: DeviceId,
    /// The person's card, once this device could open it.
    pub card: Option<content::Card>,
    /// Whether a coordinator has confirmed the enrolment.
    pub confirmed: bool,
    /// Whether the person is a coordinator of the structure.
    pub coordinator: bool,
    /// Address of the server.
    pub server_url: String,
}
