//! A `LocalExecutor` that a lifespan drives.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use async_executor::LocalExecutor;
use futures_lite::future::{poll_once, yield_now};
use lifespan_async_executor::{AsyncExecutorLocal, AsyncExecutorLocalLoop};
use lifespan_core::{
    Blocking, Closed, EventLoop, InsideLoop, Lifespan, LocalLoop, LoopOwner, RunError, TaskError,
    Timer,
};

use crate::HANG;

fn executor() -> Rc<LocalExecutor<'static>> {
    Rc::new(LocalExecutor::new())
}

#[test]
fn handles_of_one_executor_agree_and_of_two_differ() {
    let (one, other) = (executor(), executor());
    let id_of = |executor: &Rc<_>| {
        let mut owner = AsyncExecutorLocalLoop::on(Rc::clone(executor));
        owner.run(async |handle| handle.id()).unwrap()
    };
    assert_eq!(id_of(&one), id_of(&one));
    assert_eq!(id_of(&one), AsyncExecutorLocal::attach(&one).handle().id());
    assert_ne!(id_of(&one), id_of(&other));
}

#[test]
fn local_task_runs_on_the_thread_of_its_loop() {
    let here = thread::current().id();
    let report = Lifespan::on(AsyncExecutorLocalLoop::on(executor()))
        .serve(async move |cx| {
            let seen = Rc::new(Cell::new(None));
            let sees = Rc::clone(&seen);
            cx.spawn_local(async move |_cx| sees.set(Some(thread::current().id()))).await?;
            assert_eq!(seen.get(), Some(here));
            // A task that is `Send` may start one that is not: it runs on the same thread.
            cx.spawn(async |cx| cx.spawn_local(async |_cx| drop(Rc::new(1))).await).await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn local_task_is_refused_on_a_scoped_thread() {
    let report = Lifespan::on(AsyncExecutorLocalLoop::on(executor()))
        .serve(async |cx| {
            let task = thread::scope(|threads| {
                let elsewhere = threads.spawn(|| cx.spawn_local(async |_cx| drop(Rc::new(1))));
                elsewhere.join().unwrap()
            });
            match task.await {
                Err(TaskError::Failed(failure)) => {
                    assert!(failure.to_string().contains("another"), "{failure}");
                }
                other => panic!("{other:?}"),
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn another_thread_spawns_and_wakes_while_the_loop_waits() {
    let mut owner = AsyncExecutorLocalLoop::on(executor());
    let ran_on = owner.run(async |handle| {
        let (handle, done) = (handle.clone(), lifespan_core::ShutdownEvent::new());
        let (sent, heard) = mpsc::channel();
        let trigger = done.trigger();
        let elsewhere = thread::spawn(move || {
            assert!(!handle.is_on_its_thread());
            assert_eq!(handle.spawn_local(async {}), Err(Closed::new(())));
            let task = async move {
                sent.send(thread::current().id()).unwrap();
                let _ = trigger.set("ran");
            };
            handle.spawn(task).unwrap();
        });
        done.wait().await;
        elsewhere.join().unwrap();
        heard.recv_timeout(HANG).unwrap()
    });
    assert_eq!(ran_on.unwrap(), thread::current().id());
}

#[test]
fn busy_local_and_busy_sendable_tasks_starve_neither_each_other_nor_the_root() {
    async fn busy() {
        loop {
            yield_now().await;
        }
    }
    let turns = AsyncExecutorLocalLoop::on(executor()).run(async |handle| {
        handle.spawn(busy()).unwrap();
        handle.spawn_local(busy()).unwrap();
        let (sendable, local) = (mpsc::channel(), Rc::new(Cell::new(false)));
        handle.spawn(async move { sendable.0.send(()).unwrap() }).unwrap();
        let sets = Rc::clone(&local);
        handle.spawn_local(async move { sets.set(true) }).unwrap();
        while sendable.1.try_recv().is_err() || !local.get() {
            yield_now().await;
        }
        handle.sleep(Duration::from_millis(1)).await.unwrap();
    });
    turns.unwrap();
}

#[test]
fn tasks_that_hold_their_own_handle_keep_no_executor() {
    let executor = executor();
    let weak = Rc::downgrade(&executor);
    let (dropped, heard) = mpsc::channel::<()>();
    let mut owner = AsyncExecutorLocalLoop::on(executor);
    let handle = owner.run(async move |handle| {
        let holds = |dropped: mpsc::Sender<()>, own: AsyncExecutorLocal| async move {
            let _dropped = dropped;
            own.sleep(Duration::MAX).await.unwrap();
        };
        handle.spawn(holds(dropped.clone(), handle.clone())).unwrap();
        handle.spawn_local(holds(dropped, handle.clone())).unwrap();
        yield_now().await;
        handle.clone()
    });
    let handle = handle.unwrap();
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(owner);
    assert!(weak.upgrade().is_none());
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    assert!(!handle.is_on_its_thread());
    assert_eq!(handle.spawn(async {}), Err(Closed::new(())));
    assert_eq!(handle.spawn_local(async {}), Err(Closed::new(())));
    assert_eq!(handle.spawn_blocking(|| ()), Err(Closed::new(())));
}

#[test]
fn local_task_outlives_its_owner_in_the_callers_executor() {
    let executor = executor();
    let done = Rc::new(Cell::new(false));
    let sets = Rc::clone(&done);
    let mut owner = AsyncExecutorLocalLoop::on(Rc::clone(&executor));
    let later = async move {
        yield_now().await;
        sets.set(true);
    };
    owner.run(async move |handle| handle.spawn_local(later)).unwrap().unwrap();
    drop(owner);
    while executor.try_tick() {}
    assert!(done.get());
}

#[test]
fn run_is_refused_inside_a_run() {
    let run = AsyncExecutorLocalLoop::on(executor())
        .run(async |_handle| AsyncExecutorLocalLoop::on(executor()).run(async |_handle| ()));
    assert!(
        matches!(run, Ok(Err(RunError::InsideLoop(inside))) if inside == InsideLoop::new("AsyncExecutorLocalLoop::run"))
    );
}

#[test]
fn sleep_of_zero_ends_and_of_the_maximum_never_does() {
    let ended = AsyncExecutorLocalLoop::on(executor()).run(async |handle| {
        handle.sleep(Duration::ZERO).await.unwrap();
        poll_once(handle.sleep(Duration::MAX)).await
    });
    assert!(ended.unwrap().is_none());
}

#[test]
fn panicking_tasks_leave_the_executor_running() {
    let report = Lifespan::on(AsyncExecutorLocalLoop::on(executor()))
        .serve(async |cx| {
            let sendable = cx.spawn(async |_cx| -> () { panic!("sendable") });
            let local = cx.spawn_local(async |_cx| -> () { panic!("local") });
            assert!(matches!(sendable.await, Err(TaskError::Panicked(_))));
            assert!(matches!(local.await, Err(TaskError::Panicked(_))));
            cx.spawn_local(async |_cx| {}).await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn stop_cancels_local_tasks_after_their_grace() {
    let report = Lifespan::on(AsyncExecutorLocalLoop::on(executor()))
        .grace(Duration::from_millis(1))
        .serve(async |cx| {
            let deaf = async |_cx: lifespan_core::Cx<'_, _>| {
                let _not_send = Rc::new(1);
                pending::<()>().await;
            };
            cx.task("deaf").spawn_local(&cx, deaf).unwrap().detach();
        })
        .run();
    assert!(report.task("deaf").unwrap().overran, "{report}");
}
