//! What the first, the second and the third signal do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lifespan_core::{Reason, ShutdownTrigger};

/// Counts the signals of one lifespan.
pub(crate) struct Steps {
    stop: ShutdownTrigger,
    cancel: ShutdownTrigger,
    heard: u32,
}

/// What the third signal asks for: its default action.
#[must_use]
pub(crate) struct DefaultAction;

impl Steps {
    pub(crate) fn new(stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Self {
        Self { stop, cancel, heard: 0 }
    }

    pub(crate) fn hear(&mut self, name: &'static str) -> Option<DefaultAction> {
        self.heard += 1;
        match self.heard {
            1 => set(&self.stop, name),
            2 => set(&self.cancel, name),
            _ => return Some(DefaultAction),
        }
        None
    }
}

/// Sets the event; a foreign waker that panics must not end the thread that hears the next signal.
fn set(trigger: &ShutdownTrigger, name: &'static str) {
    let _ = catch_unwind(AssertUnwindSafe(|| trigger.set(Reason::Signal(name))));
}
