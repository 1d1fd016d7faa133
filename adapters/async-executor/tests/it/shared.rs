//! An `Executor` that a lifespan drives.

use std::future::pending;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use async_io::block_on;
use futures_lite::future::poll_once;
use lifespan_async_executor::{AsyncExecutor, AsyncExecutorLocal, AsyncExecutorLoop};
use lifespan_core::{
    Blocking, Closed, EventLoop, InsideLoop, Lifespan, LoopOwner, RunError, ShutdownEvent,
    TaskError, Timer,
};

use crate::HANG;

fn executor() -> Arc<Executor<'static>> {
    Arc::new(Executor::new())
}

#[test]
fn handles_and_sleep_may_leave_their_thread() {
    fn may_leave<T: Send + Sync>() {}
    may_leave::<AsyncExecutor>();
    may_leave::<AsyncExecutorLocal>();
    fn may_move<T: Send>(_: T) {}
    may_move(AsyncExecutor::of(&executor()).sleep(Duration::ZERO));
}

#[test]
fn handles_of_one_executor_agree_and_of_two_differ() {
    let (one, other) = (executor(), executor());
    let id = AsyncExecutor::of(&one).id();
    assert_eq!(AsyncExecutor::of(&Arc::clone(&one)).id(), id);
    assert_ne!(AsyncExecutor::of(&other).id(), id);
    let of_an_owner = AsyncExecutorLoop::on(one).run(async |handle| handle.id()).unwrap();
    assert_eq!(of_an_owner, id);
}

#[test]
fn executors_that_follow_each_other_never_share_an_id() {
    let ids = (0..1000).map(|_| AsyncExecutor::of(&executor()).id());
    let different: std::collections::HashSet<_> = ids.collect();
    assert_eq!(different.len(), 1000);
}

