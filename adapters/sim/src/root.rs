//! The root: the future that `run` was called for. It is borrowed, so it is polled by `run` itself.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use crate::queue::Ready;
use crate::shared::Shared;

/// The number of the root.
pub(crate) const ROOT: u64 = 0;

/// The root of one run is in the loop while this lives.
pub(crate) struct Root<'a> {
    shared: &'a Arc<Shared>,
    pub(crate) waker: Waker,
}

impl<'a> Root<'a> {
    pub(crate) fn enter(shared: &'a Arc<Shared>) -> Self {
        let mut state = shared.lock();
        state.run += 1;
        let run = state.run;
        drop(state);
        let waker = Waker::from(Arc::new(WakeRoot { shared: Arc::downgrade(shared), run }));
        waker.wake_by_ref();
        Self { shared, waker }
    }
}

impl Drop for Root<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.run += 1; // wakers of this run are nobody's now
        state.root_is_ready = false;
        state.queue.remove_root();
    }
}

struct WakeRoot {
    shared: Weak<Shared>,
    run: u64,
}

impl Wake for WakeRoot {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut state = shared.lock();
        if state.run != self.run || std::mem::replace(&mut state.root_is_ready, true) {
            return;
        }
        drop(state);
        shared.push(Ready::Root);
    }
}
