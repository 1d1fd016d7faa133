//! The times of a scope's stop.

use std::time::{Duration, Instant};

/// The times of a scope's stop, known before its event is set.
#[derive(Clone, Copy)]
pub(crate) struct StopTimes {
    pub(crate) began: Instant,
    /// Of tasks that have none of their own.
    pub(crate) grace: Duration,
    /// The overall one; `None`: later than the clock can tell.
    pub(crate) deadline: Option<Instant>,
}

impl StopTimes {
    pub(crate) fn grace_of(&self, own: Option<Duration>) -> Duration {
        own.unwrap_or(self.grace)
    }

    /// How much of a grace is left.
    pub(crate) fn left_of(&self, grace: Duration, now: Instant) -> Duration {
        grace.saturating_sub(now.saturating_duration_since(self.began))
    }

    /// The longest grace that the deadline leaves.
    fn longest(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(self.began))
    }

    /// A grace that is longer by `more`, or by what the deadline leaves; and by how much it is.
    pub(crate) fn extend(&self, own: Option<Duration>, more: Duration) -> (Duration, Duration) {
        let longest = self.longest();
        let before = self.grace_of(own).min(longest);
        let after = before.saturating_add(more).min(longest);
        (after, after - before)
    }

    /// Those of a stop that goes on, under the deadline of one that has begun around it.
    pub(super) fn under(self, outer: Self) -> Self {
        let deadline = match (self.deadline, outer.deadline) {
            (Some(own), Some(outer)) => Some(own.min(outer)),
            (own, outer) => own.or(outer),
        };
        Self { deadline, ..self }
    }
}
