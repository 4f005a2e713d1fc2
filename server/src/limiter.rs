//! Rates: how often something may happen in a window of time. In memory only; a
//! restart forgets, which a hostile peer cannot cause.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

/// Counts per key in fixed windows. Memory is bounded by the number of keys that
/// were seen in one window.
pub struct Limiter<K> {
    window_ms: u64,
    most: usize,
    counts: Mutex<(u64, HashMap<K, usize>)>,
}

impl<K: Eq + Hash> Limiter<K> {
    /// At most `most` of each key in `window_ms`.
    pub fn new(window_ms: u64, most: usize) -> Self {
        Self {
            window_ms,
            most,
            counts: Mutex::new((0, HashMap::new())),
        }
    }

    /// Counts one; false when it is one too many.
    pub fn allow(&self, key: K, now_ms: u64) -> bool {
        let window = now_ms / self.window_ms;
        let mut counts = self.counts.lock();
        if counts.0 != window {
            *counts = (window, HashMap::new());
        }
        let count = counts.1.entry(key).or_insert(0);
        *count += 1;
        *count <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // proves: W2
    #[test]
    fn one_too_many_is_refused_until_the_next_window() {
        let limiter = Limiter::new(1_000, 2);
        assert!(limiter.allow(1, 0) && limiter.allow(1, 1));
        assert!(!limiter.allow(1, 2));
        assert!(limiter.allow(2, 3));
        assert!(limiter.allow(1, 1_000));
    }
}
