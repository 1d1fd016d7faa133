//! The loop's own time, virtual or real, for ages and budgets.

use std::fmt;
use std::time::Instant;

use crate::event_loop::Timer;
use crate::sync::Arc;

#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Instant + Send + Sync>);

impl Clock {
    pub(crate) fn of(timer: &impl Timer) -> Self {
        let timer = timer.clone();
        Self(Arc::new(move || timer.now()))
    }

    pub(crate) fn now(&self) -> Instant {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
