//! What is leaked and used again: as much of a kind is kept as was ever in use at once.

use crate::sync::{PlainMutex, PoisonError};

/// Those of a kind that nobody has.
pub(crate) struct Pool<T: 'static>(PlainMutex<Vec<&'static T>>);

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Self(PlainMutex::new(Vec::new()))
    }

    /// One that was given back, as it was then, or one that is made.
    pub(crate) fn take(&self, make: impl FnOnce() -> T) -> &'static T {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_else(|| Box::leak(Box::new(make())))
    }

    /// To be called when nobody refers to them any more.
    pub(crate) fn give_back(&self, free: impl IntoIterator<Item = &'static T>) {
        // What a model of loom's makes must not outlive it.
        if cfg!(not(loom)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(free);
        }
    }
}
