//! Values that the handlers and tasks of one lifespan share, found by their type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

use crate::sync::{Arc, Mutex, lock};
use crate::wake::drop_each_caught;

type Value = Arc<dyn Any + Send + Sync>;

#[derive(Default)]
struct Values {
    by_type: HashMap<TypeId, (u64, Value)>,
    /// How many were ever inserted: the order in which they came.
    inserted: u64,
}

/// A map with one value for each type; it lives from the start of a run to its end.
///
/// What a start-up handler inserts, tasks, shutdown handlers and request handlers find. Give each
/// value a type of its own: two `String`s are one entry.
///
/// # Examples
/// ```
/// use std::sync::Mutex;
/// use lifespan_core::{Cx, EventLoop};
///
/// struct LastTick(Mutex<u64>);
///
/// async fn start<L: EventLoop>(cx: Cx<'_, L>) {
///     cx.state().insert(LastTick(Mutex::new(0)));
/// }
/// ```
#[derive(Default)]
pub struct State(Mutex<Values>);

impl State {
    /// Stores a value under its type, and returns the one that it replaces.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let value: Value = Arc::new(value);
        let mut values = lock(&self.0);
        values.inserted += 1;
        let entry = (values.inserted, value);
        let old = values.by_type.insert(TypeId::of::<T>(), entry);
        drop(values);
        old.and_then(|(_, old)| old.downcast().ok())
    }

    /// Returns the value of this type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let (_, value) = lock(&self.0).by_type.get(&TypeId::of::<T>()).cloned()?;
        value.downcast().ok()
    }

    /// Takes the value of this type out.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let (_, value) = lock(&self.0).by_type.remove(&TypeId::of::<T>())?;
        value.downcast().ok()
    }

    /// Drops every value, the last one inserted first, each under a guard of its own.
    pub(crate) fn clear(&self) {
        let values = std::mem::take(&mut lock(&self.0).by_type);
        let mut values = values.into_values().collect::<Vec<_>>();
        values.sort_unstable_by_key(|&(inserted, _)| std::cmp::Reverse(inserted));
        drop_each_caught(values);
    }
}

/// What was inserted after the end is cleared, too.
impl Drop for State {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("values", &lock(&self.0).by_type.len()).finish()
    }
}
