//! What an adapter implements: the identity of a loop, and its capabilities, one trait each.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use crate::inside::{self, InsideLoop};
use crate::other_loop::OtherLoop;
use crate::roll_call::Stalled;
use crate::sync::{IdSource, seed};
use crate::tag::TagTaken;

static LOOP_IDS: IdSource = IdSource::new();

/// Identity of one running loop, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoopId(u64);

impl LoopId {
    /// Makes an id that no other loop of this process has.
    #[must_use]
    pub fn unique() -> Self {
        Self(LOOP_IDS.next())
    }

    /// Never zero.
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for LoopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loop#{}", self.0)
    }
}

/// Handle of a running event loop: who it is, and how to start a future on it.
///
/// What it spawns runs to its end though nobody holds anything: dropping a handle never cancels.
///
/// What an adapter must keep besides the signatures (the crate `lifespan-conformance` tests it):
/// - It uses the handle that it holds, never the ambient context of the calling thread.
/// - The handle is weak: tasks hold it, and must not keep their loop alive.
/// - No lock is held while a future is polled or dropped, or a waker is woken or dropped: they may
///   spawn, wake and sleep on this very loop.
/// - A loop that ends drops its futures, and takes no more: not from their destructors either.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no loop handle",
    label = "this needs the handle of an event loop",
    note = "loop handles come from an adapter: `Tokio` (lifespan-tokio), `Smol` (lifespan-smol); \
            a runtime's own handle or executor is none"
)]
pub trait EventLoop: Clone + Send + Sync + 'static {
    /// The adapter's name, for messages: `tokio`, `smol`.
    const NAME: &'static str;

    /// Returns the adapter's name; behind an erased handle, that of the real one.
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// Returns which loop this is; clones of one handle agree.
    fn id(&self) -> LoopId;

    /// Returns a number that nobody can guess, as for the jitter of delays between two attempts.
    ///
    /// On a loop that is the same in each run, so are these numbers. Default: from the operating
    /// system.
    fn seed(&self) -> u64 {
        seed()
    }

    /// Starts a future on the loop; it is not polled inside this call.
    ///
    /// # Errors
    /// [`Closed`] if the loop is known to have ended. In any case the future has been dropped then;
    /// a loop that ends later drops the futures that it still has.
    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed>;
}

/// A loop that has timers.
#[diagnostic::on_unimplemented(
    message = "the loop `{Self}` has no timers",
    label = "this needs `{Self}: Timer`",
    note = "in a generic function, add the bound `L: Timer`",
    note = "otherwise use a loop that has timers, such as `Tokio` (lifespan-tokio) or `Smol` \
            (lifespan-smol); a runtime's own handle or executor is no loop handle"
)]
pub trait Timer: EventLoop {
    /// The future that [`sleep`](Self::sleep) returns.
    ///
    /// It gives [`Closed`] when its loop has ended meanwhile, or before: at the latest when it would
    /// have been due. It never panics.
    type Sleep: Future<Output = Result<(), Closed>> + Send + 'static;

    /// Completes after `duration`; `ZERO` and `MAX` are valid, and a time beyond the clock is never.
    fn sleep(&self, duration: Duration) -> Self::Sleep;

    /// Returns the loop's own time, which may be virtual.
    fn now(&self) -> Instant;

    /// Tells whether its time has nothing to do with the time outside, as a simulator's.
    ///
    /// Then no thread watches a lifespan's overall deadline, which only the loop can tell. Default:
    /// it goes with the time outside.
    fn has_virtual_time(&self) -> bool {
        false
    }

    /// Has the loop see to its timers, though a task may block the thread that did so.
    ///
    /// It is for loops of several threads of which one at a time watches the clock for all, and does
    /// not pass that on before it runs a task. A thread of the lifespan's calls it ten times a second
    /// while it starts or stops, and no more once it has returned `false`: there is no such need.
    /// Default: nothing, and `false`.
    fn tend_timers(&self) -> bool {
        false
    }
}

/// A loop that has threads for blocking work.
#[diagnostic::on_unimplemented(
    message = "the loop `{Self}` has no threads for blocking work",
    label = "this needs `{Self}: Blocking`",
    note = "in a generic function, add the bound `L: Blocking`",
    note = "otherwise use a loop that has such threads, such as `Tokio` (lifespan-tokio) or \
            `Smol` (lifespan-smol); a runtime's own handle or executor is no loop handle"
)]
pub trait Blocking: EventLoop {
    /// Runs a closure on a thread that may block.
    ///
    /// # Errors
    /// [`Closed`] if the loop has ended; the closure has been dropped then.
    fn spawn_blocking<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Closed>;
}

/// A loop that runs futures which are not `Send`, on its own thread.
#[diagnostic::on_unimplemented(
    message = "the loop `{Self}` runs no tasks that are not `Send`",
    label = "this needs `{Self}: LocalLoop`",
    note = "use `spawn` with a `Send` body, or choose a local loop such as `TokioLocalLoop::new()`"
)]
pub trait LocalLoop: EventLoop {
    /// Tells whether this is the loop's own thread; while nobody drives the loop, it may say no.
    fn is_on_its_thread(&self) -> bool;

