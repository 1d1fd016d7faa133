//! What is async-std's own; what every adapter promises is tested across them.

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use async_std::task;
use futures_lite::future::poll_once;
use lifespan_async_std::{AsyncStd, AsyncStdLoop};
use lifespan_core::{
    AnyLoop, Blocking, EventLoop, InsideLoop, Lifespan, LoopOwner, RunError, ShutdownEvent, Timer,
};

/// Only a broken program takes so long.
const HANG: Duration = Duration::from_secs(60);

#[test]
fn handle_and_sleep_may_leave_their_thread() {
    fn may_leave<T: Send + Sync>() {}
    may_leave::<AsyncStd>();
    may_leave::<AnyLoop>();
    fn may_move<T: Send>(_: T) {}
    may_move(AsyncStd::global().sleep(Duration::ZERO));
}

#[test]
fn every_handle_names_the_one_global_executor() {
    let from_another_thread = std::thread::spawn(|| AsyncStd::global().id()).join().unwrap();
    let of_an_owner = AsyncStdLoop::new().run(async |handle| handle.id()).unwrap();
    assert_eq!(AsyncStd::global().id(), from_another_thread);
    assert_eq!(AsyncStd::global().id(), of_an_owner);
}

#[test]
fn task_outlives_the_run_that_started_it() {
    let (sent, heard) = mpsc::channel();
    let go = ShutdownEvent::new();
    let late = go.clone();
    AsyncStdLoop::new()
        .run(async move |handle| {
            handle.spawn(async move {
                late.wait().await;
                sent.send("went on").unwrap();
            })
        })
        .unwrap()
        .unwrap();
    go.trigger().set("the run has ended").unwrap();
    assert_eq!(heard.recv_timeout(HANG), Ok("went on"));
}

#[test]
fn tasks_and_blocking_work_run_though_nothing_is_run() {
    let (sent, heard) = mpsc::channel();
    let from_blocking = sent.clone();
    AsyncStd::global().spawn(async move { sent.send(1).unwrap() }).unwrap();
    AsyncStd::global().spawn_blocking(move || from_blocking.send(2).unwrap()).unwrap();
    let sum = heard.recv_timeout(HANG).unwrap() + heard.recv_timeout(HANG).unwrap();
    assert_eq!(sum, 3);
}

#[test]
fn sleep_of_zero_ends_and_of_the_maximum_never_does() {
    task::block_on(async {
        AsyncStd::global().sleep(Duration::ZERO).await.unwrap();
        assert!(poll_once(AsyncStd::global().sleep(Duration::MAX)).await.is_none());
    });
}

#[test]
fn run_is_refused_inside_any_loop_and_any_task_of_async_std() {
    let is_refused = || {
        let run = AsyncStdLoop::new().run(async |_handle| ());
        matches!(run, Err(RunError::InsideLoop(inside)) if inside == InsideLoop::new("AsyncStdLoop::run"))
    };
    assert!(AsyncStdLoop::new().run(async |_handle| is_refused()).unwrap());
    assert!(task::block_on(async { is_refused() }));
    assert!(task::block_on(task::spawn(async move { is_refused() })));
    assert!(!is_refused());
}

#[test]
fn panic_of_the_root_leaves_the_thread_usable() {
    let run = std::panic::catch_unwind(|| {
        AsyncStdLoop::new().run(async |_handle| -> () { panic!("the root") })
    });
    assert!(run.is_err());
    let report = Lifespan::on(AsyncStdLoop::new())
        .serve(async |cx| {
            cx.sleep(Duration::from_millis(1)).await;
            cx.spawn(async |_cx| {}).await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn attached_lifespan_ends_with_its_report() {
    let report = task::block_on(async {
        Lifespan::attach(AsyncStd::global())
            .task("waits", async |cx| cx.shutdown().wait().await)
            .serve(async |cx| {
                assert_eq!(cx.loop_id(), AsyncStd::global().id());
                cx.sleep(Duration::from_millis(1)).await;
            })
            .run()
            .await
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn dropping_the_attached_future_cancels_what_it_started() {
    let (dropped, heard) = mpsc::channel::<()>();
    task::block_on(async {
        let started = ShutdownEvent::new();
        let trigger = started.trigger();
        let attached = Lifespan::attach(AsyncStd::global()).serve(async move |cx| {
            let _task = cx.spawn(async move |_cx| {
                let _dropped = dropped;
                let _ = trigger.set("polled");
                pending::<()>().await;
            });
            pending::<()>().await;
        });
        started.run_until_set(attached.run()).await;
    });
    assert_eq!(heard.recv_timeout(HANG), Err(mpsc::RecvTimeoutError::Disconnected));
}
