//! A device whose database was restored or copied comes back as another one
//! (architecture D10): it retires the id that froze and takes a new id and new
//! keys, which only the holder of the professional's key can say. The person asks
//! for it: of two living copies, the one that is retired wipes itself.

use prost::Message;
use prost::bytes::Bytes;
use relais_wire::RefusalCode as Code;
use relais_wire::structure::sign_statement;
use relais_wire::v1::{
    CardPublished, DeviceRevoked, DirectoryKeyReplaced, EnrolRequest, EnrolResponse, Statement,
    StatementKind,
};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::Identity;
use super::enrol::refusal_of;
use super::request::device_statement;
use crate::db::meta::{self, keys};
use crate::engine::http::{HttpRequest, HttpResponse, Method, Purpose};
use crate::engine::{Engine, Event, Trouble};
use crate::error::{Denial, Error, Result};
use crate::outbox::intent::{self, Wish};

/// Why a thread waits after its device came back.
const RETURNED: &str = "device returned";

/// The identity to come, and the request that makes it known, as sent.
#[derive(Serialize, Deserialize)]
struct Return {
    identity: Identity,
    #[serde(with = "hex::serde")]
    request: Vec<u8>,
}

impl Engine {
    /// Goes on with a frozen database: retires this device's id, which ends every
    /// other copy, and returns as a new device of the same person. What was read
    /// stays; what waits leaves once the threads are joined again.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] when the database is not frozen, or on a linked device:
    /// that one must be linked again.
    pub fn return_device(&mut self) -> Result<()> {
        if !self.is_frozen() {
            return Err(Error::NotAllowed(Denial::NeedsNoReturn));
        }
        if meta::get(&self.db, keys::RETURN)?.is_none() {
            let old = self.identity()?;
            let key = old.professional_key()?;
            let retired = DeviceRevoked {
                structure_id: old.structure().to_bytes(),
                device_id: old.device().to_bytes(),
                signer: old.professional().to_bytes(),
            };
            let retired = sign_statement(StatementKind::DeviceRevoked, &retired, &[&key]);
            let mut next = self.new_identity(old.structure, old.professional)?;
            next.professional_seed = old.professional_seed.clone();
            let request = EnrolRequest {
                statements: vec![retired.into(), device_statement(&next)?.into()],
                setup_signature: Bytes::new(),
            };
            let stored = Return {
                identity: next,
                request: request.encode_to_vec(),
            };
            self.transaction(|engine| meta::put_json(&engine.db, keys::RETURN, &stored))?;
        }
        self.http.retry_enrolment_ms = None;
        self.continue_return()
    }

    /// Repeats the same request until the server answers.
    pub(crate) fn continue_return(&mut self) -> Result<()> {
        let later = self.http.retry_enrolment_ms;
        if !self.is_frozen() || self.http.is_returning() || later.is_some_and(|at| at > self.now_ms)
        {
            return Ok(());
        }
        self.http.retry_enrolment_ms = None;
        let stored: Option<Return> = meta::get_json(&self.db, keys::RETURN)?;
        if let Some(stored) = stored {
            let request = HttpRequest::new(Method::Post, "/v1/enrol".to_owned());
            self.http
                .queue(Purpose::Return, request.with_body(stored.request));
        }
        Ok(())
    }

    /// The server's answer. A final refusal means that the id was retired before, or
    /// the person's key replaced: the device stays frozen.
    pub(crate) fn return_answered(&mut self, response: Option<&HttpResponse>) -> Result<()> {
        let accepted =
            |r: &HttpResponse| r.status == 200 && EnrolResponse::decode(r.body.as_slice()).is_ok();
        if response.is_some_and(accepted) {
            self.http.failures = 0;
            return self.returned();
        }
        let code = response.map_or(Code::Unspecified, refusal_of);
        let refused = [
            Code::AlreadyExists,
            Code::BadSignature,
            Code::Forbidden,
            Code::Malformed,
            Code::NotFound,
            Code::RuleBroken,
        ];
        if refused.contains(&code) {
            self.transaction(|engine| engine.forget(&[keys::RETURN]))?;
            self.events.push_back(Event::EnrolmentRefused(code));
            return Ok(());
        }
        self.http.failures += 1;
        let delay = 500 * u64::from(2u32.pow(self.http.failures.min(6)));
        self.http.retry_enrolment_ms = Some(self.now_ms.saturating_add(delay));
        Ok(())
    }

