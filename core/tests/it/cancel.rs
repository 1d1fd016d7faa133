//! Cancelling: what it waits for, who may do it, what it never raises; and protected blocks.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifespan_core::{Lifespan, Outcome, TaskError, TaskRef};

use crate::by_hand::{ByHand, next_round, run, serve};
use crate::outcomes::Gone;
use crate::woken::{Count, is_pending, poll};

#[test]
fn cancelled_before_its_first_poll_a_body_is_dropped_unpolled() {
    let report = serve(async |cx| {
        let gone = Gone::default();
        let guard = gone.guard();
        let task = cx.spawn(async move |_cx| {
            let _guard = guard;
            panic!("it was polled");
        });
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
        assert!(gone.is_gone());
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_cancel_completes_when_the_body_was_dropped() {
    let _ = serve(async |cx| {
        let gone = Gone::default();
        let guard = gone.guard();
        let task = cx.spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        next_round().await;
        let mut cancelled = task.cancel();
        assert!(is_pending(&mut cancelled) && !gone.is_gone(), "nothing is dropped in the call");
        assert!(matches!(cancelled.await, Outcome::Cancelled));
        assert!(gone.is_gone());
    });
}

#[test]
fn cancelling_a_finished_task_keeps_its_outcome_and_raises_nothing() {
    let _ = serve(async |cx| {
        let panics = cx.spawn(async |_cx| panic!("long ago"));
        let fails = cx.spawn(async |_cx| Err::<(), _>("long ago"));
        let ends = cx.spawn(async |_cx| 7);
        next_round().await;
        assert!(matches!(panics.cancel().await, Outcome::Panicked(_)));
        assert!(matches!(fails.cancel().await, Outcome::Failed(_)));
        assert!(matches!(ends.cancel().await, Outcome::Completed));
        assert_eq!(ends.await.unwrap(), 7, "the value is still there");
        assert!(!fails.stop(), "it was not live");
        assert!(panics.await.is_err() && fails.await.is_err());
    });
}

#[test]
fn a_body_that_ends_in_the_round_of_its_cancel_is_cancelled_before_it_is_polled() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |cx| {
            cx.shutdown().wait().await;
            panic!("it was polled");
        });
        next_round().await;
        task.stop();
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
    });
}

#[test]
fn several_cancel_and_wait() {
    let _ = serve(async |cx| {
        let task = cx.task("stubborn").spawn(async |_cx| pending::<()>().await).unwrap();
        next_round().await;
        let mut waits = vec![task.cancel(), task.cancel(), task.task_ref().finished()];
        let (counts, mut pairs): (Vec<_>, Vec<_>) =
            waits.drain(..).map(|w| (Count::new(), w)).unzip();
        for ((_, waker), wait) in counts.iter().zip(&mut pairs) {
            assert!(poll(wait, waker).is_pending());
        }
        assert!(matches!(cx.tasks().cancel("stubborn").await, Ok(Outcome::Cancelled)));
        for ((count, waker), wait) in counts.iter().zip(&mut pairs) {
            assert_eq!(count.get(), 1);
            assert!(matches!(poll(wait, waker), std::task::Poll::Ready(Outcome::Cancelled)));
        }
    });
}

#[test]
fn a_canceller_that_stops_waiting_does_not_stop_the_cancel() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| pending::<()>().await);
        next_round().await;
        drop(task.cancel());
        assert!(matches!(task.task_ref().finished().await, Outcome::Cancelled));
    });
}

#[test]
fn a_canceller_that_is_cancelled_itself_ends_too() {
    let _ = serve(async |cx| {
        let stubborn = cx.spawn(async |cx| cx.protect(pending::<()>()).await);
        next_round().await;
        let target = stubborn.task_ref().clone();
        let canceller = cx.spawn(async move |_cx| drop(target.cancel().await));
        next_round().await;
        assert!(matches!(canceller.cancel().await, Outcome::Cancelled), "its own is not lost");
        assert!(!stubborn.task_ref().is_finished());
    });
}

#[test]
fn the_callers_bound_ends_only_its_wait() {
    let _ = serve(async |cx| {
        let stubborn = cx.spawn(async |cx| cx.protect(cx.sleep(Duration::from_secs(5))).await);
        next_round().await;
        let waited = cx.timeout(Duration::from_secs(1), stubborn.cancel()).await;
        assert!(waited.is_err());
        assert!(matches!(stubborn.task_ref().finished().await, Outcome::Cancelled));
    });
}

