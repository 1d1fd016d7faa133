//! How often something may happen within a period, and how often it has.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So often within so long, at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) count: u32,
    pub(crate) period: Duration,
}

/// The times that may count towards a limit; never more than that.
#[derive(Default)]
pub(super) struct Recent(VecDeque<Instant>);

impl Recent {
    /// Counts one more, unless there were too many within the period.
    pub(super) fn count(&mut self, limit: Limit, now: Instant) -> bool {
        let is_over = |then: &Instant| now.saturating_duration_since(*then) >= limit.period;
        while self.0.front().is_some_and(is_over) {
            self.0.pop_front();
        }
        if self.0.len() >= limit.count as usize {
            return false;
        }
        self.0.push_back(now);
        true
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
