//! Hooks on signals that stop nothing, each called on a thread of its own.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// What is to be done when a signal comes.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) number: i32,
    call: Arc<dyn Fn() + Send + Sync>,
}

impl Hook {
    pub(crate) fn new(number: i32, call: impl Fn() + Send + Sync + 'static) -> Self {
        Self { number, call: Arc::new(call) }
    }

    /// Starts its thread, which ends when what is returned is dropped.
    ///
    /// The thread that hears the signals must not wait for a hook: the next signal may be to stop.
    pub(crate) fn listen(self) -> io::Result<Calls> {
        let Self { number, call } = self;
        // One is to come while one is called: what came before that has been seen by neither.
        let (sender, calls) = sync_channel(1);
        thread::Builder::new().name("lifespan-signal-hook".into()).spawn(move || {
            for () in calls {
                // The panic hook has shown it; the next signal finds the hook again.
                let _ = catch_unwind(AssertUnwindSafe(|| call()));
            }
        })?;
        Ok(Calls { number, sender })
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Has a hook called.
pub(crate) struct Calls {
    pub(crate) number: i32,
    sender: SyncSender<()>,
}

impl Calls {
    pub(crate) fn call(&self) {
        // Full: the call that is to come serves for this signal too.
        let _ = self.sender.try_send(());
    }
}
