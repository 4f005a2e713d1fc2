//! How a connection hears that there is something to read. Bounded: a wake-up is a
//! mark per log, never a copy of what was written.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, DeviceId};
use tokio::sync::{Notify, watch};

/// Logs with news since the connection last looked.
#[derive(Debug, Default)]
pub struct Dirty {
    /// The structure log.
    pub structure: bool,
    /// The device's inbox.
    pub inbox: bool,
    /// Followed channels.
    pub channels: BTreeSet<ChannelId>,
}

impl Dirty {
    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        !self.structure && !self.inbox && self.channels.is_empty()
    }
}

/// One connection, as others see it.
#[derive(Debug)]
pub struct Wake {
    /// Distinguishes connections of one device.
    pub session: u64,
    /// Whose connection it is.
    pub device: DeviceId,
    dirty: Mutex<Dirty>,
    notify: Notify,
    closing: watch::Sender<Option<RefusalCode>>,
}

impl Wake {
    pub(super) fn new(session: u64, device: DeviceId) -> Self {
        Self {
            session,
            device,
            dirty: Mutex::default(),
            notify: Notify::new(),
            closing: watch::Sender::new(None),
        }
    }

    /// The structure log has news.
    pub fn structure(&self) {
        self.dirty.lock().structure = true;
        self.notify.notify_one();
    }

    /// The inbox has news.
    pub fn inbox(&self) {
        self.dirty.lock().inbox = true;
        self.notify.notify_one();
    }

    /// A followed channel has news.
    pub fn channel(&self, channel: ChannelId) {
        self.dirty.lock().channels.insert(channel);
        self.notify.notify_one();
    }

    /// Takes the marks.
    pub fn take(&self) -> Dirty {
        std::mem::take(&mut *self.dirty.lock())
    }

    /// Resolves once there is a mark.
    pub async fn woken(&self) {
        self.notify.notified().await;
    }

    /// Ends the connection; the first reason counts.
    pub fn close(&self, code: RefusalCode) {
        self.closing.send_if_modified(|closing| {
            let first = closing.is_none();
            closing.get_or_insert(code);
            first
        });
    }

    /// Resolves once the connection has to end.
    pub async fn closed(&self) -> RefusalCode {
        let mut closing = self.closing.subscribe();
        let code = closing.wait_for(Option::is_some).await.map(|code| *code);
        // The sender lives as long as `self`.
        code.ok().flatten().unwrap_or(RefusalCode::Unavailable)
    }
}
