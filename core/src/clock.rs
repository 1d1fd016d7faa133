//! The loop's own time, virtual or real, for ages and budgets.

use std::fmt;
use std::time::{Duration, Instant};

use crate::event_loop::Timer;
use crate::sync::Arc;

#[derive(Clone)]
pub(crate) struct Clock {
    read: Arc<dyn Fn() -> Instant + Send + Sync>,
    /// When the clock was made: what stamps count from.
    origin: Instant,
}

/// A time in one word: nanoseconds from the origin of a clock, or none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Clock {
    pub(crate) fn of(timer: &impl Timer) -> Self {
        let timer = timer.clone();
        let origin = timer.now();
        Self { read: Arc::new(move || timer.now()), origin }
    }

    /// Reads the loop's clock: the code of an adapter, so never called under a lock.
    pub(crate) fn now(&self) -> Instant {
        (self.read)()
    }

    /// The same in one word.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp_of(self.now())
    }

    pub(crate) fn stamp_of(&self, time: Instant) -> Stamp {
        let nanos = time.saturating_duration_since(self.origin).as_nanos();
        Stamp(u64::try_from(nanos).unwrap_or(u64::MAX).min(u64::MAX - 1))
    }
}

impl Stamp {
    /// No time was read.
    pub(crate) const NONE: Self = Self(u64::MAX);

    /// This, or another where this is none.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::NONE { other } else { self }
    }

    pub(crate) fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
