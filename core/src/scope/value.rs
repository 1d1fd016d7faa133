//! How the value of a body travels to its `Task<T>`: in a slot of its own, unless it is `()`.

use std::any::{Any, TypeId};

use crate::sync::{Arc, Mutex, lock};
use crate::wake::drop_caught;

pub(super) struct ValueSlot<T>(Option<Arc<Mutex<Option<T>>>>);

impl<T: 'static> ValueSlot<T> {
    pub(super) fn new() -> Self {
        Self((!is_unit::<T>()).then(|| Arc::new(Mutex::new(None))))
    }

    /// Stores the value; a unit is remade by `take`.
    pub(super) fn put(&self, value: T) {
        if let Some(slot) = &self.0 {
            *lock(slot) = Some(value);
        }
    }

    pub(super) fn take(&self) -> Option<T> {
        match &self.0 {
            Some(slot) => lock(slot).take(),
            None => unit(),
        }
    }
}

impl<T> Clone for ValueSlot<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The end of a slot that the tracked future holds. If the handle has gone meanwhile, the value is
/// this end's to drop, and no panic leaves the tracked future.
pub(super) struct Sender<T: 'static>(ValueSlot<T>);

impl<T: 'static> Sender<T> {
    pub(super) fn new(slot: ValueSlot<T>) -> Self {
        Self(slot)
    }

    pub(super) fn put(&self, value: T) {
        self.0.put(value);
    }

    /// Whether the value is `()`, which nobody stores and nobody drops.
    #[inline]
    pub(super) fn is_unit(&self) -> bool {
        is_unit::<T>()
    }
}

impl<T: 'static> Drop for Sender<T> {
    #[inline]
    fn drop(&mut self) {
        if is_unit::<T>() {
            return;
        }
        if let Some(slot) = self.0.0.take() {
            let _ = drop_caught(slot);
        }
    }
}

/// Known when compiled: of a `()` nothing is left but the answer.
#[inline]
fn is_unit<T: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<()>()
}

/// `()` as a `T`, where `T` is `()`.
fn unit<T: 'static>() -> Option<T> {
    let mut unit = Some(());
    (&mut unit as &mut dyn Any).downcast_mut::<Option<T>>()?.take()
}
