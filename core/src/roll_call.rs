//! Asks a future that makes no progress what it waits for.
//!
//! While the roll is called on a thread, a polled task says who it is, and the futures inside it say
//! what they wait for. A deterministic loop calls it when nothing can ever happen again.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;

use crate::wake::call_caught;

thread_local! {
    static CALLING: Cell<bool> = const { Cell::new(false) };
    static ANSWERS: RefCell<Waiting> = const { RefCell::new(Waiting::nobody()) };
}

/// Who waits, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The path of the task; `None` for the root of the loop.
    pub task: Option<String>,
    /// What its futures said; empty: for a wake-up from elsewhere.
    pub on: Vec<String>,
}

impl Waiting {
    const fn nobody() -> Self {
        Self { task: None, on: Vec::new() }
    }

    /// Polls one spawned future by `poll`, and returns what it answers.
    ///
    /// For adapters. The waker should be another than the usual one, so that no future thinks
    /// nothing has changed; the loop must be at its end, since wakers are replaced.
    pub fn of(poll: impl FnOnce()) -> Self {
        let outer = ANSWERS.replace(Self::nobody());
        let was_calling = CALLING.replace(true);
        let polled = call_caught(poll);
        CALLING.set(was_calling);
        let answers = ANSWERS.replace(outer);
        if let Err(payload) = polled {
            resume_unwind(payload.into_inner());
        }
        answers
    }

    /// Says what the future that is being polled waits for, if the roll is being called.
    ///
    /// For the futures of adapters: their sleeps, for example.
    #[inline]
    pub fn answer(what: impl FnOnce() -> String) {
        if CALLING.get() {
            Self::push(what());
        }
    }

    #[cold]
    fn push(what: String) {
        ANSWERS.with_borrow_mut(|answers| answers.on.push(what));
    }

    #[inline]
    pub(crate) fn answer_task(path: impl FnOnce() -> String) {
        if CALLING.get() {
            Self::set_task(path());
        }
    }

    #[cold]
    fn set_task(path: String) {
        ANSWERS.with_borrow_mut(|answers| answers.task = Some(path));
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            Some(path) => write!(f, "task {path} waits for ")?,
            None => f.write_str("the root waits for ")?,
        }
        if self.on.is_empty() {
            return f.write_str("a wake-up from elsewhere");
        }
        f.write_str(&self.on.join(", "))
    }
}

/// A loop can make no progress any more: nothing is ready, and no time is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stalled {
    waiting: Vec<Waiting>,
}

impl Stalled {
    /// For adapters: all that waits.
    #[must_use]
    pub fn new(waiting: Vec<Waiting>) -> Self {
        Self { waiting }
    }

    /// Returns all that waits, and for what.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the loop can make no progress")?;
        for waiting in &self.waiting {
            write!(f, "\n  {waiting}")?;
        }
        Ok(())
    }
}

impl Error for Stalled {}
