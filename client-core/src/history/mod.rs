//! The past of a thread (architecture D9, D13): shared with those who join, asked for
//! where a stretch is missing.
//!
//! What travels is an archive: the headers of a stretch of the log with the signed
//! events, the chain of rosters, and what the thread shows of each entry. The headers
//! must hash to what the receiving device knows of the log itself, so a sharer can
//! leave out and be seen to, but neither add, change nor reorder. Only what devices
//! alone know of a commit (which of a person's devices came or went, why an entry was
//! quarantined) and with which commit of its signer a roster came is the sharer's word.
//!
//! # Layout
//! - [`HistoryChoice`]: what is promised; `promise`: who may have what.
//! - `share` (the intent), `build` (the archive), `summary` (what belongs to one).
//! - `import` (its life here), `read` and `rosters` (proof), `place` (its way into the
//!   thread), `repeated` (what this explains).
//! - `gaps`: what is missing; `request` and `answer`: asking for it. `archive`: the format. `state`: what a person sees.

mod answer;
mod archive;
mod build;
mod choice;
mod gaps;
mod import;
mod place;
mod promise;
mod read;
mod repeated;
mod request;
mod rosters;
mod share;
mod state;
mod summary;

pub use choice::HistoryChoice;
pub(crate) use promise::read_roster;
pub use state::{Arriving, HistoryRecord, Missing, Sharing};

use crate::engine::Engine;
use crate::error::Result;

impl Engine {
    /// One bounded step of whatever is shared, arrives or is asked for. `true` when more
    /// can be done at once.
    pub(crate) fn step_history(&mut self) -> Result<bool> {
        if !self.has_history_work()? {
            self.next_history_ms = self.next_request_ms()?;
            return Ok(false);
        }
        let more = self.transaction(|engine| {
            engine.step_requests()?;
            Ok(engine.step_shares()? | engine.step_imports()?)
        })?;
        self.next_history_ms = self.next_request_ms()?;
        Ok(more)
    }

    fn has_history_work(&self) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM shares WHERE state <> 'failed')
                 OR EXISTS (SELECT 1 FROM imports)
                 OR EXISTS (SELECT 1 FROM gaps WHERE next_ms <= ?1)",
            )?
            .query_row([self.now_ms], |row| row.get(0))?)
    }
}
