//! Scopes that are opened inside others: their end, their failures, their turns, their depth.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use futures_lite::future::{pending, yield_now};
use lifespan_core::{Cx, Lifespan, LoopOwner, Outcome, ScopeError, TaskError, TaskState, Timer};

use crate::support::{Moment, NEVER, SHORT, inside};
use crate::wakers::panicking;

/// Stubborn, whatever it is asked.
async fn stubborn<L: Timer>(_cx: Cx<'_, L>) {
    pending::<()>().await;
}

/// Ends when it is told to.
async fn polite<L: Timer>(cx: Cx<'_, L>) {
    cx.shutdown().wait().await;
}

/// A close stops, waits for the grace, cancels what is left, and says what was what.
pub fn close_and_say_how_their_tasks_ended<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("scope").grace(SHORT).open().unwrap();
        scope.task("polite").spawn(polite).unwrap().detach();
        scope.task("stubborn").spawn(stubborn).unwrap().detach();
        let fails = scope.task("fails").spawn(async |_cx| Err::<(), _>("no luck")).unwrap();
        assert!(fails.await.is_err());
        let report = scope.close(&cx).await;
        assert_eq!(report.completed, 1, "{report}");
        assert_eq!(report.first_failure().unwrap().path, "scope/fails");
        let cut = report.cancelled.iter().map(|task| task.path.as_str()).collect::<Vec<_>>();
        assert_eq!(cut, ["scope/stubborn"]);
        assert!(report.stragglers.is_empty() && cx.tasks().is_empty());
    });
}

/// A close ends with the last task, not with the grace.
pub fn close_with_their_last_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("scope").grace(NEVER).open().unwrap();
        for _ in 0..100 {
            scope.spawn(polite).unwrap().detach();
        }
        let report = scope.close(&cx).await;
        assert_eq!((report.completed, report.is_clean()), (100, true), "{report}");
    });
}

/// Who waits for the end without a stop waits for what the tasks start, too.
pub fn finish_when_all_have_ended<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        for _ in 0..10 {
            let body = async |cx: Cx<'_, O::Handle>| {
                cx.sleep(SHORT).await;
                cx.spawn(async |_cx| ()).detach();
            };
            scope.spawn(body).unwrap().detach();
        }
        let report = scope.finish(&cx).await;
        assert_eq!((report.completed, report.is_clean()), (20, true), "{report}");
    });
}

/// The drop of a handle drops the bodies of its tasks, and frees its name.
pub fn are_cancelled_by_a_drop<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, gone) = (Moment::default(), Moment::default());
        let (at_begin, held) = (begun.clone(), gone.on_drop());
        let scope = cx.scope("scope").open().unwrap();
        let task = scope.spawn(async move |_cx| {
            let _held = held;
            at_begin.come();
            pending::<()>().await;
        });
        begun.wait().await;
        assert!(matches!(cx.scope("scope").open(), Err(ScopeError::NameTaken { .. })));
        let ended = scope.task_ref().finished();
        drop(scope);
        assert!(matches!(ended.await, Outcome::Cancelled) && gone.has_come());
        assert!(matches!(task.unwrap().await, Err(TaskError::Cancelled)));
        assert!(cx.scope("scope").open().is_ok());
    });
}

/// What is cancelled by name is all that lies in a scope, however deep.
pub fn nest<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut scopes = vec![cx.scope("0").open().unwrap()];
        for depth in 1..100 {
            let inner = scopes[depth - 1].scope(format_args!("{depth}")).open().unwrap();
            inner.spawn(stubborn).unwrap().detach();
            scopes.push(inner);
        }
        let task = scopes[99].task("task").spawn(stubborn).unwrap();
        assert!(task.task_ref().path().ends_with("/98/99/task"));
        assert!(matches!(cx.tasks().cancel("0").await, Ok(Outcome::Cancelled)));
        assert!(scopes.iter().all(|scope| scope.task_ref().is_finished()));
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
    });
}

