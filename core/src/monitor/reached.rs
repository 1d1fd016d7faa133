//! Lets who waits for a phase know that it has come, on any loop or thread.

use super::phase::Phase;
use crate::event::{Reason, ShutdownEvent};
use crate::wake::call_caught;

/// A level for each phase but the first, set when that is reached or passed by.
pub(super) struct Reached([(Phase, ShutdownEvent); 4]);

impl Reached {
    pub(super) fn new() -> Self {
        let phases = [Phase::Serving, Phase::Draining, Phase::Stopping, Phase::Stopped];
        Self(phases.map(|phase| (phase, ShutdownEvent::new())))
    }

    /// `None`: it has been reached before all else.
    pub(super) fn event(&self, phase: Phase) -> Option<&ShutdownEvent> {
        self.0.iter().find(|(other, _)| *other == phase).map(|(_, event)| event)
    }

    /// Wakes who waits for this phase, or for one that it comes after.
    pub(super) fn tell(&self, now: Phase) {
        for (_, event) in self.0.iter().filter(|(phase, _)| *phase <= now) {
            // Set before, or by another thread meanwhile: they have been woken.
            let _ = call_caught(|| event.trigger().set(Reason::Requested));
        }
    }
}