    fn returned(&mut self) -> Result<()> {
        let stored: Option<Return> = meta::get_json(&self.db, keys::RETURN)?;
        let Some(Return { identity, .. }) = stored else {
            return Ok(());
        };
        self.transaction(|engine| {
            meta::put_json(&engine.db, keys::IDENTITY, &identity)?;
            engine.identity = Some(identity);
            engine.forget(&[keys::RETURN, keys::FROZEN])?;
            engine.go_on_as_another()
        })?;
        self.trouble.retain(|trouble| *trouble != Trouble::Frozen);
        self.disconnected();
        self.events.push_back(Event::Returned);
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }

    /// This device has another id and other keys than it had: its groups are joined
    /// anew, and what waits is said again as the new device.
    pub(super) fn go_on_as_another(&mut self) -> Result<()> {
        // Counters, lease and inbox were the retired device's.
        self.forget(&[
            keys::SEND_COUNTER,
            keys::LEASE,
            keys::PREVIOUS_LEASE,
            keys::LEASE_PENDING,
            keys::RECEIPT,
            keys::INBOX_SEQ,
        ])?;
        self.forget_key_packages()?;
        self.leave_groups()?;
        self.want_again()?;
        self.groups.clear();
        Ok(())
    }

    fn forget(&self, settings: &[&str]) -> Result<()> {
        for key in settings {
            self.db
                .prepare_cached("DELETE FROM meta WHERE key = ?1")?
                .execute([key])?;
        }
        Ok(())
    }

    /// The groups know the retired device alone; the new one joins them anew. A
    /// thread that the server may never have heard of cannot be joined.
    fn leave_groups(&mut self) -> Result<()> {
        let unregistered: Vec<[u8; 16]> = self
            .db
            .prepare_cached("SELECT channel FROM channels WHERE state = 'creating'")?
            .query_map([], |row| row.get(0))?
            .collect::<std::result::Result<_, _>>()?;
        for channel in unregistered {
            self.stop_channel(
                relais_wire::ids::ChannelId(channel),
                "this device was restored before the thread was registered",
            )?;
        }
        self.db
            .prepare_cached(
                "UPDATE channels SET state = 'rejoin', reason = ?1, event_counter = 0
                 WHERE state = 'joined'",
            )?
            .execute([RETURNED])?;
        Ok(())
    }

