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
struct Place(Marks);

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
        let place = &self.0[thread % PLACES].0;
        place.store(key.0, Ordering::Relaxed);
        Polled(place)
    }

    pub(crate) fn has(&self, key: PollKey) -> bool {
        self.0.iter().any(|place| place.0.load(Ordering::Relaxed) == key.0)
    }
}

#[must_use = "the task is marked while this lives"]
pub(crate) struct Polled<'a>(&'a Marks);

impl Drop for Polled<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
