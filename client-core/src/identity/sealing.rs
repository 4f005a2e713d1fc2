//! The key to which others seal items for this device is replaced every 30 days
//! (architecture D13): what a stolen key opens is bounded. The older ones open for
//! another 14 days what was under way, and are then erased.

use prost::Message;
use relais_wire::limits;
use relais_wire::structure::sign_statement;
use relais_wire::v1::{SealingKeyReplaced, Statement, StatementKind, StructureEntry};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Identity;
use crate::db::meta::{self, keys};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::outbox::intent::Wish;

/// A replacement that does not show in the log is said again after this.
const AGAIN_MS: u64 = 24 * 3_600_000;

/// A key before or after its time.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct SealingKey {
    #[serde(with = "hex::serde")]
    private: Vec<u8>,
    #[serde(with = "hex::serde")]
    public: Vec<u8>,
    /// When the next one was made; when a former one is erased.
    at_ms: u64,
}

impl Identity {
    /// Every key that may still be sealed to, the present one first.
    pub(crate) fn sealing_keys(&self) -> impl Iterator<Item = &[u8]> {
        let others = self.next_sealing.iter().chain(&self.former_sealing);
        std::iter::once(self.sealing_private.as_slice())
            .chain(others.map(|key| key.private.as_slice()))
    }
}

impl Engine {
    /// Erases what has had its time, and wants the next key when the present one has.
    pub(crate) fn want_sealing_key(&mut self) -> Result<()> {
        let now = self.now_ms;
        let identity = self.identity()?;
        if identity.former_sealing.iter().any(|key| key.at_ms <= now) {
            self.change_identity(|me| me.former_sealing.retain(|key| key.at_ms > now))?;
        }
        let identity = self.identity()?;
        let due = identity
            .sealing_since_ms
            .saturating_add(limits::SEALING_KEY_MS);
        let said = identity.next_sealing.as_ref();
        if now < due || said.is_some_and(|key| now < key.at_ms.saturating_add(AGAIN_MS)) {
            return Ok(());
        }
        let device = identity.device();
        let Some(known) = self.structure.device(&device) else {
            return Ok(());
        };
        let (private, public) = self.new_sealing_key()?;
        let body = SealingKeyReplaced {
            structure_id: identity.structure().to_bytes(),
            device_id: device.to_bytes(),
            sealing_key: public.clone().into(),
            version: known.sealing_version.saturating_add(1),
        };
        let key = identity.device_key();
        let statement = sign_statement(StatementKind::SealingKeyReplaced, &body, &[&key]);
        let next = SealingKey {
            private,
            public,
            at_ms: now,
        };
        self.change_identity(|me| me.next_sealing = Some(next))?;
        self.want(None, Wish::Statements(vec![statement.into()]))
    }

    /// The log says which key others use from now on.
    pub(super) fn sealing_follows(&mut self, entry: &StructureEntry) -> Result<()> {
        let said = Statement::decode(entry.statement.clone()).ok();
        let said = said.filter(|s| s.kind() == StatementKind::SealingKeyReplaced);
        let Some(body) = said.and_then(|s| SealingKeyReplaced::decode(s.body).ok()) else {
            return Ok(());
        };
        let now = self.now_ms;
        let identity = self.identity()?;
        let ours = body.device_id == identity.device().to_bytes();
        let next = identity.next_sealing.as_ref();
        if !ours || next.is_none_or(|next| next.public != body.sealing_key) {
            return Ok(());
        }
        self.change_identity(|me| {
            let Some(mut next) = me.next_sealing.take() else {
                return;
            };
            std::mem::swap(&mut me.sealing_private, &mut next.private);
            std::mem::swap(&mut me.sealing_public, &mut next.public);
            next.at_ms = now.saturating_add(limits::SEALING_KEY_KEPT_MS);
            me.former_sealing.push(next);
            me.sealing_since_ms = now;
        })
    }

    fn change_identity(&mut self, change: impl FnOnce(&mut Identity)) -> Result<()> {
        change(self.identity.as_mut().ok_or(Error::NotEnrolled)?);
        meta::put_json(&self.db, keys::IDENTITY, &self.identity)
    }
}
