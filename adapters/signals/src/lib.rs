#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! Stops a lifespan on the operating system's signals, the same on every runtime.
//!
//! The signals are heard on a thread of their own (signal-hook), so neither a runtime's own signal
//! support nor a loop that is busy matters. The first asks for a stop, the second has it wait no
//! longer, the third takes the default action: the process ends. Two of a kind that come in the same
//! moment may be one: the system itself keeps no count.
//!
//! ```no_run
//! use lifespan_core::{Lifespan, LoopOwner, Timer};
//! use lifespan_signals::Signals;
//!
//! fn with_signals<O: LoopOwner>(lifespan: Lifespan<O>) -> Lifespan<O> {
//!     lifespan.stop_on(Signals::default())
//! }
//! ```
//!
//! # Before and after
//!
//! Nothing is installed unless asked, and a signal that is not asked for keeps what it does. When no
//! lifespan listens any more, a signal does what it did before the first one: it takes its default
//! action, is ignored, or calls the handler that the program had installed. Such a handler is called
//! while a lifespan listens, too, and comes first. That a signal was ignored or handled is seen on
//! Linux only; elsewhere it is taken for one that had its default action.
//!
//! Whoever handles a signal *after* a lifespan did, and is not to end by its default action, installs
//! the handler before: signal-hook, like tokio's own, cannot take out what it once put in.
//!
//! # Windows
//!
//! There it is the console's Ctrl-C, Ctrl-Break and close. The system ends a program whose window
//! was closed about five seconds later, whatever it does: its budgets must fit into that.

#[cfg(not(any(unix, windows)))]
compile_error!(
    "there are signals on Unix and Windows only: leave the feature `signals` of lifespan out"
);

#[cfg(unix)]
mod before;
#[cfg(unix)]
mod default_action;
#[cfg(unix)]
mod hook;
#[cfg(unix)]
#[path = "unix.rs"]
mod listener;
#[cfg(windows)]
#[path = "windows.rs"]
mod listener;
#[cfg(unix)]
mod numbered;
mod steps;

use lifespan_core::{BoxError, ShutdownTrigger, StopSource};

pub use listener::Listening;

/// The signals that stop a lifespan.
///
/// Default: SIGINT (Ctrl-C) and SIGTERM; on Windows Ctrl-C, Ctrl-Break and close.
#[derive(Clone, Debug)]
pub struct Signals {
    #[cfg(unix)]
    numbers: Vec<i32>,
    #[cfg(unix)]
    hooks: Vec<hook::Hook>,
}

#[cfg(windows)]
impl Default for Signals {
    fn default() -> Self {
        Self {}
    }
}

impl StopSource for Signals {
    type Bound = Listening;

    fn bind(self, stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<Listening, BoxError> {
        Listening::start(self, steps::Steps::new(stop, cancel))
    }
}
