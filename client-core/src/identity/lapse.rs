//! An enrolment that counts no more: nobody confirmed it in time (requirement I2), or the
//! server lost it with a backup and cannot take it again (ADR 10). Its device connects no
//! more, and looks by the hour whether its person was sent away or it counts again. A new
//! link goes on with what is here; one that is refused changes nothing.

use relais_wire::structure::Structure;
use serde::{Deserialize, Serialize};

use super::enrol::{Enrolment, Stored};
use super::{Identity, log};
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Event, Trouble};
use crate::error::{Error, Result};

/// A device whose enrolment lapsed looks so often whether it was revoked.
const LAPSED_MS: u64 = 3_600_000;

/// What it was before it tried another link; its structure log is in `lapsed_log`.
#[derive(Serialize, Deserialize)]
struct Before {
    enrolment: Stored,
    identity: Option<Identity>,
}

impl Engine {
    /// The server does not serve this device, and its log shows no revocation: whether
    /// it is the enrolment that lapsed, by that log and by what is known here of the time.
    pub(super) fn look_for_lapse(&mut self, log: &Structure) -> Result<()> {
        let own = self.identity()?.device();
        let time_ms = self.now_ms.max(log.time_ms());
        let known = log.device(&own);
        if known.is_none_or(|device| device.revoked_seq.is_some())
            || log.valid_device(&own, log.head().seq, time_ms).is_some()
        {
            return Ok(());
        }
        self.lapse()
    }

    /// The server does not know this device, and took nothing of what makes it known.
    pub(crate) fn enrolment_is_lost(&mut self) -> Result<()> {
        self.lapse()?;
        self.ask_again_if_lapsed();
        Ok(())
    }

    fn lapse(&mut self) -> Result<()> {
        self.transaction(|engine| {
            engine.enrolment.state = Enrolment::Lapsed;
            engine.enrolment.lapsed = true;
            engine.save_enrolment()
        })?;
        let explained = [Trouble::Revoked, Trouble::StructureWithheld];
        self.trouble.retain(|trouble| !explained.contains(trouble));
        self.trouble(Trouble::Lapsed);
        Ok(())
    }

    /// The server's log, read by a device whose enrolment lapsed: one that stands in it has
    /// been taken again.
    pub(super) fn look_for_standing(&mut self, log: &Structure) -> Result<()> {
        let own = self.identity()?.device();
        let time_ms = self.now_ms.max(log.time_ms());
        let stands = log.valid_device(&own, log.head().seq, time_ms).is_some();
        if !stands || !self.is_same_structure(log) {
            return Ok(());
        }
        self.transaction(|engine| {
            engine.enrolment.state = Enrolment::Enrolled;
            engine.enrolment.lapsed = false;
            engine.save_enrolment()
        })?;
        self.trouble.retain(|trouble| *trouble != Trouble::Lapsed);
        self.events.push_back(Event::SyncChanged);
        Ok(())
    }

    pub(super) fn is_served_or_lapsed(&self) -> bool {
        self.is_enrolled() || self.enrolment.state == Enrolment::Lapsed
    }

    /// Looks again in an hour.
    pub(crate) fn ask_again_if_lapsed(&mut self) {
        if self.enrolment.state == Enrolment::Lapsed {
            self.http.retry_enrolment_ms = Some(self.now_ms.saturating_add(LAPSED_MS));
        }
    }

    /// Another link is tried: what is here comes back if it is refused.
    pub(super) fn keep_what_lapsed(&self) -> Result<()> {
        self.forget_what_lapsed()?;
        self.db
            .execute("INSERT INTO lapsed_log SELECT * FROM structure_log", [])?;
        let before = Before {
            enrolment: self.enrolment.clone(),
            identity: self.identity.clone(),
        };
        meta::put_json(&self.db, keys::LAPSED, &before)
    }

    /// The other link was refused.
    pub(super) fn take_up_what_lapsed(&mut self) -> Result<()> {
        let before: Option<Before> = meta::get_json(&self.db, keys::LAPSED)?;
        let before = before.ok_or(Error::Corrupt("lapsed enrolment"))?;
        self.db.execute_batch(
            "DELETE FROM structure_log; INSERT INTO structure_log SELECT * FROM lapsed_log",
        )?;
        self.structure = log::load(&self.db)?;
        meta::put_json(&self.db, keys::IDENTITY, &before.identity)?;
        self.identity = before.identity;
        self.enrolment = before.enrolment;
        self.save_enrolment()?;
        self.forget_what_lapsed()
    }

    /// This device goes on as another.
    pub(super) fn forget_what_lapsed(&self) -> Result<()> {
        self.db.execute("DELETE FROM lapsed_log", [])?;
        self.db
            .execute("DELETE FROM meta WHERE key = ?1", [keys::LAPSED])?;
        Ok(())
    }
}