#[test]
fn a_task_that_cancels_itself_goes_no_further_than_its_next_await() {
    let _ = serve(async |cx| {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&steps);
        let task = cx.spawn(async move |cx| {
            drop(cx.this_task().unwrap().cancel());
            log.lock().unwrap().push("after the cancel");
            next_round().await;
            log.lock().unwrap().push("after the await");
        });
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert_eq!(*steps.lock().unwrap(), ["after the cancel"]);
        // Awaiting its own end is no deadlock.
        let task = cx.spawn(async |cx| drop(cx.this_task().unwrap().cancel().await));
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
    });
}

#[test]
fn a_task_may_cancel_and_stop_every_task_of_its_scope_and_the_lifespan() {
    let report = serve(async |cx| {
        for _ in 0..3 {
            cx.spawn(async |_cx| pending::<()>().await).detach();
        }
        let all = cx.spawn(async |cx| {
            cx.tasks().iter().for_each(|task| assert!(task.stop()));
            cx.tasks().iter().for_each(|task| drop(task.cancel()));
            cx.trigger().set("everybody").unwrap();
        });
        all.await.unwrap();
        cx.lifespan_event().wait().await;
    });
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, "everybody".into());
}

#[test]
fn a_cancel_from_another_thread_wakes_its_task() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| pending::<()>().await);
        next_round().await;
        let target = task.task_ref().clone();
        let thread = std::thread::spawn(move || drop(target.cancel()));
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        thread.join().unwrap();
    });
}

#[test]
fn cancelling_a_name_nobody_has_says_so() {
    let _ = serve(async |cx| {
        let error = cx.tasks().cancel("nobody").await.unwrap_err();
        assert_eq!(error.name().as_str(), "nobody");
        assert_eq!(error.to_string(), "no live task is named \"nobody\"");
        assert!(cx.tasks().stop("nobody").is_err());
    });
}

#[test]
fn a_cancel_waits_for_a_protected_block() {
    let _ = serve(async |cx| {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&steps);
        let task = cx.spawn(async move |cx| {
            cx.protect(async {
                next_round().await;
                cx.protect(cx.sleep(Duration::from_secs(1))).await; // nested: still protected
                log.lock().unwrap().push("inner");
                next_round().await;
                log.lock().unwrap().push("outer");
            })
            .await;
            log.lock().unwrap().push("after");
        });
        next_round().await;
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
        assert_eq!(*steps.lock().unwrap(), ["inner", "outer"], "and it ends at that very await");
    });
}

#[test]
fn a_protected_block_that_is_dropped_protects_no_more() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |cx| {
            let block = cx.protect(pending::<()>());
            let _ = cx.timeout(Duration::from_secs(1), block).await;
            pending::<()>().await;
        });
        next_round().await;
        let began = cx.now();
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
        assert!(cx.now() - began >= Duration::from_secs(1));
    });
}

#[test]
fn a_block_protects_only_its_own_task_and_a_handler_needs_none() {
    let _ = serve(async |cx| {
        assert_eq!(cx.protect(async { 7 }).await, 7);
        let task = cx.spawn(async |_cx| pending::<()>().await);
        let outcome = cx.protect(task.cancel()).await;
        assert!(matches!(outcome, Outcome::Cancelled));
    });
}

#[test]
fn the_deadline_ends_a_protected_block() {
    let gone = Gone::default();
    let guard = gone.guard();
    let lifespan = Lifespan::on(ByHand::new()).deadline(Duration::from_secs(3));
    let report = run(lifespan.serve(async move |cx| {
        cx.task("protected")
            .spawn(async move |cx| {
                let _guard = guard;
                cx.protect(pending::<()>()).await;
            })
            .unwrap()
            .detach();
        next_round().await;
        drop(cx.tasks().cancel("protected"));
        next_round().await;
        assert!(cx.tasks().contains("protected"));
    }));
    assert!(gone.is_gone() && report.stragglers.is_empty());
    assert!(matches!(report.task("protected").unwrap().outcome, Some(Outcome::Cancelled)));
    assert_eq!(report.exit_code(), 6, "forced is not clean");
    assert!(report.phases.stopping >= Duration::from_secs(3));
}

