//! Which executor has which `LoopId`, so that all handles of one executor agree.
//!
//! An entry is weak and keeps no executor alive. It does keep the executor's allocation, so no other
//! executor has that address while the entry stands; entries of dead ones leave at the next look-up.

use std::cell::RefCell;
use std::rc::{self, Rc};
use std::sync::{self, Arc, Mutex, PoisonError};

use async_executor::{Executor, LocalExecutor};
use lifespan_core::LoopId;

type Known<W> = Vec<(W, LoopId)>;

static SHARED: Mutex<Known<sync::Weak<Executor<'static>>>> = Mutex::new(Vec::new());

thread_local! {
    static LOCAL: RefCell<Known<rc::Weak<LocalExecutor<'static>>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn of_shared(executor: &Arc<Executor<'static>>) -> LoopId {
    let executor = Arc::downgrade(executor);
    let mut known = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|(other, _)| other.strong_count() > 0);
    let found = known.iter().find(|(other, _)| other.ptr_eq(&executor)).map(|(_, id)| *id);
    found.unwrap_or_else(|| add(&mut known, executor))
}

pub(crate) fn of_local(executor: &Rc<LocalExecutor<'static>>) -> LoopId {
    let executor = Rc::downgrade(executor);
    let look_up = |known: &RefCell<Known<_>>| {
        let mut known = known.borrow_mut();
        known.retain(|(other, _): &(rc::Weak<_>, _)| other.strong_count() > 0);
        let found = known.iter().find(|(other, _)| other.ptr_eq(&executor)).map(|(_, id)| *id);
        found.unwrap_or_else(|| add(&mut known, executor))
    };
    // No access while the thread's own values are being dropped: there is no second handle then.
    LOCAL.try_with(look_up).unwrap_or_else(|_gone| LoopId::unique())
}

fn add<W>(known: &mut Known<W>, executor: W) -> LoopId {
    let id = LoopId::unique();
    known.push((executor, id));
    id
}
