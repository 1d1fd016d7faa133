//! A task of our own on a loop that somebody else drives: it shows that the loop takes turns, and
//! when it has ended.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use crate::event::{Reason, ShutdownEvent};
use crate::event_loop::EventLoop;
use crate::roll_call::Waiting;
use crate::wake::call_caught;

/// Lives as long as the attached lifespan; its task ends with it.
pub(super) struct Presence(Signs);

/// What the task, the watching thread and the lifespan tell each other.
#[derive(Clone, Default)]
struct Signs {
    /// The task was polled, or is needed no more: nothing is overdue from here on.
    turned: ShutdownEvent,
    /// The loop has dropped the task.
    ended: ShutdownEvent,
    /// The time for the first turn is over.
    overdue: ShutdownEvent,
    /// The lifespan is over.
    over: ShutdownEvent,
}

/// Why a loop will not run what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It took a task and has not polled it.
    NotDriven,
    /// It has ended.
    Ended,
}

impl Presence {
    /// Begins; the first turn is to come within `patience`. `None`: the loop has ended before.
    pub(super) fn on<L: EventLoop>(handle: &L, patience: Duration) -> Option<Self> {
        let signs = Signs::default();
        // A loop that has ended drops the task, which says so.
        let _ = handle.spawn(stay(EndsWithLoop(signs.clone())));
        if signs.ended.is_set() {
            return None;
        }
        watch(signs.clone(), patience);
        Some(Self(signs))
    }

    /// Completes when the loop is not there, or not any more.
    pub(super) async fn absence(&self) -> Absence {
        let mut ended = self.0.ended.wait();
        let mut overdue = self.0.overdue.wait();
        poll_fn(|context| {
            if Pin::new(&mut ended).poll(context).is_ready() {
                return Poll::Ready(Absence::Ended);
            }
            Pin::new(&mut overdue).poll(context).map(|()| Absence::NotDriven)
        })
        .await
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        set(&self.0.over);
        set(&self.0.turned); // lets the watching thread go
    }
}

/// The task.
async fn stay(guard: EndsWithLoop) {
    set(&guard.0.turned);
    let mut over = guard.0.over.wait();
    poll_fn(|context| {
        Waiting::answer(|| String::from("the end of an attached lifespan"));
        Pin::new(&mut over).poll(context)
    })
    .await;
}

/// Dropped with the task, polled or not.
struct EndsWithLoop(Signs);

impl Drop for EndsWithLoop {
    fn drop(&mut self) {
        if !self.0.over.is_set() {
            set(&self.0.ended);
        }
    }
}

/// Looks at the time from a thread of its own: a loop that nobody drives has no clock either.
///
/// If there is no thread to be had there is no watch, and all else is as it was.
fn watch(signs: Signs, patience: Duration) {
    let watch = move || {
        if matches!(signs.turned.wait_blocking_timeout(patience), Ok(None)) {
            set(&signs.overdue);
        }
    };
    let _ = thread::Builder::new().name("lifespan-attach".into()).spawn(watch);
}

/// Who set it before has set it.
fn set(event: &ShutdownEvent) {
    let _ = call_caught(|| event.trigger().set(Reason::LoopClosed));
}
