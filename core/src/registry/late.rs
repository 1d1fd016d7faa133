//! A task that has not ended when its stop has waited long enough: the observers hear of it first.

use std::fmt;
use std::time::{Duration, Instant};

use super::{RecordRef, TaskRef};
use crate::task::Flags;
use crate::wake::call_caught;

impl RecordRef {
    /// Has the observers hear of a live task that its stop waits for it no longer: of a scope, that it
    /// waits no longer for those in it.
    pub(crate) fn tell_late(&self, waited: Duration, limit: Limit) {
        let listener = &self.registry().listener;
        if !listener.hears() {
            return;
        }
        let late = Late { waited, limit };
        if !self.flags().is_scope() {
            return listener.task_late(&TaskRef::new(self.clone()), &late);
        }
        for task in self.below().iter().flat_map(|inner| inner.all_tasks()) {
            listener.task_late(&TaskRef::new(task), &late);
        }
    }

    /// As [`force`](Self::force), after the observers have heard, unless it had overrun its grace before.
    /// Tells whether it had not.
    pub(crate) fn force_late(&self, now: Instant) -> bool {
        // Raised before they hear: two stops may come here at one moment.
        let is_news = !self.at().word().raise(Flags::OVERRUN).overran();
        if is_news {
            let began = self.registry().stop_times().map_or(now, |times| times.began);
            self.tell_late(now.saturating_duration_since(began), Limit::Deadline);
        }
        let _ = call_caught(|| self.force());
        is_news
    }
}

/// What a task was late for; see [`Observer::task_late`](crate::Observer::task_late).
#[derive(Clone, Debug)]
pub struct Late {
    pub(super) waited: Duration,
    pub(super) limit: Limit,
}

impl Late {
    /// Returns how long its stop had waited for it.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Returns what was over.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }
}

/// What was over when a task was late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The task's own grace, or its scope's; or the time that a `stop_within` gave it.
    Grace,
    /// Any grace: a second request told the stop to wait no more.
    Withdrawn,
    /// The overall deadline.
    Deadline,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grace => "its grace was over",
            Self::Withdrawn => "the stop was told to wait no more",
            Self::Deadline => "the deadline was over",
        })
    }
}