#[test]
fn what_else_the_executor_has_runs_in_a_run() {
    let executor = executor();
    let (sent, heard) = mpsc::channel();
    executor.spawn(async move { sent.send("mine").unwrap() }).detach();
    let report = Lifespan::on(AsyncExecutorLoop::on(executor))
        .serve(async move |_cx| {
            while heard.try_recv().is_err() {
                futures_lite::future::yield_now().await;
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn task_of_an_ended_run_goes_on_in_the_next() {
    let executor = executor();
    let mut owner = AsyncExecutorLoop::on(Arc::clone(&executor));
    let (sent, heard) = mpsc::channel();
    owner.run(async |handle| handle.spawn(async move { sent.send(()).unwrap() })).unwrap().unwrap();
    let heard = owner.run(async |_handle| {
        loop {
            match heard.try_recv() {
                Err(mpsc::TryRecvError::Empty) => futures_lite::future::yield_now().await,
                heard => break heard,
            }
        }
    });
    assert_eq!(heard.unwrap(), Ok(()));
}

#[test]
fn task_that_holds_its_own_handle_does_not_keep_the_executor() {
    let executor = executor();
    let weak = Arc::downgrade(&executor);
    let (dropped, heard) = mpsc::channel::<()>();
    let mut owner = AsyncExecutorLoop::on(executor);
    owner
        .run(async move |handle| {
            let own = handle.clone();
            handle.spawn(async move {
                let _dropped = dropped;
                own.sleep(Duration::MAX).await.unwrap();
            })
        })
        .unwrap()
        .unwrap();
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(owner);
    assert!(weak.upgrade().is_none());
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}

#[test]
fn nothing_starts_on_an_executor_that_is_gone() {
    let (dropped, heard) = mpsc::channel::<()>();
    let handle = AsyncExecutor::of(&executor());
    let blocking = dropped.clone();
    assert_eq!(handle.spawn(async move { drop(dropped) }), Err(Closed::new(())));
    assert_eq!(handle.spawn_blocking(move || drop(blocking)), Err(Closed::new(())));
    assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}

#[test]
fn task_that_is_spawned_from_a_destructor_of_the_executor_is_closed() {
    struct SpawnsInDrop(AsyncExecutor, mpsc::Sender<Result<(), Closed>>);
    impl Drop for SpawnsInDrop {
        fn drop(&mut self) {
            self.1.send(self.0.spawn(async {})).unwrap();
        }
    }
    let executor = executor();
    let handle = AsyncExecutor::of(&executor);
    let (sent, heard) = mpsc::channel();
    let task = SpawnsInDrop(handle.clone(), sent);
    let body = async move {
        let _task = task;
        pending::<()>().await;
    };
    handle.spawn(body).unwrap();
    drop(executor);
    assert_eq!(heard.try_recv(), Ok(Err(Closed::new(()))));
}

#[test]
fn driver_threads_run_tasks_while_the_caller_is_blocked() {
    let owner = AsyncExecutorLoop::on(executor()).driver_threads(2);
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let (sent, heard) = mpsc::channel();
            let _task = cx.spawn(async move |_cx| sent.send(thread::current().id()).unwrap());
            // Blocks this thread, so that only another can send.
            let by = heard.recv_timeout(HANG).unwrap();
            assert_ne!(by, thread::current().id());
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn driver_threads_end_with_the_run_and_let_the_executor_go() {
    let executor = executor();
    let weak = Arc::downgrade(&executor);
    let mut owner = AsyncExecutorLoop::on(executor).driver_threads(3);
    let (dropped, heard) = mpsc::channel::<()>();
    owner
        .run(async move |handle| {
            handle.spawn(async move {
                let _dropped = dropped;
                pending::<()>().await;
            })
        })
        .unwrap()
        .unwrap();
    drop(owner);
    // The last thread to leave drops the executor, and so the task.
    assert_eq!(heard.recv_timeout(HANG), Err(mpsc::RecvTimeoutError::Disconnected));
    assert!(weak.upgrade().is_none());
}

#[test]
fn driver_threads_end_when_the_root_panics() {
    let executor = executor();
    let weak = Arc::downgrade(&executor);
    let (dropped, heard) = mpsc::channel::<()>();
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut owner = AsyncExecutorLoop::on(executor).driver_threads(2);
        owner.run(async move |handle| -> () {
            let task = async move {
                let _dropped = dropped;
                pending::<()>().await;
            };
            handle.spawn(task).unwrap();
            panic!("the root");
        })
    }));
    assert!(run.is_err());
    assert_eq!(heard.recv_timeout(HANG), Err(mpsc::RecvTimeoutError::Disconnected));
    assert!(weak.upgrade().is_none());
}

#[test]
fn run_is_refused_inside_a_run_and_on_a_driver_thread() {
    let is_refused = || {
        let run = AsyncExecutorLoop::on(executor()).run(async |_handle| ());
        matches!(run, Err(RunError::InsideLoop(inside)) if inside == InsideLoop::new("AsyncExecutorLoop::run"))
    };
    let mut owner = AsyncExecutorLoop::on(executor()).driver_threads(1);
    let refused = owner.run(async |handle| {
        let (sent, heard) = mpsc::channel();
        handle.spawn(async move { sent.send(is_refused()).unwrap() }).unwrap();
        is_refused() && heard.recv_timeout(HANG).unwrap()
    });
    assert!(refused.unwrap());
    assert!(!is_refused());
}

#[test]
fn sleep_of_zero_ends_and_of_the_maximum_never_does() {
    let ended = AsyncExecutorLoop::on(executor()).run(async |handle| {
        handle.sleep(Duration::ZERO).await.unwrap();
        poll_once(handle.sleep(Duration::MAX)).await
    });
    assert!(ended.unwrap().is_none());
}

#[test]
fn panicking_task_and_panicking_raw_task_leave_the_executor_running() {
    let executor = executor();
    executor.spawn(async { panic!("one of the caller's own") }).detach();
    let report = Lifespan::on(AsyncExecutorLoop::on(executor).driver_threads(1))
        .serve(async |cx| {
            let panics = cx.spawn(async |_cx| -> () { panic!("one of ours") });
            assert!(matches!(panics.await, Err(TaskError::Panicked(_))));
            cx.spawn(async |_cx| {}).await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn executor_that_others_drive_too_can_be_shared_by_lifespans() {
    let executor = executor();
    let ended = ShutdownEvent::new();
    let other = {
        let (executor, ended) = (Arc::clone(&executor), ended.clone());
        thread::spawn(move || block_on(executor.run(ended.wait())))
    };
    let runs = [(); 2].map(|()| {
        let owner = AsyncExecutorLoop::on(Arc::clone(&executor));
        thread::spawn(move || {
            Lifespan::on(owner).serve(async |cx| cx.spawn(async |_cx| {}).await).run()
        })
    });
    for run in runs {
        let report = run.join().unwrap();
        assert!(report.is_clean(), "{report}");
    }
    ended.trigger().set("over").unwrap();
    other.join().unwrap();
}