    /// What was not settled. Nobody here can know whether the log holds it: an event
    /// keeps its id, so that whoever has it already shows it once; a change of
    /// members could undo a later one, so the person decides.
    fn want_again(&mut self) -> Result<()> {
        self.db.execute("DELETE FROM sends", [])?;
        self.link.in_flight = 0;
        let open: Vec<i64> = self
            .db
            .prepare_cached(
                "SELECT id FROM intents WHERE state IN ('waiting', 'sent') ORDER BY id",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<std::result::Result<_, _>>()?;
        for id in open {
            let Some(intent) = intent::load(&self.db, id)? else {
                continue;
            };
            match (intent.wish, intent.channel) {
                (Wish::Event { signed, .. }, Some(channel)) => {
                    if crate::content::is_void(&signed) {
                        self.settle(id)?; // Its counter was the retired device's.
                        continue;
                    }
                    let signed = self.sign_anew(channel, &signed)?;
                    self.want_instead(id, &signed)?;
                }
                (Wish::Statements(statements), _) => {
                    let own = statements.into_iter().filter_map(|s| self.say_anew(s));
                    let own: Vec<Bytes> = own.collect();
                    match own.is_empty() {
                        true => self.settle(id)?,
                        false => self.want_instead(id, &Wish::Statements(own).encode()?)?,
                    }
                }
                (Wish::Members(_), _) => self.fail(
                    id,
                    "this device was restored: change it again if it is still needed",
                )?,
                // Of the retired device, or looked at again from what the log says.
                _ => self.settle(id)?,
            }
        }
        Ok(())
    }

    fn want_instead(&self, intent: i64, payload: &[u8]) -> Result<()> {
        self.db
            .prepare_cached(
                "UPDATE intents SET payload = ?2, state = 'waiting', attempts = 0 WHERE id = ?1",
            )?
            .execute(params![intent, payload])?;
        Ok(())
    }

    /// A statement that waits, as the new device says it; none about the old one's
    /// own keys.
    fn say_anew(&self, statement: Bytes) -> Option<Bytes> {
        let identity = self.identity().ok()?;
        let said = Statement::decode(statement.clone()).ok()?;
        let (kind, key, device_id) = (
            said.kind(),
            identity.device_key(),
            identity.device().to_bytes(),
        );
        let anew = match kind {
            StatementKind::SealingKeyReplaced => return None,
            StatementKind::CardPublished => {
                let body = CardPublished::decode(said.body).ok()?;
                sign_statement(kind, &CardPublished { device_id, ..body }, &[&key])
            }
            StatementKind::DirectoryKeyReplaced => {
                let body = DirectoryKeyReplaced::decode(said.body).ok()?;
                sign_statement(kind, &DirectoryKeyReplaced { device_id, ..body }, &[&key])
            }
            _ => return Some(statement),
        };
        Some(anew.into())
    }
}

#[cfg(test)]
mod tests {
    use relais_wire::v1::{DeviceInvited, SealingKeyReplaced};
    use rusqlite::Connection;

    use super::*;
    use crate::identity::Enrolment;

    const RETIRED: &[u8] = &[9; 16];

    #[test]
    fn what_waits_is_said_as_the_new_device_and_nothing_of_the_old_ones_keys() {
        let db = Connection::open_in_memory().expect("database");
        let mut engine = Engine::open(db, 1).expect("engine");
        let identity = engine.new_identity([1; 16], [2; 16]).expect("identity");
        let (key, device) = (identity.device_key(), identity.device());
        engine.identity = Some(identity);
        engine.enrolment.state = Enrolment::Enrolled;
        let old = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
        let signed_anew = |statement: Option<Bytes>| {
            let said = Statement::decode(statement.expect("said")).expect("statement");
            let body = said.body.clone();
            let again = Statement::decode(
                match said.kind() {
                    StatementKind::CardPublished => {
                        let body = CardPublished::decode(body).expect("card");
                        assert_eq!(body.device_id, device.to_bytes());
                        assert_eq!(body.directory_version, 4, "the rest is the same");
                        sign_statement(said.kind(), &body, &[&key])
                    }
                    _ => {
                        let body = DirectoryKeyReplaced::decode(body).expect("key");
                        assert_eq!(body.device_id, device.to_bytes());
                        assert_eq!(body.version, 5, "the rest is the same");
                        sign_statement(said.kind(), &body, &[&key])
                    }
                }
                .as_slice(),
            );
            assert_eq!(said, again.expect("statement"));
        };
        let card = CardPublished {
            device_id: RETIRED.into(),
            directory_version: 4,
            ..CardPublished::default()
        };
        let card = sign_statement(StatementKind::CardPublished, &card, &[&old]);
        signed_anew(engine.say_anew(card.into()));
        let directory = DirectoryKeyReplaced {
            device_id: RETIRED.into(),
            version: 5,
            ..DirectoryKeyReplaced::default()
        };
        let directory = sign_statement(StatementKind::DirectoryKeyReplaced, &directory, &[&old]);
        signed_anew(engine.say_anew(directory.into()));
        let sealing = SealingKeyReplaced::default();
        let sealing = sign_statement(StatementKind::SealingKeyReplaced, &sealing, &[&old]);
        assert_eq!(engine.say_anew(sealing.into()), None);
        let others = DeviceInvited::default();
        let others: Bytes = sign_statement(StatementKind::DeviceInvited, &others, &[&old]).into();
        assert_eq!(engine.say_anew(others.clone()), Some(others));
    }
}
