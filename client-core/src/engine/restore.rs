//! A server that was restored from an older backup: noticed from this device's own
//! logs, and given back what it lost (architecture D6). Until it knows all that this
//! device knows of the structure, nothing is sent: a revocation that the server
//! forgot still holds here.

use prost::Message;
use relais_wire::v1::{RestoreStructureRequest, RestoreStructureResponse, StructureEntry};

use super::http::{GiveBack, HttpRequest, HttpResponse, Method, Purpose};
use super::{Engine, Event, Phase, Trouble};
use crate::db::meta::{self, keys};
use crate::error::Result;
use crate::identity::{Enrolment, log};
use crate::outbox::intent::Wish;

impl Engine {
    /// The server counts how often it was restored. After each time its inbox may
    /// begin again at lower numbers, its key packages of this device may be ones that
    /// were used, and it may have lost blobs.
    pub(super) fn server_restores(&mut self, restores: u64) -> Result<()> {
        let known = meta::get(&self.db, keys::RESTORES)?;
        meta::put_u64(&self.db, keys::RESTORES, restores)?;
        if known.is_none_or(|known| known == restores.to_be_bytes()) {
            return Ok(());
        }
        meta::put_u64(&self.db, keys::INBOX_SEQ, 0)?;
        self.recall_returns()?;
        self.want(None, Wish::KeyPackages)?;
        self.offer_blobs_again()?;
        self.events.push_back(Event::ServerRestored);
        Ok(())
    }

    /// Gives the server structure entries that it has forgotten; none asks how far
    /// it knows the log.
    pub(super) fn restore_structure(&mut self, entries: Vec<StructureEntry>, so_far: GiveBack) {
        if self.http.is_restoring() {
            return;
        }
        let known = self.structure.landmarks();
        let body = RestoreStructureRequest { entries, known }.encode_to_vec();
        let request = HttpRequest::new(Method::Post, "/v1/structure/restore".to_owned());
        self.http
            .queue(Purpose::RestoreStructure(so_far), request.with_body(body));
    }

    /// The server's head, and how far its log is this one; what it lacks follows, once
    /// from each place. A refusal or a lost answer is tried again at the next connection,
    /// which finds the same.
    pub(super) fn structure_restored(
        &mut self,
        so_far: GiveBack,
        response: Option<HttpResponse>,
    ) -> Result<()> {
        let restored = response
            .filter(|response| response.status == 200)
            .and_then(|response| RestoreStructureResponse::decode(response.body.as_slice()).ok());
        let Some((head, common)) = restored.and_then(|r| Some((r.structure_head?, r.common_seq)))
        else {
            return Ok(());
        };
        let own = self.structure.head().seq;
        let shorter = self.structure.has(&head) && head.seq < own;
        let common = if shorter { head.seq } else { common.min(own) };
        let agrees = self.structure.has(&head) || common == own;
        if !agrees || shorter {
            let lost = self.sealed_after(common)?;
            let given = so_far.given.filter(|(after, _)| *after == common);
            if given.is_none() && !lost.is_empty() {
                let given = Some((common, head.seq));
                self.restore_structure(lost, GiveBack { given, ..so_far });
                return Ok(());
            }
            if shorter {
                self.trouble(Trouble::StructureWithheld);
                return Ok(());
            }
            if self.link.phase == Phase::Ready {
                return self.read_beside(common);
            }
            if so_far.unknown && given.is_some_and(|(_, before)| before == head.seq) {
                return self.enrolment_is_lost();
            }
        }
        // Begins again, with what the server knows now.
        self.link.closed_by_server = Some(relais_wire::RefusalCode::Unavailable);
        self.enrol_again()
    }

    /// The enrolment itself may be what the server has lost, before anybody else saw
    /// it in the log: the same request again.
    fn enrol_again(&mut self) -> Result<()> {
        let own = self.identity()?.device();
        if self.structure.device(&own).is_some() || self.enrolment.request.is_empty() {
            return Ok(());
        }
        self.transaction(|engine| {
            engine.enrolment.state = Enrolment::Joining;
            engine.save_enrolment()
        })?;
        self.continue_enrolment();
        Ok(())
    }

