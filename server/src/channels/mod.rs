//! Whether what a device sends into a channel is acceptable: form, roster, MLS.
//! Owns the cached public groups and rosters; leaves epoch, counters, spans and
//! durability, all that races, to the store.

mod commit;
mod create;
mod message;
mod no_storage;
mod public_group;
mod reboot;

use std::collections::HashMap;
use std::sync::Arc;

use openmls::prelude::PublicGroup;
use parking_lot::Mutex;
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::roster::CheckedRoster;

use crate::error::Refused;
use crate::store::{self, Store};

pub use commit::append_commit;
pub use create::check_creation;
pub use message::check_message;
pub use public_group::{group_id, roster_in};
pub use reboot::reboot_channel;

/// Channels whose roster and group are kept in memory, at most, before idle ones go.
const CACHED: usize = 1024;

/// The roster in force and the epoch that it belongs to.
#[derive(Debug)]
pub struct Known {
    /// MLS group in its incarnation.
    pub incarnation: u32,
    /// Epoch of the group.
    pub epoch: u64,
    /// Roster of that epoch.
    pub roster: CheckedRoster,
}

/// One channel in memory.
#[derive(Default)]
pub struct Cell {
    known: Mutex<Option<Arc<Known>>>,
    /// Held from validating a commit to its effect here, so that the cached group
    /// stays in step with the store. `None` means: rebuild from the store.
    group: tokio::sync::Mutex<Option<PublicGroup>>,
}

impl Cell {
    fn put(&self, known: Known) {
        *self.known.lock() = Some(Arc::new(known));
    }

    fn forget(&self) {
        *self.known.lock() = None;
    }
}

/// All channels in memory.
#[derive(Default)]
pub struct Channels {
    cells: Mutex<HashMap<ChannelId, Arc<Cell>>>,
}

impl Channels {
    /// The one cell of a channel.
    pub fn cell(&self, channel: ChannelId) -> Arc<Cell> {
        let mut cells = self.cells.lock();
        if cells.len() >= CACHED && !cells.contains_key(&channel) {
            // Invariant: a cell in use is never doubled. Clones are made under
            // this lock only, so a count of one cannot grow meanwhile.
            cells.retain(|_, cell| Arc::strong_count(cell) > 1);
        }
        cells.entry(channel).or_default().clone()
    }

    /// The roster in force, at least as new as `epoch` of `incarnation` if the
    /// channel is there already. `None` for an unknown channel.
    pub async fn known(
        &self,
        store: &dyn Store,
        channel: ChannelId,
        incarnation: u32,
        epoch: u64,
    ) -> Result<Option<Arc<Known>>, Refused> {
        let cell = self.cells.lock().get(&channel).cloned();
        if let Some(known) = cell.and_then(|cell| cell.known.lock().clone())
            && (known.incarnation, known.epoch) >= (incarnation, epoch)
        {
            return Ok(Some(known));
        }
        // An unknown channel gets no cell: a stranger cannot fill the cache.
        let Some(stored) = store.channel(channel).await? else {
            return Ok(None);
        };
        let known = Arc::new(read_known(&stored)?);
        let cell = self.cell(channel);
        let mut slot = cell.known.lock();
        let newer = slot.as_ref().is_some_and(|cached| {
            (cached.incarnation, cached.epoch) > (known.incarnation, known.epoch)
        });
        if !newer {
            *slot = Some(known.clone());
        }
        Ok(Some(known))
    }

    /// Whether the professional's membership stands now: in the roster and not
    /// past its end. False for an unknown channel.
    pub async fn stands(
        &self,
        store: &dyn Store,
        channel: ChannelId,
        professional: &ProfessionalId,
        now_ms: u64,
    ) -> Result<bool, Refused> {
        let known = self.known(store, channel, 0, 0).await?;
        Ok(known.is_some_and(|k| k.roster.standing(professional, now_ms).is_some()))
    }
}

fn read_known(stored: &store::Channel) -> Result<Known, Refused> {
    // What we wrote was checked: if it does not read, the store is damaged.
    let roster = roster_in(&stored.state.group_info).map_err(|_| {
        tracing::error!("stored group info does not read");
        Refused(RefusalCode::Unavailable)
    })?;
    Ok(Known {
        incarnation: stored.incarnation,
        epoch: stored.epoch,
        roster,
    })
}
