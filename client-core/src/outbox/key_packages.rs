//! Key packages of this device (requirement D1): published in sets, replaced when
//! half is used or the last resort was.

use openmls::prelude::KeyPackage;
use openmls::prelude::tls_codec::Serialize as _;
use relais_wire::mls::{capabilities, ciphersuite, lifetime};
use relais_wire::v1::PublishKeyPackages;
use serde::{Deserialize, Serialize};

use super::intent::Wish;
use crate::db::meta;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Setting that counts what was published and used.
const STATE: &str = "key_packages";

#[derive(Default, Serialize, Deserialize)]
struct State {
    /// Intent that published the present set.
    intent: i64,
    used: u32,
}

impl Engine {
    /// Wants a new set when there is none or half of it was used.
    pub(super) fn want_key_packages(&mut self) -> Result<()> {
        let state: Option<State> = meta::get_json(&self.db, STATE)?;
        let needed = state.is_none_or(|s| s.used >= self.key_packages / 2);
        let wanted: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM intents WHERE kind = 'key_packages'
                 AND state IN ('waiting', 'sent'))",
            )?
            .query_row([], |row| row.get(0))?;
        if needed && !wanted {
            self.want(None, Wish::KeyPackages)?;
        }
        Ok(())
    }

    pub(super) fn new_key_packages(&mut self, intent: i64) -> Result<PublishKeyPackages> {
        let mut packages = Vec::with_capacity(self.key_packages as usize);
        for _ in 0..self.key_packages {
            packages.push(self.new_key_package(false)?.into());
        }
        let last_resort = self.new_key_package(true)?.into();
        meta::put_json(&self.db, STATE, &State { intent, used: 0 })?;
        Ok(PublishKeyPackages {
            key_packages: packages,
            last_resort,
        })
    }

    fn new_key_package(&self, last_resort: bool) -> Result<Vec<u8>> {
        let suite = ciphersuite(self.structure.ciphersuite()).ok_or(Error::Corrupt("suite"))?;
        let builder = KeyPackage::builder()
            .key_package_lifetime(lifetime())
            .leaf_node_capabilities(capabilities(suite));
        let builder = if last_resort {
            builder.mark_as_last_resort()
        } else {
            builder
        };
        let bundle = builder
            .build(
                suite,
                &self.provider(),
                &self.identity()?.signer(),
                self.credential_with_key()?,
            )
            .map_err(Error::mls)?;
        bundle
            .key_package()
            .tls_serialize_detached()
            .map_err(Error::mls)
    }

    /// Nothing was published under this device's id yet.
    pub(crate) fn forget_key_packages(&self) -> Result<()> {
        self.db
            .execute("DELETE FROM meta WHERE key = ?1", [STATE])?;
        Ok(())
    }

    /// A Welcome used one: `rotate` when it was the last resort.
    pub(crate) fn key_package_used(&mut self, rotate: bool) -> Result<()> {
        let mut state: State = meta::get_json(&self.db, STATE)?.unwrap_or_default();
        state.used = if rotate {
            self.key_packages
        } else {
            state.used + 1
        };
        meta::put_json(&self.db, STATE, &state)
    }
}
