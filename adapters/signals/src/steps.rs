//! What the first, the second and the third signal do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lifespan_core::{Reason, ShutdownTrigger};
use signal_hook::low_level::{emulate_default_handler, signal_name};

/// Counts the signals of one lifespan.
pub(crate) struct Steps {
    stop: ShutdownTrigger,
    cancel: ShutdownTrigger,
    heard: u32,
}

impl Steps {
    pub(crate) fn new(stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Self {
        Self { stop, cancel, heard: 0 }
    }

    pub(crate) fn hear(&mut self, number: i32) {
        self.heard += 1;
        let reason = Reason::Signal(signal_name(number).unwrap_or("unknown"));
        match self.heard {
            1 => set(&self.stop, reason),
            2 => set(&self.cancel, reason),
            _ => {
                // It fails for signals that have no default action to take, and then there is
                // nothing to do.
                let _ = emulate_default_handler(number);
            }
        }
    }
}

/// Sets the event; a foreign waker that panics must not end the thread that hears the next signal.
fn set(trigger: &ShutdownTrigger, reason: Reason) {
    let _ = catch_unwind(AssertUnwindSafe(|| trigger.set(reason)));
}
