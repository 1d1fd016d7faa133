//! Tasks that are not `Send`, and the erased handle: the same meaning as any task.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use lifespan_core::{Cx, Outcome, SpawnError, TaskError};

use crate::by_hand::{Hand, next_round, serve_with};
use crate::by_hand_local::hold;
use crate::woken::PanicOnDrop;

/// As `serve`, on a loop that has local tasks.
fn serve_local<F>(body: F) -> lifespan_core::Report
where
    F: for<'t> AsyncFnOnce(&Cx<'t, Hand>) + 'static,
{
    serve_with(|hand| {
        async move |cx: Cx<'_, Hand>| {
            let _held = hold(&hand);
            body(&cx).await;
        }
    })
}

#[test]
fn a_local_task_settles_however_it_ends() {
    let report = serve_local(async |cx| {
        let shared = Rc::new(Cell::new(0));
        let inner = Rc::clone(&shared);
        let task = cx.spawn_local(async move |_cx| {
            next_round().await;
            inner.set(7);
            inner
        });
        assert_eq!(shared.get(), 0, "nothing is polled inside the spawn");
        assert_eq!(task.await.unwrap().get(), 7);
        let failed = cx.spawn_local(async |_cx| Err::<(), _>("broken"));
        assert!(matches!(failed.await, Err(TaskError::Failed(_))));
        let panicked = cx.spawn_local(async |_cx| -> () { panic!("broken") });
        assert!(matches!(panicked.await, Err(TaskError::Panicked(_))));
        let cancelled = cx.spawn_local(async |_cx| pending::<()>().await);
        next_round().await;
        assert!(matches!(cancelled.cancel().await, Outcome::Cancelled));
        let bad = Rc::new(PanicOnDrop);
        let unpolled = cx.spawn_local(async move |_cx| drop(bad));
        assert!(matches!(unpolled.cancel().await, Outcome::Panicked(_)));
        assert!(unpolled.await.is_err());
        assert!(cx.tasks().is_empty());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_local_task_is_a_member_like_any_other() {
    let report = serve_local(async |cx| {
        let body = async |cx: Cx<'_, Hand>| cx.shutdown().wait().await;
        let task = cx.task("one").spawn_local(cx, body).unwrap();
        let error = cx.task("one").spawn_local(cx, body).unwrap_err();
        assert!(matches!(error, SpawnError::NameTaken { .. }));
        assert!(cx.task("one").spawn(async |_cx| ()).is_err());
        next_round().await;
        assert!(cx.tasks().stop("one").is_ok());
        task.await.unwrap();
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn on_another_thread_the_body_comes_back_or_the_task_has_failed() {
    let report = serve_local(async |cx| {
        let named = thread::scope(|scope| {
            let spawn = || {
                matches!(
                    cx.task("one").spawn_local(cx, async |_cx| ()),
                    Err(SpawnError::WrongThread { .. })
                )
            };
            scope.spawn(spawn).join().unwrap()
        });
        assert!(named && cx.tasks().is_empty());
        let task =
            thread::scope(|scope| scope.spawn(|| cx.spawn_local(async |_cx| ())).join().unwrap());
        assert!(matches!(task.await, Err(TaskError::Failed(_))));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_spawn_on_the_wrong_thread_that_nobody_awaits_is_not_silent() {
    let report = serve_local(async |cx| {
        thread::scope(|scope| {
            scope.spawn(|| cx.spawn_local(async |_cx| ()).detach()).join().unwrap();
        });
    });
    assert_eq!((report.tasks.len(), report.exit_code()), (1, 4), "{report}");
}

#[test]
fn an_erased_handle_is_the_same_loop_with_the_same_time() {
    async fn library(cx: &Cx<'_>) -> u64 {
        let began = cx.now();
        cx.sleep(Duration::from_secs(2)).await;
        let task = cx.task("inner").spawn(async |cx: Cx<'_>| {
            cx.sleep(Duration::from_secs(1)).await;
        });
        assert!(cx.tasks().contains("inner"));
        task.unwrap().await.unwrap();
        assert!(cx.timeout(Duration::from_secs(4), cx.sleep(Duration::MAX)).await.is_err());
        (cx.now() - began).as_secs()
    }
    let report = crate::by_hand::serve(async |cx| {
        let erased = cx.erased();
        assert_eq!(erased.loop_id(), cx.loop_id());
        assert_eq!(library(&erased).await, 7);
        let task = cx.spawn(async |cx| {
            cx.erased().this_task().unwrap().stop();
            cx.shutdown().is_set()
        });
        assert!(task.await.unwrap());
    });
    assert!(report.is_clean(), "{report}");
}
