//! A revoked device wipes itself at its next contact (requirement I3), but not on
//! the server's bare word: the structure log must show the revocation, by the same
//! rules as everything else in it.

use prost::Message;
use relais_wire::RefusalCode;
use relais_wire::label::{self, Label};
use relais_wire::structure::Structure;
use relais_wire::v1::{StructureLogRequest, StructureLogResponse};

use super::enrol::Stored;
use crate::db::meta::{self, keys};
use crate::engine::http::{HttpRequest, HttpResponse, Method, Purpose};
use crate::engine::{Engine, Event, Phase, Trouble};
use crate::error::Result;

impl Engine {
    /// Asks for the log as this device, which the server allows even when it is revoked.
    /// All of it: this device's own may have parted from it since a restore.
    pub(crate) fn ask_for_revocation(&mut self) -> Result<()> {
        self.http.proof = Structure::new();
        self.ask_for_proof()
    }

    fn ask_for_proof(&mut self) -> Result<()> {
        let identity = self.identity()?;
        let after_seq = self.http.proof.head().seq;
        let signed = after_seq.to_be_bytes();
        let body = StructureLogRequest {
            enrolment_key: Default::default(),
            after_seq,
            signature: label::sign(&identity.device_key(), Label::StructureLogRequest, &signed),
            device_id: identity.device().to_bytes(),
        };
        let request = HttpRequest::new(Method::Post, "/v1/structure/log".to_owned());
        let request = request.with_body(body.encode_to_vec());
        self.http.queue(Purpose::RevocationLog, request);
        Ok(())
    }

    /// The log's answer. Without one, or with one that does not decode or is no log, the
    /// next connection asks again.
    pub(crate) fn revocation_log(&mut self, response: &HttpResponse) -> Result<()> {
        let page = StructureLogResponse::decode(response.body.as_slice());
        let Some(page) = page
            .ok()
            .filter(|_| response.status == 200 && self.is_served_or_lapsed())
        else {
            return Ok(());
        };
        for entry in &page.entries {
            if self.http.proof.apply(entry).is_err() {
                return Ok(());
            }
        }
        if page.more && !page.entries.is_empty() {
            return self.ask_for_proof();
        }
        let proof = std::mem::take(&mut self.http.proof);
        if self.revokes_us(&proof) {
            return self.wipe();
        }
        match self.is_enrolled() {
            true => self.look_for_lapse(&proof),
            false => self.look_for_standing(&proof),
        }
    }

    /// Whether a log of this structure revokes this device. Each of its statements is
    /// signed by somebody who might say so.
    fn revokes_us(&self, log: &Structure) -> bool {
        let own = self.identity.as_ref().map(|identity| identity.device());
        let revoked = own.and_then(|own| log.device(&own)?.revoked_seq);
        self.is_same_structure(log) && revoked.is_some()
    }

    /// Whether a log begins as the one that this device holds does.
    pub(super) fn is_same_structure(&self, log: &Structure) -> bool {
        let founded = |log: &Structure| (log.id(), log.roots().first().copied());
        founded(log) == founded(&self.structure)
    }

    /// Whether the verified log says that this device is revoked.
    pub(crate) fn is_revoked(&self) -> bool {
        self.is_enrolled() && self.revokes_us(&self.structure)
    }

    /// Forgets everything: keys, threads, names. What is left is a device that can
    /// join with a new link.
    ///
    /// # Errors
    /// Of the database: nothing or everything was forgotten, and the caller tries
    /// again.
    pub(crate) fn wipe(&mut self) -> Result<()> {
        // What is deleted is overwritten, in the pages and then in the file: unlike
        // a file that is removed and made anew, there is no moment without one, and
        // the connection that the driver opened stays the only one.
        self.db.execute_batch("PRAGMA secure_delete = ON")?;
        self.transaction(|engine| {
            let tables: Vec<String> = engine
                .db
                .prepare(
                    "SELECT name FROM pragma_table_list WHERE schema = 'main'
                     AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                )?
                .query_map([], |row| row.get(0))?
                .collect::<std::result::Result<_, _>>()?;
            for table in tables {
                let forget = format!("DELETE FROM \"{table}\"");
                engine.db.execute_batch(&forget)?;
            }
            // What the index of words keeps in tables of its own.
            let forget = "INSERT INTO search (search) VALUES ('delete-all')";
            engine.db.execute_batch(forget)?;
            meta::put_u64(&engine.db, keys::WIPED, engine.now_ms)
        })?;
        self.identity = None;
        self.enrolment = Stored::default();
        self.structure = Structure::new();
        self.groups.clear();
        self.trouble.clear();
        self.http = Default::default();
        self.hold_until_ms = 0;
        let connected = self.link.phase != Phase::Offline;
        self.disconnected();
        // The driver closes the socket, if there is one.
        self.link.closed_by_server = connected.then_some(RefusalCode::DeviceRevoked);
        self.events.push_back(Event::Wiped);
        self.trouble(Trouble::Wiped);
        // A full disk cannot bring anything back: the pages are overwritten already.
        let _ = self.db.execute_batch("VACUUM");
        let _ = self
            .db
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        Ok(())
    }
}
