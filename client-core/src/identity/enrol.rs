//! From a link to an enrolled device (architecture D7). Set-up makes the root
//! key and the first coordinator; an invitation makes a professional under the
//! id that the coordinator chose. Every step repeats identical bytes until the
//! server answers, so a lost answer burns nothing.

use prost::Message;
use relais_content::v1 as content;
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::label::{self, Label};
use relais_wire::link::{Link, LinkKind};
use relais_wire::structure::Structure;
use relais_wire::v1::{
    EnrolResponse, Refusal, StructureLogRequest, StructureLogResponse, StructureRecord,
};
use serde::{Deserialize, Serialize};

use super::cards::OwnCard;
use super::link::Scan;
use super::request::public_bytes;
use crate::db::meta::{self, keys};
use crate::engine::http::{HttpRequest, HttpResponse, Method, Purpose};
use crate::engine::{Engine, Event, Trouble};
use crate::error::{Error, Result};

/// How far the enrolment is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Enrolment {
    /// No link was given yet.
    #[default]
    None,
    /// The device waits for the server; everything is durable here.
    Joining,
    /// The device was scanned: the person compares a code
    /// ([`Engine::confirm_link`]).
    Comparing,
    /// The structure log holds this device.
    Enrolled,
    /// The server refused for good; the reason is a `RefusalCode` number.
    Refused(i32),
    /// No coordinator confirmed it in time (`limits::UNCONFIRMED_MS`), or the server lost
    /// it with a backup and cannot take it again. With a new invitation ([`Engine::join`]) the same person goes on: what is here stays.
    Lapsed,
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
    /// A device that asked to be linked by being scanned.
    pub scan: Option<Scan>,
    /// An earlier enrolment of this device lapsed.
    #[serde(default)]
    pub lapsed: bool,
}

impl Engine {
    /// Begins to join with a set-up, invitation or device link; the driver then
    /// carries out the requests. `card` is for set-up alone. Another link or
    /// [`Engine::join_by_scan`] takes its place for as long as the server has not
    /// answered.
    ///
    /// # Errors
    /// [`Error::AlreadyEnrolled`], [`Error::Link`], [`Error::Invalid`] for the card.
    pub fn join(&mut self, link: &str, card: Option<OwnCard>) -> Result<()> {
        self.require_not_joined()?;
        let parsed: Link = link
            .trim()
            .parse()
            .map_err(|e: relais_wire::link::LinkError| Error::Link(e.to_string()))?;
        if let Some(card) = &card {
            card.check()?;
        }
        if self.enrolment.state == Enrolment::Lapsed && parsed.kind == LinkKind::SetUp {
            return Err(Error::AlreadyEnrolled);
        }
        match (parsed.kind, &card) {
            (LinkKind::SetUp, None) => {
                return Err(Error::invalid(
                    "card",
                    "set-up needs the coordinator's card",
                ));
            }
            (LinkKind::Invitation | LinkKind::Device, Some(_)) => {
                return Err(Error::invalid("card", "the link names the person already"));
            }
            _ => {}
        }
        let stored = Stored {
            state: Enrolment::Joining,
            server_url: parsed.server_url.clone(),
            link: Some(link.trim().to_owned()),
            card,
            ..Stored::default()
        };
        self.begin_enrolment(stored)
    }

    /// Nothing was asked for, it was refused, or nothing was signed for it yet: a link to
    /// a server that never answers, or a code that nobody scans, can be given up.
    pub(super) fn require_not_joined(&self) -> Result<()> {
        match self.enrolment.state {
            Enrolment::None | Enrolment::Refused(_) | Enrolment::Lapsed => Ok(()),
            Enrolment::Joining | Enrolment::Comparing if self.enrolment.request.is_empty() => {
                Ok(())
            }
            _ => Err(Error::AlreadyEnrolled),
        }
    }

