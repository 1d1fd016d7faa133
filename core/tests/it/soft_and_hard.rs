//! Some time to end by itself, then a cancel; and handles whose drop cancels.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use lifespan_core::{
    Cx, Late, Lifespan, Observer, Outcome, Stopped, Task, TaskError, TaskRef, TaskState,
};

use crate::by_hand::{ByHand, Hand, next_round, run, serve};
use crate::outcomes::Gone;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn who_ends_in_time_is_not_cancelled() {
    let _ = serve(async |cx| {
        let polite = cx.spawn(async |cx| {
            cx.shutdown().wait().await;
            cx.sleep(SECOND).await;
            7
        });
        let began = cx.now();
        let stopped = polite.stop_within(&cx, 5 * SECOND).await;
        assert!(matches!(stopped, Stopped::InTime(Outcome::Completed)));
        assert!(!stopped.was_cancelled() && cx.now().duration_since(began).as_secs() == 1);
        assert_eq!(polite.await.unwrap(), 7);
    });
}

#[test]
fn who_does_not_is_cancelled_when_the_time_is_over() {
    let _ = serve(async |cx| {
        let gone = Gone::default();
        let guard = gone.guard();
        let stubborn = cx.task("stubborn").spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        stubborn.unwrap().detach();
        let began = cx.now();
        let stopped = cx.tasks().stop_within(&cx, "stubborn", 5 * SECOND).await.unwrap();
        assert!(matches!(stopped, Stopped::Cancelled(Outcome::Cancelled)) && gone.is_gone());
        assert_eq!(cx.now().duration_since(began).as_secs(), 5);
        let not_found = cx.tasks().stop_within(&cx, "stubborn", SECOND).await.unwrap_err();
        assert_eq!(not_found.name().as_str(), "stubborn");
    });
}

#[test]
fn every_time_is_valid_and_who_has_ended_has_ended_in_time() {
    let _ = serve(async |cx| {
        let ended = cx.spawn(async |_cx| Err::<(), _>("long ago"));
        next_round().await;
        let stopped = ended.stop_within(&cx, Duration::ZERO).await;
        assert!(matches!(stopped, Stopped::InTime(Outcome::Failed(_))));
        let task = cx.spawn(async |_cx| pending::<()>().await);
        assert!(task.stop_within(&cx, Duration::ZERO).await.was_cancelled());
        let task = cx.spawn(async |cx| cx.shutdown().wait().await);
        assert!(!task.stop_within(&cx, Duration::MAX).await.was_cancelled());
        assert!(ended.await.is_err());
    });
}

#[test]
fn who_stops_waiting_takes_back_neither_the_stop_nor_cancels() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |cx| {
            cx.shutdown().wait().await;
            cx.sleep(3 * SECOND).await;
        });
        assert!(cx.timeout(SECOND, task.stop_within(&cx, 2 * SECOND)).await.is_err());
        task.await.unwrap();
    });
}

#[test]
fn a_task_may_give_itself_some_time() {
    let _ = serve(async |cx| {
        let began = cx.now();
        let task = cx.spawn(async |cx| {
            let itself = cx.this_task().unwrap();
            let _ = itself.stop_within(&cx, SECOND).await;
            panic!("it went on");
        });
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert_eq!(cx.now().duration_since(began).as_secs(), 1);
    });
}

#[test]
fn a_scope_is_given_some_time_by_a_task_in_it() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let inner = outer.scope("inner").open().unwrap();
        let polite = inner.spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let of_all = outer.task_ref().clone();
        let task = inner.spawn(async move |cx| {
            let _ = of_all.stop_within(&cx, SECOND).await;
            panic!("it went on");
        });
        assert!(matches!(task.unwrap().await, Err(TaskError::Cancelled)));
        polite.await.unwrap();
        assert!(outer.task_ref().is_finished());
        let scope = cx.scope("scope").open().unwrap();
        scope.spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        let stopped = cx.tasks().stop_within(&cx, "scope", SECOND).await.unwrap();
        assert!(matches!(stopped, Stopped::InTime(Outcome::Completed)), "with its last task");
    });
}

