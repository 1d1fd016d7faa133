//! Which tasks are being polled, on which thread: so that another one can tell who blocks it.

use crate::sync::{Marks, Ordering};

/// So many threads do not meet; of more, two that share a place may hide each other.
const PLACES: usize = 16;

/// Marks of the threads of one lifespan's loop.
///
/// Only looked at when something takes too long. A mark is written by one thread in most cases, and
/// is Relaxed: nothing is read because of it but itself.
#[derive(Default)]
pub(crate) struct Polls([Place; PLACES]);

/// Aligned, so that threads do not share a line of the cache.
#[derive(Default)]
#[repr(align(64))]
struct Place {
    task: Marks,
    /// Of a tracked future, which mostly lies in a task, perhaps of another lifespan or of none.
    tracked: Marks,
}

/// Names a task of any registry; never zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollKey(u64);

impl PollKey {
    /// By the address of its word, which no other task has while it lives.
    #[inline]
    pub(crate) fn of(word: usize) -> Self {
        Self(word as u64)
    }
}

impl Polls {
    /// Marks a task as being polled on this thread, until what is returned is dropped.
    #[inline]
    pub(crate) fn begin(&self, thread: usize, key: PollKey) -> Polled<'_> {
        Polled::mark(&self.0[thread % PLACES].task, key)
    }

    /// As [`begin`](Self::begin), of a tracked future; of several inside each other the innermost is
    /// marked.
    #[inline]
    pub(crate) fn begin_tracked(&self, thread: usize, key: PollKey) -> Polled<'_> {
        Polled::mark(&self.0[thread % PLACES].tracked, key)
    }

    pub(crate) fn has(&self, key: PollKey) -> bool {
        let is_marked = |mark: &Marks| mark.load(Ordering::Relaxed) == key.0;
        self.0.iter().any(|place| is_marked(&place.task) || is_marked(&place.tracked))
    }
}

#[must_use = "the task is marked while this lives"]
pub(crate) struct Polled<'a>(&'a Marks);

impl<'a> Polled<'a> {
    #[inline]
    fn mark(mark: &'a Marks, key: PollKey) -> Self {
        mark.store(key.0, Ordering::Relaxed);
        Self(mark)
    }
}

impl Drop for Polled<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
