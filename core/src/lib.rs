#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! The runtime-independent core of `lifespan`: shutdown event, task registry, lifespan.
//!
//! It does no I/O, has no timer and no executor of its own, and depends on nothing but std. A loop
//! comes from an adapter (`lifespan-tokio`, `lifespan-smol`, ..); what cancel, panic, drop and
//! deadline mean is written here, once, so that it is the same on every runtime. Libraries depend on
//! this crate and write functions that are generic over the loop; applications depend on `lifespan`
//! and pick an adapter by feature.
//!
//! ```
//! use std::time::Duration;
//! use lifespan_core::{Cx, Timer};
//!
//! /// Polls until it is told to stop, on whichever runtime.
//! pub async fn poller<L: Timer>(cx: Cx<'_, L>) {
//!     while !cx.wait_timeout(Duration::from_secs(5)).await.is_set() {
//!         // fetch, store
//!     }
//! }
//! ```
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | event loop, loop | one running instance of an executor with its timers |
//! | loop handle | cheap, typed name of a loop: an [`EventLoop`]; with its type forgotten, [`AnyLoop`] |
//! | [`Cx`] | proof of being inside a task; lives no longer than that task |
//! | scope | one shutdown event and one registry of tasks; the root's, a component's, or an [`OpenScope`] inside one |
//! | [`Spawner`] | remote control of a scope, for request handlers and other threads |
//! | task | a spawned future with a name or an id, in a registry; or one that others spawn: [`Tracked`] |
//! | foreground | what the program itself waits for; everything else is in the background |
//! | [`Service`] | a task that begins again when it ends, as its policy says |
//! | component | a start-up handler, a shutdown handler, tasks, and what it comes after |
//! | [`Lifespan`] | the whole: components, tasks, budgets; built, then run |
//! | stop, cancel | *stop* is soft: the event is set, the task ends by itself; *cancel* is hard: the future is dropped |
//! | worker | a thread with a loop and a lifespan of its own; made by [`Workers`], from one description |
//! | grace | how long between stop and cancel |
//! | drain | the time after the request to stop in which all goes on, not [`ready`](Health::ready) any more |
//! | named event | a value for all who listen to its name; see [`Events`] |
//! | [`Outcome`] | how a task ended |
//! | [`Observer`] | hears of tasks as it happens: spawned, stopped, late, ended, failed |
//! | straggler | what had not ended when the deadline passed |
//!
//! # What holds on every runtime
//!
//! - A task ends in exactly one [`Outcome`], also when its body, its destructor or its loop fails.
//! - Dropping a [`Task`] detaches it: the registry owns the task. What cancels on drop says so:
//!   [`OpenScope`], [`CancelOnDrop`], [`Tracked`], [`Foreground`], and the future of an
//!   [attached](Lifespan::attach) lifespan.
//! - A cancel resolves when the future *has been dropped*, and never raises the task's own error.
//! - A failure that nobody awaits reaches the [`Observer`] when it happens, and the [`Report`]; once.
//! - No waker is woken, cloned or dropped under a lock, and a panicking one harms nobody else.
//! - A stop ends within its deadline, and says what it left behind. While a task blocks the loop, it
//!   cannot end, but is reported all the same; [`HardEnd`] says whether the process ends then.
mod any_loop;
mod clock;
#[cfg(test)]
mod counted;
mod driver_threads;
mod event;
mod event_loop;
mod events;
mod foreground;
mod inside;
mod json;
mod lifespan;
mod monitor;
mod observer;
mod observers;
mod on_thread;
mod other_loop;
mod park;
mod polls;
mod pool;
mod registry;
mod roll_call;
mod scope;
mod service;
mod stands_still;
#[cfg(all(test, loom))]
mod still;
mod sync;
mod tag;
mod task;
mod waiters;
mod wake;
mod worker;
mod workers;
mod yield_now;

pub use any_loop::AnyLoop;
pub use driver_threads::DriverThreads;
pub use event::{AlreadySet, DropGuard, Reason, ShutdownEvent, ShutdownTrigger, Wait, WaitOwned};
pub use event_loop::{
    Blocking, Closed, EventLoop, LocalLoop, LoopId, LoopOwner, NoLoop, RunError, Timer,
};
pub use events::{Events, Recv, RecvError, Subscription, WrongType};
pub use foreground::Foreground;
pub use inside::{Inside, InsideLoop};
pub use lifespan::{
    Attached, Component, ComponentReport, HandlerOutcome, HardEnd, Lifespan, Phases, Report,
    StartError, StillStopping, StopSource, Straggler, TaskReport,
};
pub use monitor::{
    Awaited, AwaitedKind, Health, Monitor, Node, NodeKind, NodeState, Phase, Snapshot,
};
pub use observer::{Observer, Restart};
pub use on_thread::OnThread;
pub use other_loop::OtherLoop;
pub use registry::{
    Cancel, CancelMatching, Finished, Late, Limit, NotFound, NotReady, Ready, TaskEnd, TaskRef,
    Tasks, WorkerTasks,
};
pub use roll_call::{Stalled, Waiting};
pub use scope::{
    Bound, CancelOnDrop, Cx, CxEvents, Elapsed, Factory, GraceExtension, Interval, OpenScope,
    Replace, SameLoop, ScopeBuilder, ScopeError, ScopeReport, ScopeTask, ServiceBuilder,
    SpawnError, Spawner, State, Stopped, Task, TaskBuilder, TaskFn, Tracked, WaitError, Waited,
    WrongLoop, WrongThread,
};
pub use service::{OnEnd, OnFailure, RestartPolicy, Service, Strategy};
pub use stands_still::StandsStill;
#[doc(hidden)]
pub use tag::TagHolder;
pub use tag::{Tag, TagClaim, TagTaken, Untagged};
pub use task::{BoxError, Failure, Name, Outcome, Output, Panic, TaskError, TaskId, TaskState};
pub use worker::Worker;
pub use workers::{Workers, WorkersReport};