    /// Starts a future on this thread; it is not polled inside this call.
    ///
    /// # Errors
    /// [`Closed`] if the loop has ended, or another thread drives it; the future has been dropped
    /// then.
    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed>;
}

/// Owns a loop and drives it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not own an event loop",
    label = "this needs an owner such as `TokioLoop` or `SmolLoop`",
    note = "`Lifespan::on` takes the owner of a loop, not a handle of one; inside a loop that runs \
            already use `Lifespan::attach` with a handle such as `Tokio::current()?`"
)]
pub trait LoopOwner {
    /// What names this loop inside and outside of it.
    type Handle: EventLoop;

    /// Drives the loop on this thread until the future of `f` ends.
    ///
    /// Tasks that still live then belong to the owner: they go on in the next `run`, or meanwhile on
    /// threads that the loop has of its own, and are dropped with it. The same when the future
    /// panics, which goes through to the caller.
    ///
    /// # Errors
    /// [`RunError`] if this thread is running a loop, or the loop cannot be made.
    fn run<T, F: AsyncFnOnce(&Self::Handle) -> T>(&mut self, f: F) -> Result<T, RunError>;

    /// Tells whether [`run`](Self::run) may block this thread, before there is an owner.
    ///
    /// For [`Workers`](crate::Workers), whose owners are made on other threads. Default: what
    /// [`Inside`](crate::Inside) knows; adapters of runtimes that can tell of loops which somebody
    /// else drives ask these too.
    ///
    /// # Errors
    /// [`InsideLoop`], naming `what` would block, if this thread is running a loop.
    fn may_block(what: &'static str) -> Result<(), InsideLoop> {
        inside::refuse(what)
    }
}

/// So that one owner can run more than once: `Lifespan::on(&mut owner)`.
impl<O: LoopOwner> LoopOwner for &mut O {
    type Handle = O::Handle;

    fn run<T, F: AsyncFnOnce(&Self::Handle) -> T>(&mut self, f: F) -> Result<T, RunError> {
        O::run(self, f)
    }

    fn may_block(what: &'static str) -> Result<(), InsideLoop> {
        O::may_block(what)
    }
}

/// A scope or loop has ended; what could not be used comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T = ()> {
    value: T,
}

impl<T> Closed<T> {
    /// Wraps what could not be used.
    pub fn new(value: T) -> Self {
        Self { value }
    }

    /// Gives back what could not be used.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lifespan or its loop has ended, so nothing new can start in it")
    }
}

impl<T> Error for Closed<T> {}

/// A loop could not be run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// This thread is running a loop already.
    InsideLoop(InsideLoop),
    /// The runtime could not be made, or could not drive.
    Runtime(Box<dyn Error + Send + Sync>),
    /// The loop can make no progress any more.
    Stalled(Stalled),
    /// Another loop that runs now has this loop's tag.
    TagTaken(TagTaken),
    /// A [`Foreground`](crate::Foreground) was to wait for a task of another one.
    OtherLoop(OtherLoop),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsideLoop(inside) => inside.fmt(f),
            Self::Runtime(error) => {
                write!(f, "the runtime could not be made, or could not drive: {error}")
            }
            Self::Stalled(stalled) => stalled.fmt(f),
            Self::TagTaken(taken) => taken.fmt(f),
            Self::OtherLoop(other) => other.fmt(f),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::InsideLoop(inside) => Some(inside),
            Self::Runtime(error) => Some(error.as_ref()),
            Self::Stalled(stalled) => Some(stalled),
            Self::TagTaken(taken) => Some(taken),
            Self::OtherLoop(other) => Some(other),
        }
    }
}

/// There is no running loop to attach to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLoop {
    adapter: &'static str,
    has_no_timers: bool,
}

impl NoLoop {
    /// For adapters: names the adapter that looked for a loop.
    #[must_use]
    pub fn new(adapter: &'static str) -> Self {
        Self { adapter, has_no_timers: false }
    }

    /// For adapters: a loop is running, and its timers are switched off.
    #[must_use]
    pub fn without_timers(adapter: &'static str) -> Self {
        Self { adapter, has_no_timers: true }
    }
}

impl fmt::Display for NoLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { adapter, has_no_timers } = self;
        if *has_no_timers {
            return write!(f, "this {adapter} loop was built without timers: switch them on");
        }
        write!(
            f,
            "no {adapter} loop is running here: attach inside one, or let the lifespan own its loop"
        )
    }
}

impl Error for NoLoop {}

impl From<InsideLoop> for RunError {
    fn from(inside: InsideLoop) -> Self {
        Self::InsideLoop(inside)
    }
}

impl From<TagTaken> for RunError {
    fn from(taken: TagTaken) -> Self {
        Self::TagTaken(taken)
    }
}

impl From<OtherLoop> for RunError {
    fn from(other: OtherLoop) -> Self {
        Self::OtherLoop(other)
    }
}
