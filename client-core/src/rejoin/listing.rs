//! The server's list of the person's channels, compared with this device's with each
//! connection, and now and then while it lasts: a channel that it does not know (a linked or enrolled-again device),
//! or that the server counted it out of without a removal, is come back to.

use std::collections::BTreeMap;

use prost::bytes::Bytes;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{AskChannels, Channels, client_frame};
use rusqlite::params;

use crate::engine::Engine;
use crate::error::Result;

/// A Welcome that is on its way arrives within this.
const WELCOME_MS: u64 = 3_000;
/// A connection that lasts is compared again: a thread may have been opened, or somebody
/// added, by a device that did not know of this one.
const AGAIN_MS: u64 = 3_600_000;
/// Sooner where a channel was not on it: after a restore its opener puts it back.
const UNLISTED_MS: u64 = 60_000;
/// Why a channel stopped that the list does not name: a restored server has lost it ...
const MEMBERSHIP_LOST: &str = "the server was restored from a backup and has lost this membership";
/// ... or counts the person out.
const COUNTED_OUT: &str = "the server no longer counts this device in";

/// How far the list of the present connection is.
#[derive(Debug, Default)]
pub(crate) enum Listing {
    /// Not asked for, or asked for again.
    #[default]
    Due,
    /// Asked; pages received so far: whether the server counts this device in.
    Asked(BTreeMap<ChannelId, bool>),
    /// Compared; due again at this time.
    Done(u64),
}

impl Listing {
    /// When the list is asked for again.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        match self {
            Self::Done(next_ms) => Some(*next_ms),
            Self::Due | Self::Asked(_) => None,
        }
    }
}

impl Engine {
    /// Asks for the list once the inbox was read: what a Welcome opens is no news.
    pub(crate) fn ask_channels(&mut self) {
        let due = match self.link.listing {
            Listing::Due => true,
            Listing::Asked(_) => false,
            Listing::Done(next_ms) => next_ms <= self.now_ms,
        };
        let quiet = self.link.inbox_caught_up && self.inbox.is_empty();
        if due && !quiet {
            self.link.listing = Listing::Due; // Looked at with what arrives.
        } else if due {
            self.link.listing = Listing::Asked(BTreeMap::new());
            self.ask_page(Bytes::new());
        }
    }

    fn ask_page(&mut self, after: Bytes) {
        self.push(client_frame::Frame::AskChannels(AskChannels { after }));
    }

    /// One page of the list.
    pub(crate) fn channels_told(&mut self, page: &Channels) -> Result<()> {
        let Listing::Asked(listed) = &mut self.link.listing else {
            return Ok(());
        };
        let mut last = None;
        for channel in &page.channels {
            let Ok(id) = ChannelId::try_from(&channel.channel_id) else {
                continue;
            };
            // Invariant: ids ascend, so the pages come to an end.
            if last.replace(id).is_some_and(|last| last >= id) {
                break;
            }
            if channel.stands {
                listed.insert(id, channel.member);
            }
        }
        if let Some(last) = last.filter(|_| page.more) {
            self.ask_page(last.to_bytes());
            return Ok(());
        }
        let listed = std::mem::take(listed);
        self.link.listing = Listing::Done(self.now_ms + AGAIN_MS);
        self.dirty = true;
        self.transaction(|engine| engine.compare(&listed))
    }

    fn compare(&mut self, listed: &BTreeMap<ChannelId, bool>) -> Result<()> {
        for channel in std::mem::take(&mut self.link.doubtful) {
            let joined = |row: &crate::inbox::ChannelRow| row.state == "joined";
            if !self.channel_row(channel)?.as_ref().is_some_and(joined) {
                continue;
            }
            let reason = match self.is_behind(channel)? {
                true => MEMBERSHIP_LOST,
                false => COUNTED_OUT,
            };
            if listed.contains_key(&channel) {
                self.begin_rejoin(channel, reason, 0)?;
            } else {
                self.stop_channel(channel, reason)?;
                self.link.listing = Listing::Done(self.now_ms + UNLISTED_MS);
            }
        }
        for (channel, counted_in) in listed {
            // One that could not be opened here was opened all the same; or the server has
            // it again, after another restore.
            let outside = match self.channel_row(*channel)? {
                None => true,
                Some(row) if row.state == "stopped" => {
                    row.cursor_seq == 0
                        || self.is_behind(*channel)?
                        || self.stopped_unlisted(*channel)?
                }
                Some(row) => row.state == "removed",
            };
            if outside && !self.has_welcome(*channel)? {
                let pause = if *counted_in { WELCOME_MS } else { 0 };
                self.begin_rejoin(*channel, "this device is not in the thread yet", pause)?;
            }
        }
        Ok(())
    }

    /// Whether a channel stopped because the server's list did not name it: one that broke a
    /// rule never comes back by itself.
    fn stopped_unlisted(&self, channel: ChannelId) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM channels WHERE channel = ?1 AND reason IN (?2, ?3))",
            )?
            .query_row(params![channel.0, MEMBERSHIP_LOST, COUNTED_OUT], |row| {
                row.get(0)
            })?)
    }
}