    pub(super) fn begin_enrolment(&mut self, stored: Stored) -> Result<()> {
        self.transaction(|engine| {
            if engine.enrolment.state == Enrolment::Lapsed {
                engine.keep_what_lapsed()?;
            }
            engine.structure = Structure::new();
            engine.db.execute("DELETE FROM structure_log", [])?;
            engine
                .db
                .execute("DELETE FROM meta WHERE key = ?1", [keys::WIPED])?;
            engine.enrolment = Stored {
                lapsed: engine.enrolment.lapsed,
                ..stored
            };
            engine.save_enrolment()
        })?;
        self.http.forget_enrolment();
        let over = [Trouble::Wiped, Trouble::Lapsed];
        self.trouble.retain(|trouble| !over.contains(trouble));
        self.continue_enrolment();
        Ok(())
    }

    pub(crate) fn save_enrolment(&self) -> Result<()> {
        meta::put_json(&self.db, keys::ENROLMENT, &self.enrolment)
    }

    fn link(&self) -> Option<Link> {
        self.enrolment.link.as_deref()?.parse().ok()
    }

    /// The key that the link or the scan holds.
    fn enrolment_key(&self) -> Option<ed25519_dalek::SigningKey> {
        let seed = match &self.enrolment.scan {
            Some(scan) => scan.seed,
            None => self.link()?.seed,
        };
        Some(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// Queues the request that the enrolment waits for; called again after each
    /// failure of the network.
    pub(crate) fn continue_enrolment(&mut self) {
        if self.enrolment.state != Enrolment::Joining {
            return;
        }
        let request = if !self.enrolment.request.is_empty() {
            (Purpose::Enrol, "/v1/enrol", self.enrolment.request.clone())
        } else if let Some(key) = self.enrolment_key() {
            if self.link().is_some_and(|link| link.kind == LinkKind::SetUp) {
                let request = HttpRequest::new(Method::Get, "/v1/structure".to_owned());
                return self.http.queue(Purpose::StructureRecord, request);
            }
            let after_seq = self.structure.head().seq;
            let body = StructureLogRequest {
                enrolment_key: public_bytes(&key),
                after_seq,
                signature: label::sign(&key, Label::StructureLogRequest, &after_seq.to_be_bytes()),
                device_id: Default::default(),
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
            if more {
                return Ok(());
            }
            if engine.enrolment.scan.is_some() {
                return engine.ask_to_compare();
            }
            let link = engine.link().ok_or(Error::Corrupt("link"))?;
            match link.kind {
                LinkKind::Device => engine.prepare_device(&link),
                _ => engine.prepare_invitation(&link),
            }
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
            engine.enrolment.scan = None;
            if std::mem::take(&mut engine.enrolment.lapsed) {
                engine.forget_what_lapsed()?;
                engine.go_on_as_another()?;
            }
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
        let code = refusal_of(response);
        if code == Code::InvitationInvalid && self.is_awaiting_scan() {
            return Ok(()); // The other device has not said yes yet: asked again.
        }
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

    pub(super) fn end_enrolment(&mut self, code: relais_wire::RefusalCode) -> Result<()> {
        self.transaction(|engine| {
            engine.events.push_back(Event::EnrolmentRefused(code));
            if engine.enrolment.lapsed {
                return engine.take_up_what_lapsed();
            }
            engine.enrolment.state = Enrolment::Refused(code.into());
            engine.enrolment.request = Vec::new();
            engine.enrolment.scan = None;
            engine.save_enrolment()
        })?;
        if self.enrolment.lapsed {
            self.trouble(Trouble::Lapsed);
            self.ask_again_if_lapsed();
        }
        Ok(())
    }
}

/// What a refused request said.
pub(super) fn refusal_of(response: &HttpResponse) -> relais_wire::RefusalCode {
    let refusal = Refusal::decode(response.body.as_slice());
    refusal.map(|r| r.code()).unwrap_or_default()
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
