#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! Stops a lifespan on the operating system's signals, the same on every runtime.
//!
//! The signals are heard on a thread of their own (signal-hook), so neither a runtime's own signal
//! support nor a loop that is busy matters. The first asks for a stop, the second has it wait no
//! longer, the third takes the default action: the process ends. Nothing is installed unless asked,
//! and when no lifespan listens any more, a signal has its default action again.
//!
//! ```no_run
//! use lifespan_core::{Lifespan, LoopOwner, Timer};
//! use lifespan_signals::Signals;
//!
//! fn with_signals<O: LoopOwner>(lifespan: Lifespan<O>) -> Lifespan<O> {
//!     lifespan.stop_on(Signals::default())
//! }
//! ```

mod default_action;
#[cfg(unix)]
#[path = "unix.rs"]
mod listener;
#[cfg(not(unix))]
#[path = "polled.rs"]
mod listener;
mod steps;

use lifespan_core::{BoxError, ShutdownTrigger, StopSource};
use signal_hook::consts::{SIGINT, SIGTERM};

pub use listener::Listening;

/// The signals that stop a lifespan. Default: SIGINT (Ctrl-C) and SIGTERM.
#[derive(Clone, Debug)]
pub struct Signals {
    numbers: Vec<i32>,
}

impl Signals {
    /// Chooses the signals by number, as in `signal_hook::consts`.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = i32>) -> Self {
        Self { numbers: numbers.into_iter().collect() }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new([SIGINT, SIGTERM])
    }
}

impl StopSource for Signals {
    type Bound = Listening;

    fn bind(self, stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<Listening, BoxError> {
        if let Some(forbidden) =
            self.numbers.iter().find(|number| signal_hook::consts::FORBIDDEN.contains(number))
        {
            return Err(format!("signal {forbidden} cannot be handled").into());
        }
        Listening::start(&self.numbers, steps::Steps::new(stop, cancel))
    }
}