/// A task that fails or panics is nothing to the others, unless the scope is told so.
pub fn go_on_though_a_task_fails<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("scope").grace(NEVER).open().unwrap();
        let (ask, answer) = (Moment::default(), Moment::default());
        let (asked, at_answer) = (ask.clone(), answer.clone());
        let sibling = scope.spawn(async move |cx: Cx<'_, O::Handle>| {
            asked.wait().await;
            at_answer.come();
            polite(cx).await;
        });
        let fails = scope.spawn(async |_cx| Err::<(), _>("alone")).unwrap();
        let panics = scope.spawn(async |_cx| -> () { panic!("alone, too") }).unwrap();
        assert!(fails.await.is_err() && panics.await.is_err());
        assert!(!scope.shutdown().is_set() && !cx.shutdown().is_set());
        ask.come();
        answer.wait().await;
        assert_eq!(scope.spawn(async |_cx| 5).unwrap().await.unwrap(), 5);
        assert_eq!(sibling.as_ref().unwrap().task_ref().state(), TaskState::Running);
        let report = scope.close(&cx).await;
        assert_eq!((report.completed, report.failures.len()), (2, 2), "{report}");
        sibling.unwrap().await
    });
}

/// The first failure stops all tasks of a fail-fast scope, and its report has all failures.
pub fn fail_fast_if_told_to<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("group").fail_fast().grace(NEVER).open().unwrap();
        for _ in 0..10 {
            scope.spawn(polite).unwrap().detach();
        }
        let panics = async |cx: Cx<'_, O::Handle>| {
            cx.shutdown().wait().await;
            panic!("the second");
        };
        scope.spawn(panics).unwrap().detach();
        scope.task("first").spawn(async |_cx| Err::<(), _>("the first")).unwrap().detach();
        let report = scope.finish(&cx).await;
        assert_eq!((report.completed, report.failures.len()), (10, 2), "{report}");
        assert_eq!(report.first_failure().unwrap().path, "group/first");
    });
}

/// A waker that panics when the first failure stops a scope, or a close does, holds up nobody's end.
pub fn end_though_a_waker_panics<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for is_closed in [false, true] {
            let scope = cx.scope("group").fail_fast().deadline(NEVER).open().unwrap();
            let mut wait = Box::pin(scope.shutdown().wait_owned());
            let waker = panicking();
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            scope.spawn(polite).unwrap().detach();
            let report = if is_closed {
                scope.close(&cx).await
            } else {
                scope.spawn(async |_cx| Err::<(), _>("the first")).unwrap().detach();
                scope.finish(&cx).await
            };
            assert_eq!((report.completed, report.failures.len()), (1, usize::from(!is_closed)));
            assert!(report.stragglers.is_empty() && cx.tasks().is_empty());
        }
    });
}

/// Who closes its own scope and fails after that has failed for the lifespan, if nobody awaits it.
pub fn lose_no_failure_that_comes_after_the_report<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let scope = cx.scope("group").fail_fast().open().unwrap();
            let spawner = scope.spawner().clone();
            let closer = spawner.task("closer").spawn(async move |cx| {
                assert!(scope.close(&cx).await.is_clean());
                Err::<(), _>("afterwards")
            });
            let ended = closer.unwrap().task_ref().clone();
            ended.finished().await;
        })
        .run();
    let unheard = report.tasks.iter().filter(|task| task.unheard);
    let unheard = unheard.map(|task| task.path.as_str()).collect::<Vec<_>>();
    assert_eq!(unheard, ["group/closer"], "{report}");
}

