//! In which phase a lifespan is.

use std::fmt;

use crate::sync::{AtomicU32, Ordering};

/// In which phase a lifespan is; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// It has not started whole: start-up handlers run, or have yet to.
    Starting,
    /// Every component has started, and the tasks are spawned.
    Serving,
    /// A stop was asked for, and the [`drain`](crate::Lifespan::drain) runs: all goes on as before.
    Draining,
    /// Tasks and components are being stopped.
    Stopping,
    /// Everything has ended, or was left behind.
    Stopped,
}

impl Phase {
    const ALL: [Self; 5] =
        [Self::Starting, Self::Serving, Self::Draining, Self::Stopping, Self::Stopped];

    /// Returns its name in one small word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Set with the phase `Serving`, and kept from then on.
const HAS_STARTED: u32 = 1 << 8;

/// A phase that several threads move on, never back, and whether it once was `Serving`.
///
/// Written with `Release` and read with `Acquire`: who sees a phase sees what its lifespan did
/// before.
#[derive(Debug)]
pub(super) struct PhaseCell(AtomicU32);

impl PhaseCell {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(Phase::Starting as u32))
    }

    pub(super) fn get(&self) -> Phase {
        of(self.0.load(Ordering::Acquire))
    }

    pub(super) fn has_started(&self) -> bool {
        self.0.load(Ordering::Acquire) & HAS_STARTED != 0
    }

    /// Moves on to what `next` makes of the phase, if that is a later one. Tells which it moved to.
    pub(super) fn advance(&self, next: impl Fn(Phase) -> Phase) -> Option<Phase> {
        let later = |now: u32| {
            let next = Some(next(of(now))).filter(|next| *next > of(now))?;
            let started = if next == Phase::Serving { HAS_STARTED } else { now & HAS_STARTED };
            Some(next as u32 | started)
        };
        // An error is a phase that is as late already.
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).ok()?;
        Some(next(of(before)))
    }
}

fn of(number: u32) -> Phase {
    let number = number & !HAS_STARTED;
    Phase::ALL.into_iter().find(|phase| *phase as u32 == number).unwrap_or(Phase::Stopped)
}
