//! A store that was put back from a backup has forgotten what came after it. It
//! cannot know that by itself: a device proves it, by a receipt for a connection or
//! a seal on a structure entry that the store does not have (architecture D6, D10).
//! From then on every device hears a higher number of restores, and looks through
//! its logs for what is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use relais_wire::v1::{ChannelEntry, LogHead};

use crate::app::App;
use crate::mac::MacKey;
use crate::store::{Store, StoreError};

/// Number of the store's present life, as far as anybody noticed that one ended.
pub struct Restored {
    number: Arc<AtomicU64>,
    /// One restore shows in many ways: it is counted once for each time that the
    /// store was opened, unless a life shows that is later than the one it began.
    noticed: AtomicBool,
}

impl Restored {
    /// As the store says.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            number: Arc::new(store.restores().await?.into()),
            noticed: AtomicBool::new(false),
        })
    }

    /// See [`relais_wire::v1::Ready::restores`].
    pub fn count(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// The number itself, which moves.
    pub fn number(&self) -> Arc<AtomicU64> {
        self.number.clone()
    }
}

/// Seals entries with the store's present life.
pub struct Seals {
    mac: Arc<MacKey>,
    number: Arc<AtomicU64>,
}

impl Seals {
    /// With the number of [`Restored`].
    pub fn new(mac: Arc<MacKey>, number: Arc<AtomicU64>) -> Self {
        Self { mac, number }
    }

    /// The entry as it is sent.
    pub fn seal(&self, entry: &ChannelEntry) -> ChannelEntry {
        let last = LogHead {
            seq: entry.seq,
            hash: entry.hash.clone(),
        };
        let number = self.number.load(Ordering::SeqCst);
        let seal = self.mac.channel_seal(number, &entry.channel_id, &last);
        ChannelEntry {
            hash: Bytes::new(),
            seal: seal.into(),
            ..entry.clone()
        }
    }

    /// The seal on an entry of the structure log.
    pub fn seal_structure(&self, head: &LogHead) -> Vec<u8> {
        self.mac.seal(self.number.load(Ordering::SeqCst), head)
    }

    /// The life in which this server had a structure head; `None` if it never had it.
    pub fn structure_sealed(&self, head: &LogHead, seal: &[u8]) -> Option<u64> {
        self.mac.sealed(head, seal)
    }

    /// The life in which an entry was sealed, if that is the store's present one or one
    /// that it does not know: a store that has not got the entry was restored since.
    pub fn proves_restore(&self, channel: &[u8], last: &LogHead, seal: &[u8]) -> Option<u64> {
        let sealed = self.mac.channel_sealed(channel, last, seal);
        sealed.filter(|life| self.is_lost(*life))
    }

    /// Whether something of that life, which the store has not got, was lost by a restore
    /// that nobody has noticed yet.
    pub fn is_lost(&self, life: u64) -> bool {
        life >= self.number.load(Ordering::SeqCst)
    }

    /// Of no server.
    #[cfg(test)]
    pub fn of_nobody() -> Self {
        Self::new(Arc::new(MacKey::new([0; 32])), Arc::default())
    }
}

/// Whether a sign of a restore shows another than the one that was `noticed` since the
/// store was opened and began the life `present`: one in which a life `beyond` was.
fn is_news(noticed: bool, beyond: u64, present: u64) -> bool {
    !noticed || beyond >= present
}

impl App {
    /// The store was found to be older than what a device saw: counted durably, and
    /// all connections begin again. `beyond`: a life that was, as far as that is known.
    pub async fn found_restored(&self, beyond: u64) -> Result<(), StoreError> {
        let noticed = self.restored.noticed.swap(true, Ordering::SeqCst);
        if !is_news(noticed, beyond, self.restored.count()) {
            return Ok(());
        }
        let at_least = self.new_life(beyond);
        match self.store.note_restore(at_least).await {
            Ok(count) => {
                self.restored.number.store(count, Ordering::SeqCst);
                tracing::warn!(count, "the store was restored from a backup");
                self.hub.close_all();
                Ok(())
            }
            Err(error) => {
                self.restored.noticed.store(noticed, Ordering::SeqCst);
                Err(error)
            }
        }
    }

    /// A number beyond another that a restore of the same backup does not find again, even
    /// where the clock was put back.
    fn new_life(&self, beyond: u64) -> u64 {
        let mut chance = [0; 2];
        // Without it the time has to do.
        let _ = (self.config.random)(&mut chance);
        let chance = u16::from_be_bytes(chance);
        let after = beyond.saturating_add(1).saturating_add(chance.into());
        relais_wire::life::beginning(self.now_ms(), chance).max(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_sent_with_the_seal_of_this_life_and_without_its_hash() {
        let number = Arc::new(AtomicU64::new(7));
        let seals = Seals::new(Arc::new(MacKey::new([5; 32])), number.clone());
        let entry = ChannelEntry {
            channel_id: vec![1; 16].into(),
            seq: 3,
            hash: vec![2; 32].into(),
            ..ChannelEntry::default()
        };
        let sent = seals.seal(&entry);
        assert_eq!(sent.hash, Bytes::new(), "each device computes it");
        let last = LogHead {
            seq: entry.seq,
            hash: entry.hash.clone(),
        };
        let proves = || seals.proves_restore(&entry.channel_id, &last, &sent.seal);
        assert_eq!(proves(), Some(7));
        number.store(8, Ordering::SeqCst);
        assert_eq!(proves(), None, "that life's end was noticed");
    }

    // proves: D6
    #[test]
    fn what_comes_back_of_the_structure_is_believed_for_this_servers_seal_alone() {
        let seals = |key| Seals::new(Arc::new(MacKey::new([key; 32])), Arc::new(7.into()));
        let head = LogHead {
            seq: 3,
            hash: vec![2; 32].into(),
        };
        let seal = seals(5).seal_structure(&head);
        assert_eq!(seals(5).structure_sealed(&head, &seal), Some(7));
        assert_eq!(seals(6).structure_sealed(&head, &seal), None);
        assert_eq!(seals(5).structure_sealed(&head, b""), None);
    }

    // proves: D6
    #[test]
    fn a_restore_that_shows_in_many_ways_is_one_and_another_one_is_another() {
        assert!(is_news(false, 0, 0), "the first sign");
        assert!(!is_news(true, 0, 9), "of the life before the present one");
        assert!(!is_news(true, 8, 9));
        assert!(is_news(true, 9, 9), "something of the present life is lost");
        assert!(is_news(true, 10, 9), "a later life was");
    }
}
