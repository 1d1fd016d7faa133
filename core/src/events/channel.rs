//! One named event: who has subscribed, and what each has yet to hear.
//!
//! Nothing runs foreign code under the lock: values and wakers come in already cloned, and leave it
//! to be dropped or woken afterwards.

use std::any::{Any, TypeId, type_name};
use std::collections::VecDeque;
use std::task::{Poll, Waker};

use crate::sync::{Arc, Mutex, lock};
use crate::task::Name;
use crate::waiters::{Taken, WakerId, WakerSlot};
use crate::wake::{drop_caught, drop_each_caught, wake_all};

/// What was dispatched, for every subscriber the same.
pub(super) type Value = Arc<dyn Any + Send + Sync>;

/// The type that an event carries.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    id: TypeId,
    pub(super) name: &'static str,
}

impl Kind {
    pub(super) fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// What a full queue keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The latest; what it lacks is counted.
    Latest,
    /// The first; nobody asks for more.
    First,
}

/// What a subscriber finds when it looks.
pub(super) enum Found {
    Value(Value),
    /// So many were dropped since it last looked.
    Missed(u64),
    /// There is nothing, and nothing will come.
    Closed,
}

pub(super) struct Channel {
    pub(super) name: Name,
    pub(super) kind: Kind,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By key; a free place is `None`.
    listeners: Vec<Option<Listener>>,
    free: Vec<usize>,
    closed: bool,
}

struct Listener {
    queue: VecDeque<Value>,
    capacity: usize,
    keep: Keep,
    missed: u64,
    waker: WakerSlot,
}

impl Channel {
    pub(super) fn new(name: Name, kind: Kind) -> Self {
        Self { name, kind, state: Mutex::default() }
    }

    pub(super) fn add(&self, capacity: usize, keep: Keep) -> usize {
        let (queue, waker) = (VecDeque::new(), WakerSlot::default());
        let listener = Listener { queue, capacity, keep, missed: 0, waker };
        let mut state = lock(&self.state);
        if let Some(key) = state.free.pop() {
            state.listeners[key] = Some(listener);
            return key;
        }
        state.listeners.push(Some(listener));
        state.listeners.len() - 1
    }

    /// Takes a listener out. Tells whether it was the last one.
    pub(super) fn remove(&self, key: usize) -> bool {
        let mut state = lock(&self.state);
        let listener = state.listeners[key].take();
        state.free.push(key);
        let was_last = state.is_empty();
        drop(state);
        // What nobody has heard: a destructor that panics is not to blame on who leaves.
        if let Some(Listener { queue, mut waker, .. }) = listener {
            drop_each_caught(queue);
            let _ = drop_caught(waker.take());
        }
        was_last
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.state).is_empty()
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.state).len()
    }

    /// Hands a value to each listener, and tells how many took it.
    pub(super) fn dispatch(&self, value: &Value) -> usize {
        let (mut woken, mut dropped, mut heard) = (Taken::default(), Vec::new(), 0);
        let mut state = lock(&self.state);
        for listener in state.listeners.iter_mut().flatten() {
            if listener.push(value, &mut dropped) {
                heard += 1;
                woken.extend(listener.waker.take());
            }
        }
        drop(state);
        // The panic hook has shown a panic in these; who dispatches goes on.
        drop_each_caught(dropped);
        let _ = wake_all(woken);
        heard
    }

    /// No more will come; what is queued stays.
    pub(super) fn close(&self) {
        let mut woken = Taken::default();
        let mut state = lock(&self.state);
        state.closed = true;
        woken.extend(state.listeners.iter_mut().flatten().filter_map(|it| it.waker.take()));
        drop(state);
        let _ = wake_all(woken);
    }

    /// Takes what comes next for a listener, if there is something.
    pub(super) fn take(&self, key: usize) -> Option<Found> {
        lock(&self.state).take(key)
    }

    /// As `take`, or has the waker woken when there is something.
    ///
    /// No wake-up is lost: who dispatches pushes and takes the waker in one locked section, and this
    /// looks and registers in one. `me` names the registered waker while it is; it is forgotten
    /// whenever something is taken, so that while it stands the waker is still there.
    pub(super) fn poll(&self, key: usize, me: &mut WakerId, waker: &Waker) -> Poll<Found> {
        let id = WakerId::of(waker);
        if let Some(found) = self.take(key) {
            *me = WakerId::NONE;
            return Poll::Ready(found);
        }
        if *me == id {
            return Poll::Pending;
        }
        let waker = waker.clone();
        let mut state = lock(&self.state);
        if let Some(found) = state.take(key) {
            drop(state);
            *me = WakerId::NONE;
            return Poll::Ready(found);
        }
        let old = state.listener(key).and_then(|listener| listener.waker.replace(waker));
        drop(state);
        drop(old);
        *me = id;
        Poll::Pending
    }

    /// Takes a registered waker out.
    pub(super) fn forget(&self, key: usize, me: &mut WakerId) {
        if *me != WakerId::NONE {
            *me = WakerId::NONE;
            let waker = lock(&self.state).listener(key).and_then(|it| it.waker.take());
            drop(waker);
        }
    }
}

impl State {
    fn len(&self) -> usize {
        self.listeners.len() - self.free.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn listener(&mut self, key: usize) -> Option<&mut Listener> {
        self.listeners[key].as_mut()
    }

    fn take(&mut self, key: usize) -> Option<Found> {
        let closed = self.closed.then_some(Found::Closed);
        self.listener(key).and_then(Listener::take).or(closed)
    }
}

impl Listener {
    /// Tells whether it took the value. One that had to go for it is the caller's to drop.
    fn push(&mut self, value: &Value, dropped: &mut Vec<Value>) -> bool {
        if self.queue.len() == self.capacity {
            if self.keep == Keep::First {
                return false;
            }
            dropped.extend(self.queue.pop_front());
            self.missed += 1;
        }
        self.queue.push_back(Arc::clone(value));
        true
    }

    /// What was missed lay before what is left.
    fn take(&mut self) -> Option<Found> {
        if self.missed > 0 {
            return Some(Found::Missed(std::mem::take(&mut self.missed)));
        }
        self.queue.pop_front().map(Found::Value)
    }
}
