//! What is known of a runtime, however often it is asked for: which loop it is, and its end.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lifespan_core::LoopId;
use tokio::runtime::Handle;

/// An entry for each runtime that was driven or attached to, until it ends.
static KNOWN: Mutex<Vec<Arc<Home>>> = Mutex::new(Vec::new());

/// One runtime.
pub(crate) struct Home {
    pub(crate) runtime: Handle,
    pub(crate) id: LoopId,
    has_ended: AtomicBool,
    has_timers: OnceLock<bool>,
}

impl Home {
    pub(crate) fn of(runtime: &Handle) -> Arc<Self> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = known.iter().find(|home| home.runtime.id() == runtime.id()) {
            return Arc::clone(home);
        }
        let home = Arc::new(Self {
            runtime: runtime.clone(),
            id: LoopId::unique(),
            has_ended: AtomicBool::new(false),
            has_timers: OnceLock::new(),
        });
        known.push(Arc::clone(&home));
        drop(known);
        home.watch();
        home
    }

    /// Has a task of ours dropped when the runtime ends: tokio says it in no other way. It drops its
    /// tasks before it shuts its timers down (tokio's `scheduler/current_thread/mod.rs`, `shutdown2`).
    fn watch(self: &Arc<Self>) {
        let end = End(Arc::clone(self));
        drop(self.runtime.spawn(async move {
            let _end = end;
            pending::<()>().await;
        }));
    }

    /// Acquire pairs with the end's Release: who sees it sees what the runtime dropped before.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Calls what asks for the runtime that is entered: it finds this one.
    #[inline]
    pub(crate) fn inside<T>(&self, call: impl FnOnce() -> T) -> T {
        let _entered = (!self.is_entered()).then(|| self.runtime.enter());
        call()
    }

    /// Tells whether this runtime is entered, as in its tasks; asking costs less than entering it once
    /// more.
    #[inline]
    pub(crate) fn is_entered(&self) -> bool {
        let entered = Handle::try_current();
        entered.is_ok_and(|entered| entered.id() == self.runtime.id())
    }

    /// Tells whether the runtime was built with timers; tokio answers by a panic if it was not.
    pub(crate) fn has_timers(&self) -> bool {
        *self.has_timers.get_or_init(|| {
            let make = || self.inside(|| tokio::time::sleep(Duration::ZERO));
            catch_unwind(AssertUnwindSafe(make)).is_ok()
        })
    }
}

/// Dropped with the runtime.
struct End(Arc<Home>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Release);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|home| !Arc::ptr_eq(home, &self.0));
    }
}
