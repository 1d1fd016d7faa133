//! Which signals there are, where they have numbers.

use std::io::{self, Write};

use lifespan_core::Monitor;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use crate::Signals;
use crate::hook::Hook;

impl Signals {
    /// Chooses the signals that stop by number, as in `signal_hook::consts`.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = i32>) -> Self {
        Self { numbers: numbers.into_iter().collect(), hooks: Vec::new() }
    }

    /// Calls a hook on each SIGHUP, which by its default action ends the process.
    ///
    /// It is called on a thread of its own, one call at a time: it may block, and the signals that
    /// stop are heard meanwhile. What comes while it is called has it called once more. A panic in it
    /// harms nobody. When the lifespan has ended, a call that is under way goes on. Default: SIGHUP
    /// is left alone.
    ///
    /// # Examples
    /// Each time, a task of the lifespan reads the settings again:
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::sync::Arc;
    /// use lifespan_core::{Lifespan, LoopOwner};
    /// use lifespan_signals::Signals;
    ///
    /// fn with_reload<O: LoopOwner>(lifespan: Lifespan<O>, asked: Arc<AtomicU64>) -> Lifespan<O> {
    ///     lifespan.stop_on(Signals::default().on_reload(move || {
    ///         asked.fetch_add(1, Ordering::Relaxed);
    ///     }))
    /// }
    /// ```
    #[must_use]
    pub fn on_reload(self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.with(Hook::new(SIGHUP, hook))
    }

    /// Prints all that lives in a lifespan to standard error on each SIGUSR1.
    ///
    /// Also while its loop is blocked, and in a stop that takes long. By its default action SIGUSR1
    /// ends the process. Default: it is left alone.
    ///
    /// # Examples
    /// ```
    /// use lifespan_core::{Lifespan, LoopOwner};
    /// use lifespan_signals::Signals;
    ///
    /// fn with_signals<O: LoopOwner>(lifespan: Lifespan<O>) -> Lifespan<O> {
    ///     let monitor = lifespan.monitor();
    ///     lifespan.stop_on(Signals::default().print_snapshot(monitor))
    /// }
    /// ```
    #[must_use]
    pub fn print_snapshot(self, monitor: Monitor) -> Self {
        self.with(Hook::new(SIGUSR1, move || {
            // A reader that went away is no reason to end.
            let _ = writeln!(io::stderr(), "{}", monitor.snapshot());
        }))
    }

    /// The last hook for a signal is the one that counts.
    fn with(mut self, hook: Hook) -> Self {
        self.hooks.retain(|other| other.number != hook.number);
        self.hooks.push(hook);
        self
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new([SIGINT, SIGTERM])
    }
}