#[test]
fn a_task_ref_outlives_its_task() {
    let kept = Arc::new(Mutex::new(None::<TaskRef>));
    let inner = Arc::clone(&kept);
    let _ = serve(async move |cx| {
        let task = cx.task("kept").spawn(async |_cx| ()).unwrap();
        *inner.lock().unwrap() = Some(task.task_ref().clone());
    });
    let task = kept.lock().unwrap().take().unwrap();
    assert!(matches!(task.outcome(), Some(Outcome::Completed)));
    assert_eq!((task.path(), task.name().unwrap().as_str()), ("kept".into(), "kept"));
    assert!(!task.stop());
    assert!(poll(&mut task.cancel(), std::task::Waker::noop()).is_ready());
}

#[test]
fn those_that_match_are_cancelled_and_each_says_how_it_ended() {
    let report = serve(async |cx| {
        let gone = Gone::default();
        for number in 0..4 {
            let guard = gone.guard();
            let body = async move |_cx: lifespan_core::Cx<'_, _>| {
                let _guard = guard;
                pending::<()>().await;
            };
            cx.task(format_args!("client-{number}")).spawn(body).unwrap().detach();
        }
        let other = cx.task("other").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        next_round().await;
        let mut asked = Vec::new();
        let cancelled = cx.tasks().cancel_matching(|task| {
            asked.push(task.path());
            task.name().is_some_and(|name| name.as_str().starts_with("client-"))
        });
        assert_eq!(asked, ["client-0", "client-1", "client-2", "client-3", "other"]);
        let ended = cancelled.await;
        let ended = ended.iter().map(|(task, outcome)| (task.path(), outcome.to_string()));
        let expected = (0..4).map(|number| (format!("client-{number}"), "cancelled".into()));
        assert!(ended.eq(expected));
        assert!(gone.is_gone() && cx.tasks().len() == 1);
        other.stop();
        other.await.unwrap();
        assert!(cx.tasks().cancel_matching(|_| true).await.is_empty());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn what_says_who_matches_may_use_the_registry_and_panic() {
    let _ = serve(async |cx| {
        let mut tasks = Vec::new();
        for name in ["a", "b", "c"] {
            tasks.push(cx.task(name).spawn(async |_cx| pending::<()>().await).unwrap());
        }
        let spawned = cx.tasks().cancel_matching(|task| {
            // A lock would stop here for ever.
            assert!(cx.tasks().contains(task.name().unwrap().as_str()));
            drop(cx.spawn(async |_cx| ()));
            false
        });
        assert!(spawned.await.is_empty());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cx.tasks().cancel_matching(|task| task.path() == "a" || panic!("of b"))
        }));
        assert!(panicked.is_err());
        next_round().await;
        assert!(tasks.iter().all(|task| !task.task_ref().is_finished()), "none was cancelled");
    });
}

#[test]
fn who_does_not_wait_for_those_that_match_has_cancelled_them() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| pending::<()>().await);
        drop(cx.tasks().cancel_matching(|_| true));
        assert!(matches!(task.task_ref().finished().await, Outcome::Cancelled));
    });
}

#[test]
fn a_task_that_matches_itself_ends_at_its_next_await() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |cx| {
            cx.tasks().cancel_matching(|_| true).await;
            unreachable!("it was cancelled");
        });
        assert!(matches!(task.task_ref().finished().await, Outcome::Cancelled));
        assert!(cx.tasks().is_empty());
    });
}

/// Nobody takes out of a record that its task was cancelled: the next one to have it does.
#[test]
fn one_that_has_the_record_of_a_cancelled_task_is_stopped_and_cancelled_as_any_other() {
    let _ = serve(async |cx| {
        for turn in 0..200 {
            let task = cx.task("poller").spawn(async |cx| cx.shutdown().wait().await).unwrap();
            next_round().await;
            assert!(task.task_ref().outcome().is_none(), "it waits");
            if turn % 2 == 0 {
                assert!(task.stop());
                assert!(matches!(task.await, Ok(())));
            } else {
                let cancelled = cx.tasks().cancel("poller").await;
                assert!(matches!(cancelled, Ok(Outcome::Cancelled)));
                assert!(matches!(task.await, Err(TaskError::Cancelled)));
            }
        }
    });
}
