//! Executors that somebody else drives.

use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use async_executor::{Executor, LocalExecutor};
use async_io::block_on;
use futures_lite::future::yield_now;
use lifespan_async_executor::{AsyncExecutor, AsyncExecutorLocal};
use lifespan_core::{Closed, Cx, EventLoop, Lifespan, LocalLoop, TaskError, Timer};

use crate::poll_until;

/// Set when it is dropped.
#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct SetOnDrop(Flag);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// A body that says when it runs and when it is gone.
async fn waits_for_ever<L: Timer>(cx: Cx<'_, L>, polled: Flag, dropped: Flag) {
    let _dropped = SetOnDrop(dropped);
    let _own = (cx.spawner(), cx.clone());
    polled.set();
    pending::<()>().await;
}

#[test]
fn attached_lifespan_ends_with_its_report() {
    let executor = Arc::new(Executor::new());
    let lifespan = Lifespan::attach(AsyncExecutor::of(&executor))
        .task("waits", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| cx.spawn(async |_cx| {}).await);
    let report = block_on(executor.run(lifespan.run()));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn attached_lifespan_of_a_local_executor_runs_both_kinds_of_tasks_on_its_thread() {
    let executor = Rc::new(LocalExecutor::new());
    let attachment = AsyncExecutorLocal::attach(&executor);
    let here = thread::current().id();
    let lifespan = Lifespan::attach(attachment.handle()).serve(async move |cx| {
        let seen = Rc::new(Cell::new(false));
        let sees = Rc::clone(&seen);
        cx.spawn_local(async move |_cx| sees.set(thread::current().id() == here)).await?;
        assert!(seen.get());
        cx.spawn(async move |_cx| assert_eq!(thread::current().id(), here)).await
    });
    let report = block_on(executor.run(lifespan.run()));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn dropping_the_attached_future_cancels_what_it_started() {
    let executor = Arc::new(Executor::new());
    let (polled, dropped) = (Flag::default(), Flag::default());
    let (polls, drops) = (polled.clone(), dropped.clone());
    let lifespan = Lifespan::attach(AsyncExecutor::of(&executor)).serve(async move |cx| {
        let task = cx.spawn(async move |cx| waits_for_ever(cx, polls, drops).await);
        let _ = task.await;
    });
    block_on(executor.run(async {
        let mut running = Box::pin(lifespan.run());
        poll_until(running.as_mut(), || polled.is_set()).await;
        drop(running);
        poll_until(pin!(pending::<()>()), || dropped.is_set()).await;
    }));
}

#[test]
fn dropping_the_attached_future_of_a_local_executor_cancels_what_it_started() {
    let executor = Rc::new(LocalExecutor::new());
    let attachment = AsyncExecutorLocal::attach(&executor);
    let flags = [(); 4].map(|()| Flag::default());
    let [polled, dropped, polled_local, dropped_local] = flags.clone();
    let lifespan = Lifespan::attach(attachment.handle()).serve(async move |cx| {
        let _task = cx.spawn(async move |cx| waits_for_ever(cx, polled, dropped).await);
        let local =
            async move |cx: Cx<'_, _>| waits_for_ever(cx, polled_local, dropped_local).await;
        let _ = cx.spawn_local(local).await;
    });
    let [polled, dropped, polled_local, dropped_local] = flags;
    block_on(executor.run(async {
        let mut running = Box::pin(lifespan.run());
        poll_until(running.as_mut(), || polled.is_set() && polled_local.is_set()).await;
        drop(running);
        let are_gone = || dropped.is_set() && dropped_local.is_set();
        poll_until(pin!(pending::<()>()), are_gone).await;
    }));
}

#[test]
fn dropping_the_executor_settles_live_tasks_as_loop_closed() {
    let executor = Arc::new(Executor::new());
    let weak = Arc::downgrade(&executor);
    let polled = Flag::default();
    let polls = polled.clone();
    let lifespan = Lifespan::attach(AsyncExecutor::of(&executor)).serve(async move |cx| {
        let task = cx.spawn(async move |cx| waits_for_ever(cx, polls, Flag::default()).await);
        assert!(matches!(task.await, Err(TaskError::LoopClosed)));
        // Unpolled: there is no executor any more.
        let late = cx.spawn(async |_cx| unreachable!("the executor is gone"));
        assert!(matches!(late.await, Err(TaskError::LoopClosed)));
    });
    let mut running = pin!(lifespan.run());
    block_on(executor.run(poll_until(running.as_mut(), || polled.is_set())));
    drop(executor);
    assert!(weak.upgrade().is_none());
    let report = block_on(running);
    assert!(matches!(report.serve, Some(lifespan_core::Outcome::Completed)), "{report}");
}

#[test]
fn dropping_the_local_executor_settles_live_tasks_of_both_kinds_as_loop_closed() {
    let executor = Rc::new(LocalExecutor::new());
    let weak = Rc::downgrade(&executor);
    let attachment = AsyncExecutorLocal::attach(&executor);
    let (polled, polled_local) = (Flag::default(), Flag::default());
    let (polls, polls_local) = (polled.clone(), polled_local.clone());
    let lifespan = Lifespan::attach(attachment.handle()).serve(async move |cx| {
        let task = cx.spawn(async move |cx| waits_for_ever(cx, polls, Flag::default()).await);
        let local = async move |cx: Cx<'_, _>| {
            waits_for_ever(cx, polls_local, Flag::default()).await;
        };
        let local = cx.spawn_local(local);
        assert!(matches!(task.await, Err(TaskError::LoopClosed)));
        assert!(matches!(local.await, Err(TaskError::LoopClosed)));
    });
    let mut running = pin!(lifespan.run());
    let have_run = || polled.is_set() && polled_local.is_set();
    block_on(executor.run(poll_until(running.as_mut(), have_run)));
    drop(executor);
    assert!(weak.upgrade().is_none());
    assert_eq!(attachment.handle().spawn(async {}), Err(Closed::new(())));
    assert!(!attachment.handle().is_on_its_thread());
    let report = block_on(running);
    assert!(matches!(report.serve, Some(lifespan_core::Outcome::Completed)), "{report}");
}

#[test]
fn dropping_the_attachment_settles_what_its_handles_spawned() {
    let executor = Rc::new(LocalExecutor::new());
    let attachment = AsyncExecutorLocal::attach(&executor);
    let handle = attachment.handle();
    let (polled, dropped) = (Flag::default(), Flag::default());
    let (polls, drops) = (polled.clone(), SetOnDrop(dropped.clone()));
    let task = async move {
        let _drops = drops;
        polls.set();
        pending::<()>().await;
    };
    handle.spawn(task).unwrap();
    block_on(executor.run(async {
        poll_until(pin!(pending::<()>()), || polled.is_set()).await;
        drop(attachment);
        poll_until(pin!(pending::<()>()), || dropped.is_set()).await;
    }));
    assert_eq!(handle.spawn(async {}), Err(Closed::new(())));
    assert_eq!(handle.spawn_local(async {}), Err(Closed::new(())));
    assert!(executor.is_empty());
}

#[test]
fn task_that_holds_its_own_attachment_does_not_keep_the_executor() {
    let executor = Rc::new(LocalExecutor::new());
    let weak = Rc::downgrade(&executor);
    let (polled, dropped) = (Flag::default(), SetOnDrop(Flag::default()));
    let (polls, was_dropped) = (polled.clone(), dropped.0.clone());
    let own = Rc::downgrade(&executor);
    let task = async move {
        let attachment = AsyncExecutorLocal::attach(&own.upgrade().unwrap());
        let lifespan = Lifespan::attach(attachment.handle()).serve(async move |_cx| {
            let _dropped = dropped;
            polls.set();
            pending::<()>().await;
        });
        let _report = lifespan.run().await;
    };
    executor.spawn(task).detach();
    block_on(executor.run(async {
        while !polled.is_set() {
            yield_now().await;
        }
    }));
    drop(executor);
    assert!(weak.upgrade().is_none());
    assert!(was_dropped.is_set());
}
