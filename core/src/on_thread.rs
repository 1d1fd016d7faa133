//! What belongs to a loop's own thread, found from a handle that may be anywhere.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::event_loop::LoopId;

thread_local! {
    /// Few at a time: the loops that this thread drives.
    static HELD: RefCell<Vec<(LoopId, Rc<dyn Any>)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps something of a loop reachable on this thread while the loop is driven here.
///
/// For adapters of loops with tasks that are not `Send`: their handle is `Send`, so it holds a
/// [`LoopId`] and finds the executor here, on the loop's own thread and nowhere else.
#[must_use = "reachable only while this lives"]
pub struct OnThread {
    id: LoopId,
    held: Rc<dyn Any>,
}

impl OnThread {
    /// Makes `held` reachable under `id` on this thread.
    pub fn hold<T: 'static>(id: LoopId, held: Rc<T>) -> Self {
        let held: Rc<dyn Any> = held;
        HELD.with_borrow_mut(|all| all.push((id, Rc::clone(&held))));
        Self { id, held }
    }

    /// Finds what is held under `id`, if this thread drives that loop.
    #[must_use]
    pub fn find<T: 'static>(id: LoopId) -> Option<Rc<T>> {
        // No access while the thread's own values are being dropped: nothing is driven then.
        let found = HELD.try_with(|all| {
            let all = all.borrow();
            all.iter().rev().find(|(other, _)| *other == id).map(|(_, held)| Rc::clone(held))
        });
        found.ok().flatten()?.downcast().ok()
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        let removed = HELD.try_with(|all| {
            let mut all = all.borrow_mut();
            let place = all.iter().rposition(|(_, held)| Rc::ptr_eq(held, &self.held));
            place.map(|place| all.swap_remove(place))
        });
        drop(removed); // after the borrow: an executor's destructor runs foreign code
    }
}

impl fmt::Debug for OnThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnThread").field("id", &self.id).finish_non_exhaustive()
    }
}
