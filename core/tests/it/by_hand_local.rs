//! The tasks of a loop by hand that are not `Send`: found on its thread, polled in its rounds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use lifespan_core::{Closed, EventLoop, LocalLoop, OnThread};

use crate::by_hand::Hand;

type Stored = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
pub(crate) struct LocalTasks(RefCell<BTreeMap<u64, Stored>>);

/// Polls its task in the next round, through a task of the loop that is `Send`.
struct Local {
    hand: Hand,
    id: u64,
}

impl Wake for Local {
    fn wake(self: Arc<Self>) {
        // One more task of the loop, which has no future of its own to keep.
        let _ = self.hand.clone().spawn(async move { poll(&self) });
    }
}

fn poll(local: &Arc<Local>) {
    let Some(tasks) = OnThread::find::<LocalTasks>(local.hand.id()) else { return };
    let Some(mut future) = tasks.0.borrow_mut().remove(&local.id) else { return };
    let waker = Waker::from(Arc::clone(local));
    if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        tasks.0.borrow_mut().insert(local.id, future);
    }
}

impl LocalLoop for Hand {
    fn is_on_its_thread(&self) -> bool {
        OnThread::find::<LocalTasks>(self.id()).is_some()
    }

    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Closed> {
        let Some(tasks) = OnThread::find::<LocalTasks>(self.id()) else {
            drop(future);
            return Err(Closed::new(()));
        };
        let id = self.next_id();
        tasks.0.borrow_mut().insert(id, Box::pin(future));
        Arc::new(Local { hand: self.clone(), id }).wake();
        Ok(())
    }
}

/// Runs a body with the loop's local tasks in reach.
pub(crate) fn hold(hand: &Hand) -> OnThread {
    OnThread::hold(hand.id(), Rc::new(LocalTasks::default()))
}