/// No more tasks run at once than may; one that is cancelled while it waits never runs.
pub fn run_so_many_at_once<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("scope").max_concurrency(2).open().unwrap();
        // Two run at once: they wait for each other.
        let (left, right) = (Moment::default(), Moment::default());
        for (mine, other) in [(left.clone(), right.clone()), (right, left)] {
            let meets = async move |_cx: Cx<'_, O::Handle>| {
                mine.come();
                other.wait().await;
            };
            scope.spawn(meets).unwrap().detach();
        }
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..20 {
            let (running, most) = (running.clone(), most.clone());
            let body = async move |_cx: Cx<'_, O::Handle>| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
            };
            scope.spawn(body).unwrap().detach();
        }
        let report = scope.finish(&cx).await;
        assert_eq!(report.completed, 22, "{report}");
        assert!(most.load(Ordering::SeqCst) <= 2, "it may be one, where threads have little time");
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        let first = scope.spawn(stubborn).unwrap();
        let waits = scope.task("waits").spawn(async |_cx| panic!("it ran")).unwrap();
        assert_eq!(waits.task_ref().state(), TaskState::Queued);
        let next = scope.spawn(async |_cx| 7).unwrap();
        assert!(matches!(scope.tasks().cancel("waits").await, Ok(Outcome::Cancelled)));
        assert!(matches!(first.cancel().await, Outcome::Cancelled));
        assert_eq!(next.await.unwrap(), 7);
        assert!(first.await.is_err() && waits.await.is_err());
    });
}

/// A task has some time to end by itself, and is cancelled then.
pub fn and_tasks_are_stopped_within_a_time<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let cleans_up = async |cx: Cx<'_, O::Handle>| {
            cx.shutdown().wait().await;
            cx.sleep(SHORT).await;
        };
        cx.task("polite").spawn(cleans_up).unwrap().detach();
        let stopped = cx.tasks().stop_within(&cx, "polite", NEVER).await.unwrap();
        assert!(!stopped.was_cancelled() && matches!(stopped.outcome(), Outcome::Completed));
        let task = cx.spawn(stubborn);
        assert!(task.stop_within(&cx, SHORT).await.was_cancelled());
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        let scope = cx.scope("scope").open().unwrap();
        scope.spawn(stubborn).unwrap().detach();
        assert!(cx.tasks().stop_within(&cx, "scope", SHORT).await.unwrap().was_cancelled());
        let itself = cx.spawn(async |cx| {
            let _ = cx.this_task().unwrap().stop_within(&cx, SHORT).await;
            panic!("it went on");
        });
        assert!(matches!(itself.await, Err(TaskError::Cancelled)));
    });
}

/// A thousand that come and go leave an empty registry.
pub fn come_and_go<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for id in 0..1000 {
            let scope = cx.scope(format_args!("conn:{id}")).open().unwrap();
            let receiver = scope.task("receiver").spawn(polite).unwrap().cancel_on_drop();
            match id % 4 {
                0 => drop(scope),
                1 => assert!(scope.close(&cx).await.failures.is_empty()),
                2 => assert!(matches!(scope.cancel().await, Outcome::Cancelled)),
                _ => scope.detach(),
            }
            drop(receiver);
        }
        for task in &cx.tasks() {
            task.finished().await;
        }
        assert!(cx.tasks().is_empty());
    });
}

/// The stop of a lifespan reaches all scopes, each with its grace.
pub fn stop_with_their_lifespan<O: LoopOwner<Handle: Timer>>(owner: O) {
    let lifespan = Lifespan::on(owner).grace(NEVER).deadline(NEVER).serve(async |cx| {
        let outer = cx.scope("outer").grace(SHORT).open().unwrap();
        let inner = outer.scope("inner").open().unwrap();
        inner.task("stubborn").spawn(stubborn).unwrap().detach();
        outer.task("polite").spawn(polite).unwrap().detach();
        // A handle that outlives its task holds nothing up.
        cx.state().insert(std::sync::Mutex::new((outer, inner)));
    });
    let report = lifespan.run();
    let cut = report.task("outer/inner/stubborn").unwrap();
    assert!(cut.overran && matches!(cut.outcome, Some(Outcome::Cancelled)), "{report}");
    let polite = report.task("outer/polite").unwrap();
    assert!(matches!(polite.outcome, Some(Outcome::Completed)), "{report}");
    assert!(report.stragglers.is_empty(), "{report}");
}
