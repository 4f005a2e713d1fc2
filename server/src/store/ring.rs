//! The last few of a growing sequence, cheap to clone: every group leaves a
//! snapshot for the readers, and copying all of it each time would cost more
//! than the write itself.

use std::sync::Arc;

/// Elements that a clone copies one by one at most; the others are one shared block.
const LOOSE: usize = 16;

/// The last `KEPT` elements pushed, oldest first. `KEPT` is above 16.
#[derive(Debug)]
pub struct Ring<T, const KEPT: usize> {
    block: Arc<Vec<Arc<T>>>,
    loose: Vec<Arc<T>>,
}

impl<T, const KEPT: usize> Default for Ring<T, KEPT> {
    fn default() -> Self {
        Self {
            block: Arc::default(),
            loose: Vec::new(),
        }
    }
}

impl<T, const KEPT: usize> Clone for Ring<T, KEPT> {
    fn clone(&self) -> Self {
        Self {
            block: self.block.clone(),
            loose: self.loose.clone(),
        }
    }
}

impl<T, const KEPT: usize> FromIterator<Arc<T>> for Ring<T, KEPT> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(elements: I) -> Self {
        let mut ring = Self::default();
        for element in elements {
            ring.push(element);
        }
        ring
    }
}

impl<T, const KEPT: usize> Ring<T, KEPT> {
    /// The elements, oldest first, in two parts.
    pub fn parts(&self) -> [&[Arc<T>]; 2] {
        const { assert!(KEPT > LOOSE) };
        // The block may hold some that newer ones have pushed out.
        let pushed_out = (self.block.len() + self.loose.len()).saturating_sub(KEPT);
        [&self.block[pushed_out..], &self.loose]
    }

    /// The elements, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.parts().into_iter().flatten()
    }

    /// The newest.
    pub fn last(&self) -> Option<&Arc<T>> {
        self.loose.last().or(self.block.last())
    }

    /// Adds an element; the one that it pushes out.
    pub fn push(&mut self, element: Arc<T>) -> Option<Arc<T>> {
        let [block, loose] = self.parts();
        let full = block.len() + loose.len() == KEPT;
        let pushed_out = full.then(|| block.first().cloned()).flatten();
        self.loose.push(element);
        if self.loose.len() == LOOSE {
            self.block = Arc::new(self.iter().cloned().collect());
            self.loose.clear();
        }
        pushed_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_last_ones_in_order() {
        let mut ring = Ring::<u32, 20>::default();
        for n in 0..200u32 {
            let before = ring.clone();
            assert_eq!(ring.push(Arc::new(n)).map(|out| *out), n.checked_sub(20));
            let kept: Vec<_> = ring.iter().map(|n| **n).collect();
            assert_eq!(kept, (n.saturating_sub(19)..=n).collect::<Vec<_>>());
            assert_eq!(ring.last().map(|n| **n), Some(n));
            assert_eq!(before.last().map(|n| **n), n.checked_sub(1));
        }
    }
}
