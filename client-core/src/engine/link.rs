//! What is known of the present connection: where it stands, what is subscribed and how
//! far each log is caught up, and what is due while it lasts.

use std::collections::{BTreeMap, BTreeSet};

use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;

use crate::lost::{Beside, Comparison};
use crate::outbox::follow::Followed;
use crate::rejoin::{Doubts, Listing};

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// No socket.
    #[default]
    Offline,
    /// Waiting for the server's challenge or its answer to ours.
    Authenticating,
    /// Frames flow.
    Ready,
}

/// State of the present connection; forgotten when it ends.
#[derive(Default)]
pub(crate) struct Link {
    pub phase: Phase,
    pub token: Option<String>,
    pub structure_caught_up: bool,
    /// The server has the structure log that is held here, as far as that goes.
    pub structure_agreed: bool,
    /// The server's structure log, where it has parted from the one that is held here.
    pub beside: Option<Beside>,
    pub inbox_caught_up: bool,
    pub subscribed: BTreeSet<ChannelId>,
    pub caught_up: BTreeSet<ChannelId>,
    /// Caught-up marks that wait until the entries before them are applied.
    pub pending_caught_up: BTreeMap<ChannelId, u64>,
    pub in_flight: usize,
    /// The head of the structure log that the server called stale: nothing that goes by it
    /// is staged until it moves.
    pub stale_structure: Option<u64>,
    /// The head that a send of this connection names, by its counter.
    pub named_heads: BTreeMap<u64, u64>,
    /// Send counters of what an earlier connection left unanswered and this one has still
    /// to send again; `None` until it has looked.
    pub to_resend: Option<BTreeSet<u64>>,
    /// And of what it has sent again, until that is answered.
    pub resent: BTreeSet<u64>,
    pub closed_by_server: Option<RefusalCode>,
    /// Channels whose next entry waits for the structure log.
    pub blocked: BTreeSet<ChannelId>,
    /// Channels that the server says are over for this device.
    pub closed: BTreeSet<ChannelId>,
    /// Server time at connection, and this device's own.
    pub times_ms: Option<(u64, u64)>,
    /// When it is this device's turn to replace the directory key.
    pub directory_due_ms: Option<u64>,
    /// Structure head at which it last tried.
    pub directory_at_seq: Option<u64>,
    /// Channels whose group was asked for.
    pub asked: BTreeSet<ChannelId>,
    /// When the next channel comes back, if one waits for its time.
    pub rejoin_at_ms: Option<u64>,
    /// Channels that were closed without a removal: the list says what of them.
    pub doubtful: BTreeSet<ChannelId>,
    pub listing: Listing,
    pub doubts: Doubts,
    pub followed: Followed,
    /// Channels whose log is being compared with the server's.
    pub compared: BTreeMap<ChannelId, Comparison>,
    /// Channels whose log is not the one that this device has read.
    pub parted: BTreeSet<ChannelId>,
    /// Channels whose log the server does not show to this device.
    pub incomparable: BTreeSet<ChannelId>,
    /// When something that a restored server lost is said again.
    pub lost_at_ms: Option<u64>,
    /// When the next leaf is renewed.
    pub renew_at_ms: Option<u64>,
    /// When an entry waits no longer for a statement that it names.
    pub statement_at_ms: Option<u64>,
}

impl Link {
    /// Something lost is due then.
    pub(crate) fn wake_for_lost(&mut self, at_ms: u64) {
        self.lost_at_ms = Some(self.lost_at_ms.map_or(at_ms, |first| first.min(at_ms)));
    }

    /// An entry that waits for a statement is looked at again then.
    pub(crate) fn wake_for_statement(&mut self, at_ms: u64) {
        let first = self.statement_at_ms.unwrap_or(at_ms);
        self.statement_at_ms = Some(first.min(at_ms));
    }
}
