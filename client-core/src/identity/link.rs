//! Being linked by being scanned: this device shows a request, one that the person
//! uses already accepts it, and the person compares a code, because a scanned
//! device has no fingerprint of the root to know its structure by.

use ed25519_dalek::SigningKey;
use relais_wire::limits;
use relais_wire::link::{LinkRequest, comparison_code};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::enrol::{Enrolment, Stored};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};

/// A mistyped code is told; a guessed one is not.
const TRIES: u32 = 3;

/// What the new device keeps while it is being linked.
#[derive(Clone, Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Scan {
    #[serde(with = "hex::serde")]
    pub seed: [u8; 32],
    #[serde(with = "hex::serde")]
    secret: [u8; 16],
    /// Shown since then, by this device's clock.
    shown_ms: u64,
    wrong: u32,
}

impl Scan {
    fn request(&self) -> LinkRequest {
        let key = SigningKey::from_bytes(&self.seed).verifying_key();
        LinkRequest {
            enrolment_key: key.to_bytes(),
            secret: self.secret,
        }
    }
}

impl Engine {
    /// Asks to be linked: what this returns is shown as QR or text to a device that
    /// holds the person's key ([`Engine::accept_device`]). From then on this device
    /// asks the server whether it was accepted, for 15 minutes.
    ///
    /// # Errors
    /// [`Error::AlreadyEnrolled`], [`Error::Invalid`] for the address.
    pub fn join_by_scan(&mut self, server_url: &str) -> Result<String> {
        self.require_not_joined()?;
        let server_url = server_url.trim().trim_end_matches('/');
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"#?@\\".contains(c);
        let host = server_url
            .strip_prefix("https://")
            .or_else(|| server_url.strip_prefix("http://"))
            .unwrap_or_default();
        if host.is_empty() || host.starts_with('/') || !host.chars().all(plain) {
            return Err(Error::invalid("server", "is not the address of a server"));
        }
        let scan = Scan {
            seed: self.random()?,
            secret: self.random()?,
            shown_ms: self.now_ms,
            wrong: 0,
        };
        let request = scan.request().to_string();
        self.begin_enrolment(Stored {
            state: Enrolment::Joining,
            server_url: server_url.to_owned(),
            scan: Some(scan),
            ..Stored::default()
        })?;
        Ok(request)
    }

    /// The request that is being shown, while it waits to be scanned.
    pub fn link_request(&self) -> Option<String> {
        let scan = self.enrolment.scan.as_ref();
        scan.map(|scan| scan.request().to_string())
    }

    /// Whether the other device has still to accept; ends the waiting at its time.
    pub(super) fn is_awaiting_scan(&self) -> bool {
        // A clock that was ahead does not make it wait until then.
        let waits =
            |scan: &Scan| self.now_ms.abs_diff(scan.shown_ms) < limits::DEVICE_INVITATION_MS;
        self.enrolment.scan.as_ref().is_some_and(waits) && self.enrolment.request.is_empty()
    }

    /// The whole log is here: it must hold the acceptance.
    pub(super) fn ask_to_compare(&mut self) -> Result<()> {
        let scan = self.enrolment.scan.as_ref();
        let key = scan.ok_or(Error::Corrupt("link"))?.request().enrolment_key;
        if self.structure.device_invitation(&key).is_none() {
            return Err(Error::Link(
                "the structure does not know this device".into(),
            ));
        }
        self.enrolment.state = Enrolment::Comparing;
        self.save_enrolment()?;
        self.events.push_back(Event::CompareCode);
        Ok(())
    }

    /// Goes on with being linked after the person typed the code that the other
    /// device shows: this device then knows the structure's root.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`] when no code is asked for, [`Error::Invalid`] for
    /// another code; the third one ends the attempt
    /// ([`Error::EnrolmentRefused`]).
    pub fn confirm_link(&mut self, code: &str) -> Result<()> {
        let (Enrolment::Comparing, Some(scan)) = (&self.enrolment.state, &self.enrolment.scan)
        else {
            return Err(Error::NotEnrolled);
        };
        let structure = self.structure.id().ok_or(Error::Corrupt("structure"))?;
        let digits = |text: &str| {
            text.chars()
                .filter(char::is_ascii_digit)
                .collect::<String>()
        };
        let right = comparison_code(&scan.request(), structure, self.structure.root_key());
        let key = SigningKey::from_bytes(&scan.seed);
        if digits(code) == digits(&right) {
            self.transaction(|engine| {
                engine.enrolment.state = Enrolment::Joining;
                engine.prepare_linking(&key)
            })?;
            self.continue_enrolment();
            return Ok(());
        }
        let wrong = scan.wrong + 1;
        if wrong >= TRIES {
            let code = relais_wire::RefusalCode::InvitationInvalid;
            self.end_enrolment(code)?;
            return Err(Error::EnrolmentRefused(code));
        }
        self.transaction(|engine| {
            if let Some(scan) = &mut engine.enrolment.scan {
                scan.wrong = wrong;
            }
            engine.save_enrolment()
        })?;
        Err(Error::invalid(
            "code",
            "is not the one that belongs to what the server shows this device",
        ))
    }
}
