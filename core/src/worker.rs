//! Which of the workers a lifespan is.

use std::fmt;

/// Which worker this is, and of how many.
///
/// A lifespan that runs by itself, without [`Workers`](crate::Workers), is worker 0 of 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    index: usize,
    count: usize,
}

impl Worker {
    pub(crate) const fn new(index: usize, count: usize) -> Self {
        Self { index, count }
    }

    /// Returns its number, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns how many workers there are, itself among them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

/// As in "worker 2 of 4", where the last one is "worker 3 of 4".
impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} of {}", self.index, self.count)
    }
}
