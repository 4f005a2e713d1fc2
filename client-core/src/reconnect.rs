//! When a driver connects: numbers each attempt, waits longer after each failure.
//! Every driver asks it; none of them decides.

const FIRST_RETRY_MS: u64 = 100;
const LAST_RETRY_MS: u64 = 10_000;

/// The way to the server, as a driver knows it. Times are milliseconds of a clock that
/// does not jump, from any start.
#[derive(Debug)]
pub struct Reconnect {
    attempt: u64,
    open: bool,
    failures: u32,
    at_ms: u64,
    network: bool,
}

impl Reconnect {
    /// Ready to connect at once, if the platform says that there is a network.
    pub fn new(network: bool) -> Self {
        Self {
            attempt: 0,
            open: false,
            failures: 0,
            at_ms: 0,
            network,
        }
    }

    /// Number of the present socket; what an earlier one reports is not heard.
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// Whether there is a socket, open or on its way to be.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether there is a network, as far as the platform knows.
    pub fn has_network(&self) -> bool {
        self.network
    }

    /// Begins an attempt, when one is wanted and due, and answers its number.
    pub fn begin(&mut self, wanted: bool, now_ms: u64) -> Option<u64> {
        let wait = self.wait_ms(wanted, now_ms)?;
        (wait == 0).then(|| {
            self.open = true;
            self.attempt += 1;
            self.attempt
        })
    }

    /// How long until the next attempt; nothing when none is to come.
    pub fn wait_ms(&self, wanted: bool, now_ms: u64) -> Option<u64> {
        let comes = wanted && self.network && !self.open;
        comes.then(|| self.at_ms.saturating_sub(now_ms))
    }

    /// The socket is gone. `worked`: it had got as far as being ready. `random` spreads the
    /// devices that lost the same server.
    pub fn ended(&mut self, worked: bool, random: u64, now_ms: u64) {
        if worked {
            self.failures = 0;
        }
        self.open = false;
        self.attempt += 1;
        let delay = (FIRST_RETRY_MS << self.failures.min(10)).min(LAST_RETRY_MS);
        self.failures += 1;
        self.at_ms = now_ms + delay / 2 + random % (delay / 2 + 1);
    }

    /// What the platform says of the network: the next attempt is made at once. Whoever has
    /// a socket open ends it first: the way to the server may be another one now.
    pub fn set_network(&mut self, there: bool, now_ms: u64) {
        self.network = there;
        self.failures = 0;
        self.at_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_waits_longer_until_a_connection_works() {
        let mut reconnect = Reconnect::new(true);
        assert_eq!(reconnect.begin(true, 0), Some(1));
        assert_eq!(reconnect.begin(true, 0), None, "one socket at a time");
        let mut waits = Vec::new();
        for _ in 0..12 {
            reconnect.ended(false, u64::MAX, 0);
            waits.push(reconnect.wait_ms(true, 0).expect("another attempt"));
            assert_eq!(reconnect.begin(true, 0), None, "not due yet");
        }
        assert!(waits.is_sorted() && waits[0] <= FIRST_RETRY_MS, "{waits:?}");
        assert!(waits[11] <= LAST_RETRY_MS);
        reconnect.ended(true, 0, 0);
        assert_eq!(reconnect.wait_ms(true, 0), Some(FIRST_RETRY_MS / 2));
    }

    #[test]
    fn a_network_that_comes_is_used_at_once_and_none_is_never_tried() {
        let mut reconnect = Reconnect::new(false);
        assert_eq!(reconnect.begin(true, 0), None);
        reconnect.ended(false, 0, 1_000);
        reconnect.set_network(true, 1_000);
        assert_eq!(reconnect.begin(false, 1_000), None, "nobody wants one");
        assert!(reconnect.begin(true, 1_000).is_some());
    }
}