#[test]
fn a_task_is_seen_to_be_stopped_whoever_has_asked_it() {
    let _ = serve(async |cx| {
        let stays = async |_cx: Cx<'_, Hand>| pending::<()>().await;
        let scope = cx.scope("scope").open().unwrap();
        let [alone, with_all] = [(); 2].map(|()| scope.spawn(stays).unwrap());
        let state = |task: &Task<()>| task.task_ref().state();
        assert_eq!(state(&alone), TaskState::Running);
        alone.stop();
        assert_eq!((state(&alone), state(&with_all)), (TaskState::Stopping, TaskState::Running));
        scope.stop();
        assert_eq!(state(&with_all), TaskState::Stopping);
        let late = scope.spawn(stays).unwrap();
        assert_eq!(state(&late), TaskState::Stopping);
        let by_event = cx.spawn(async move |cx| {
            cx.shutdown().trigger().set("the event that it sees").unwrap();
            stays(cx).await;
        });
        assert_eq!(state(&by_event), TaskState::Running);
        next_round().await;
        assert_eq!(state(&by_event), TaskState::Stopping);
        let gone = by_event.cancel();
        assert_eq!(state(&by_event), TaskState::Cancelling);
        gone.await;
        assert_eq!(state(&by_event), TaskState::Finished);
        scope.cancel().await;
    });
}

#[test]
fn a_task_that_stops_all_sees_it_and_ends() {
    let report = serve(async |cx| {
        cx.spawn(async |cx| {
            assert!(cx.trigger().set("enough").is_ok() && cx.lifespan_event().is_set());
            cx.shutdown().wait().await;
        })
        .detach();
        cx.shutdown().wait().await;
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_task_that_cancels_all_of_its_scope_ends_at_its_next_await() {
    let report = serve(async |cx| {
        let task = cx.spawn(async |cx: Cx<'_, Hand>| {
            let _ = cx.tasks().cancel_matching(|_| true).await;
            panic!("it went on");
        });
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_handle_may_cancel_when_it_is_dropped() {
    let _ = serve(async |cx| {
        let gone = Gone::default();
        let guard = gone.guard();
        let task = cx.task("receiver:7").spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        let bound = task.unwrap().cancel_on_drop();
        next_round().await;
        let ended = bound.task_ref().finished();
        drop(bound);
        assert!(!gone.is_gone() && cx.tasks().contains("receiver:7"), "its name is not free yet");
        assert!(matches!(ended.await, Outcome::Cancelled));
        assert!(gone.is_gone() && !cx.tasks().contains("receiver:7"));
    });
}

#[test]
fn a_handle_that_cancels_on_drop_gives_the_value_and_may_let_go() {
    let report = serve(async |cx| {
        assert_eq!(cx.spawn(async |_cx| 7).cancel_on_drop().await.unwrap(), 7);
        let task = cx.spawn(async |cx| cx.sleep(SECOND).await).cancel_on_drop();
        task.detach().await.unwrap();
        let mut task = cx.spawn(async |cx| cx.sleep(SECOND).await).cancel_on_drop();
        assert!(cx.timeout(SECOND / 2, &mut task).await.is_err());
        task.await.unwrap();
        let failed = cx.spawn(async |_cx| Err::<(), _>("unheard")).cancel_on_drop();
        next_round().await;
        drop(failed);
    });
    assert_eq!(report.exit_code(), 4, "a failure that nobody has heard of is reported: {report}");
}

/// Counts those that are late.
#[derive(Default)]
struct CountsLate(AtomicU32);

impl Observer for CountsLate {
    fn task_late(&self, _task: &TaskRef, _late: &Late) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// By their grace, or by the deadline: the scope around them is closed, and their own, on two threads.
#[test]
fn tasks_that_two_stops_find_late_at_one_moment_are_told_of_once() {
    const TASKS: u32 = 3;
    let observer = Arc::new(CountsLate::default());
    let late = Arc::clone(&observer);
    let _ = run(Lifespan::on(ByHand::new()).observer(observer).serve(async move |cx| {
        for deadline in [Duration::ZERO, SECOND].repeat(1000) {
            let outer = cx.scope("outer").grace(Duration::ZERO).deadline(deadline).open().unwrap();
            let inner = outer.scope("inner").deadline(deadline).open().unwrap();
            for _ in 0..TASKS {
                inner.spawn(async |_cx| pending::<()>().await).unwrap().detach();
            }
            let both_are_here = Barrier::new(2);
            let mut closes = [Box::pin(outer.close(&cx)), Box::pin(inner.close(&cx))];
            thread::scope(|threads| {
                for close in &mut closes {
                    threads.spawn(|| {
                        both_are_here.wait();
                        close.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
                    });
                }
            });
            assert_eq!(late.0.swap(0, Ordering::SeqCst), TASKS, "{deadline:?}");
            for close in closes {
                assert!(close.await.stragglers.is_empty());
            }
        }
    }));
}
