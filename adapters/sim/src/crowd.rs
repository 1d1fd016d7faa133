//! Moves the time on where it would stand still for ever: a task that yields in a loop is always
//! ready, and the time of a simulator passes when nothing is.

use std::time::Duration;

/// So many polls may share an instant.
const CROWD: u32 = 100_000;
const FIRST_STEP: Duration = Duration::from_millis(1);

/// Counts the polls of an instant. When there are too many, the time moves by a millisecond, the
/// next time by two, by four, until it passes by itself: a task that yields until a deadline meets
/// it soon, and a burst of many tasks takes little time.
#[derive(Debug)]
pub(crate) struct Crowd {
    polls: u32,
    step: Duration,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        Self { polls: 0, step: FIRST_STEP }
    }

    /// Counts a poll; tells how far the time is to move now.
    pub(crate) fn count(&mut self) -> Option<Duration> {
        self.polls += 1;
        if self.polls < CROWD {
            return None;
        }
        let step = self.step;
        (self.polls, self.step) = (0, step.saturating_mul(2));
        Some(step)
    }
}