    /// Entries after `seq` up to the last one that the server sealed.
    fn sealed_after(&self, seq: u64) -> Result<Vec<StructureEntry>> {
        let mut entries = log::entries(&self.db, seq, u64::MAX)?;
        let mut bytes = 0;
        let fits = entries.iter().take_while(|entry| {
            bytes += entry.encoded_len() + 16;
            bytes <= relais_wire::limits::RESTORE_BYTES
        });
        let fits = fits.count();
        entries.truncate(fits);
        let sealed = entries.iter().rposition(|entry| !entry.seal.is_empty());
        entries.truncate(sealed.map_or(0, |last| last + 1));
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use relais_wire::mls::SUITE_XWING;
    use relais_wire::structure::Structure;
    use relais_wire::v1::LogHead;
    use rusqlite::{Connection, params};

    use super::*;
    use crate::testing::{BEGUN, founder};

    #[test]
    fn what_is_given_back_fits_into_a_request_and_ends_with_a_seal() {
        let db = Connection::open_in_memory().expect("database");
        let engine = Engine::open(db, 1).expect("engine");
        let rows = 38_000u64;
        engine.db.execute_batch("BEGIN").expect("begun");
        for seq in 1..=rows {
            // Only every tenth came with the server's seal.
            let seal: &[u8] = if seq % 10 == 0 { &[1] } else { &[] };
            engine
                .db
                .prepare_cached("INSERT INTO structure_log VALUES (?1, 1750000000000, ?2, x'', ?3)")
                .expect("statement")
                .execute(params![seq, [7u8; 100], seal])
                .expect("entry");
        }
        engine.db.execute_batch("COMMIT").expect("committed");
        let entries = engine.sealed_after(5).expect("entries");
        let last = entries.last().expect("some");
        assert_eq!(entries.first().map(|first| first.seq), Some(6));
        assert!(!last.seal.is_empty() && last.seq < rows);
        let request = RestoreStructureRequest {
            entries,
            known: Vec::new(),
        };
        let bytes = request.encoded_len();
        let limit = relais_wire::limits::RESTORE_BYTES;
        assert!(bytes <= limit, "{bytes}");
        assert!(
            bytes > limit / 10 * 8,
            "{bytes}: no more requests than needed"
        );
        assert!(engine.sealed_after(rows - 10).expect("ten").len() == 10);
        assert!(engine.sealed_after(rows).expect("none").is_empty());
    }

    #[test]
    fn an_enrolment_is_asked_for_again_where_the_log_that_is_left_does_not_know_it() {
        for (known, asked, becomes) in [
            (true, true, Enrolment::Enrolled),
            (true, false, Enrolment::Enrolled),
            (false, false, Enrolment::Enrolled),
            (false, true, Enrolment::Joining),
        ] {
            let mut engine = founder(SUITE_XWING, BEGUN);
            engine.enrolment.server_url = "http://relais.invalid".to_owned();
            if !asked {
                engine.enrolment.request.clear();
            }
            if !known {
                engine.structure = Structure::new();
            }
            engine.enrol_again().expect("looked");
            assert_eq!(*engine.enrolment(), becomes, "{known} {asked}");
        }
    }

    #[test]
    fn a_server_that_knows_more_of_the_structure_is_read_from_the_start() {
        let mut engine = founder(SUITE_XWING, BEGUN);
        engine.link.phase = Phase::Ready;
        let own = engine.structure.head().seq;
        let ahead = RestoreStructureResponse {
            structure_head: Some(LogHead {
                seq: own + 1,
                hash: vec![9; 32].into(),
            }),
            common_seq: own,
        };
        let response = HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: ahead.encode_to_vec(),
        };
        let so_far = GiveBack::default();
        engine
            .structure_restored(so_far, Some(response))
            .expect("told");
        let later = Some(relais_wire::RefusalCode::Unavailable);
        assert_eq!(engine.closed_by_server(), later);
        assert!(engine.link.beside.is_none(), "the two logs are one");
    }
}
