//! Closures for blocking work: each on a thread of its own, and how they meet virtual time.
//!
//! A closure may compute, or wait for something that only the loop can bring: nobody can tell from
//! outside. So it begins when its turn comes, and the loop stands still until it has ended or
//! `patience` is over. One that ends within it is one step of the loop, as deterministic as a poll.
//! One that does not runs beside the loop, which is patient with it again before each move of the
//! time. What it does then is the only thing that a seed does not decide.
//!
//! While nobody drives the loop there are no turns: a closure begins at once, and the loop stands
//! still for it when it is next driven.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use lifespan_core::Closed;

use crate::queue::Ready;
use crate::shared::Shared;
use crate::trace::What;

/// A closure that waits for its turn.
pub(crate) struct Work {
    pub(crate) number: u64,
    run: Box<dyn FnOnce() + Send>,
}

impl Work {
    /// Queues the closure for its turn, or begins it now if there are no turns.
    pub(crate) fn take<F>(shared: &Arc<Shared>, work: F) -> Result<(), Closed>
    where
        F: FnOnce() + Send + 'static,
    {
        let mut state = shared.lock();
        let number = state.next_number().ok_or_else(|| Closed::new(()))?;
        let is_driven = state.is_driven;
        drop(state);
        let work = Self { number, run: Box::new(work) };
        if is_driven {
            shared.push(Ready::Work(work));
        } else {
            work.begin_between(shared);
        }
        Ok(())
    }

    /// Starts the closure while nobody drives the loop, which stands still for it in the next drive.
    ///
    /// If there is no thread to be had, the closure is dropped, and its task says so.
    pub(crate) fn begin_between(self, shared: &Arc<Shared>) {
        shared.lock().begun_between.insert(self.number);
        // The destructor of a closure may panic, and this may be called while a panic goes through.
        let _ = catch_unwind(AssertUnwindSafe(|| self.start(shared)));
    }

    /// Starts the closure, and stands still for it.
    pub(crate) fn begin(self, shared: &Arc<Shared>, patience: Duration) -> io::Result<()> {
        let number = self.number;
        self.start(shared)?;
        shared.stand_still(patience, |state| state.closures.contains(&number));
        Ok(())
    }

    fn start(self, shared: &Arc<Shared>) -> io::Result<()> {
        let Self { number, run } = self;
        let ended = Ended { shared: Arc::downgrade(shared), number };
        let mut state = shared.lock();
        state.closures.insert(number);
        state.recorder.note(What::ClosureBegan(number));
        drop(state);
        // Not joined: nothing can make a closure end.
        thread::Builder::new().name("lifespan-sim".into()).spawn(move || {
            run();
            drop(ended); // owned by the thread, so it is dropped when the closure panics, too
        })?;
        Ok(())
    }
}

/// Tells the loop, when it is dropped, that a closure has ended.
struct Ended {
    shared: Weak<Shared>,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut state = shared.lock();
        state.closures.remove(&self.number);
        state.begun_between.remove(&self.number);
        state.recorder.note(What::ClosureEnded(self.number));
        drop(state);
        shared.ring();
    }
}
