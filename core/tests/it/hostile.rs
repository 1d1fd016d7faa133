//! Wakers, errors and payloads that do harm where a task ends; and what a registry shows meanwhile.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use lifespan_core::{Outcome, TaskRef};

use crate::by_hand::{next_round, serve};
use crate::woken::{Count, PanicOnDrop, call, is_pending, on_drop, panic_twice, panicking, poll};

#[test]
fn a_panicking_waker_of_one_who_waits_for_the_end_harms_nobody_else() {
    for bad in [panicking(), call(panic_twice), on_drop(|| panic!("a waker's destructor"))] {
        let report = serve(async move |cx| {
            let task = cx.spawn(async |_cx| 7);
            let (count, waker) = Count::new();
            let mut waits = Vec::new();
            for waker in [&waker, &bad, &waker, &bad, &waker] {
                let mut wait = task.task_ref().finished();
                assert!(poll(&mut wait, waker).is_pending());
                waits.push(wait);
            }
            drop(bad);
            assert_eq!(task.await.unwrap(), 7);
            assert_eq!(count.get(), 3);
            for wait in &mut waits {
                assert!(matches!(poll(wait, Waker::noop()), Poll::Ready(Outcome::Completed)));
            }
            // The record, its slot and the registry go on.
            assert!(cx.tasks().is_empty());
            assert_eq!(cx.spawn(async |_cx| 8).await.unwrap(), 8);
        });
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn a_reentrant_waker_of_one_who_waits_for_the_end_does_not_deadlock() {
    let _ = serve(async |cx| {
        let task = cx.task("one").spawn(async |_cx| 7).unwrap();
        let (spawner, ended) = (cx.spawner(), task.task_ref().clone());
        let seen = Arc::new(Mutex::new(None));
        let inner = Arc::clone(&seen);
        let waker = call(move || {
            // The name is free, the outcome stands, and nothing is locked.
            let again = spawner.task("one").spawn(async |_cx| ()).is_ok();
            drop(ended.cancel());
            ended.stop();
            let listed = spawner.tasks().iter().count();
            *inner.lock().unwrap() = Some((again, ended.outcome().is_some(), listed));
        });
        let mut wait = task.task_ref().finished();
        assert!(poll(&mut wait, &waker).is_pending());
        task.await.unwrap();
        assert_eq!(*seen.lock().unwrap(), Some((true, true, 1)));
    });
}

#[test]
fn a_wait_for_the_end_registers_once_and_goes_with_its_future() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| pending::<()>().await);
        let (count, waker) = Count::new();
        let (other_count, other) = Count::new();
        let mut wait = task.task_ref().finished();
        for _ in 0..3 {
            assert!(poll(&mut wait, &waker).is_pending());
            assert_eq!(count.stored(), 1);
        }
        assert!(poll(&mut wait, &other).is_pending());
        assert_eq!((count.stored(), other_count.stored()), (0, 1));
        drop(wait);
        assert_eq!(other_count.stored(), 0);
        task.cancel().await;
        assert_eq!((count.get(), other_count.get()), (0, 0));
    });
}

#[test]
fn a_waiter_for_the_end_whose_drop_reenters_does_not_deadlock() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| pending::<()>().await);
        let reentrant = || {
            let (task, tasks) = (task.task_ref().clone(), cx.tasks());
            on_drop(move || {
                let _ = (task.outcome(), tasks.len(), is_pending(&mut task.finished()));
            })
        };
        let mut wait = task.task_ref().finished();
        assert!(poll(&mut wait, &reentrant()).is_pending());
        assert!(poll(&mut wait, &reentrant()).is_pending());
        drop(wait);
        let mut wait = task.task_ref().finished();
        assert!(poll(&mut wait, &reentrant()).is_pending());
        task.cancel().await;
        assert!(poll(&mut wait, &reentrant()).is_ready());
    });
}

/// The loop holds the last reference to the record, and with it to the error.
#[test]
fn an_error_whose_destructor_panics_does_not_harm_the_loop() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| Err::<(), _>(PanicOnDrop));
        let ended = task.task_ref().clone();
        let raised = Arc::new(Mutex::new(0));
        let inner = Arc::clone(&raised);
        let handle = Mutex::new(Some((task, ended)));
        // Awaited, so that the report does not keep the error; dropped when the task settles.
        let waker = call(move || {
            let Some((mut task, ended)) = handle.lock().unwrap().take() else { return };
            let heard = poll(&mut task, Waker::noop());
            drop((task, ended));
            if catch_unwind(AssertUnwindSafe(|| drop(heard))).is_err() {
                *inner.lock().unwrap() += 1;
            }
        });
        let mut wait = cx.tasks().iter().next().unwrap().finished();
        assert!(poll(&mut wait, &waker).is_pending());
        drop(waker);
        next_round().await;
        drop(wait);
        assert_eq!(*raised.lock().unwrap(), 0, "the record held the error still");
        cx.spawn(async |_cx| ()).await.unwrap();
    });
}

#[test]
fn a_body_whose_destructor_panics_with_a_payload_that_does_too_harms_nobody() {
    struct Twice;
    impl Drop for Twice {
        fn drop(&mut self) {
            panic_twice();
        }
    }
    let _ = serve(async |cx| {
        let bad = cx.spawn(async |_cx| {
            let _twice = Twice;
            pending::<()>().await;
        });
        next_round().await;
        let Outcome::Panicked(panic) = bad.cancel().await else { panic!("no panic") };
        drop(bad);
        let _leaked = std::mem::ManuallyDrop::new(panic.take_payload());
        let value = cx.spawn(async |_cx| Some(Twice));
        let ended = value.task_ref().clone();
        value.detach();
        let Outcome::Panicked(panic) = ended.finished().await else { panic!("no panic") };
        let _leaked = std::mem::ManuallyDrop::new(panic.take_payload());
        // The body and the value, both.
        let both = cx.spawn(async |_cx| {
            std::future::poll_fn(|_| Poll::Ready(())).await;
            Some(Twice)
        });
        both.cancel().await;
        cx.state().insert(Mutex::new(Twice));
    });
}

#[test]
fn tasks_are_listed_by_their_ids() {
    let _ = serve(async |cx| {
        let mut kept = Vec::new();
        for round in 0..200 {
            kept.push(cx.spawn(async |_cx| pending::<()>().await));
            if round % 3 == 0 {
                kept.swap_remove(round * 7 % kept.len()).cancel().await;
            }
        }
        let ids = cx.tasks().iter().map(|task| task.id()).collect::<Vec<_>>();
        assert!(ids.is_sorted());
        assert_eq!(ids.len(), cx.tasks().len());
        assert_eq!(ids.len(), kept.len());
    });
}

#[test]
fn nothing_invalidates_a_snapshot() {
    let _ = serve(async |cx| {
        for name in ["a", "b", "c"] {
            cx.task(name).spawn(async |_cx| pending::<()>().await).unwrap().detach();
        }
        let tasks = cx.tasks();
        let mut seen = Vec::new();
        for task in &tasks {
            seen.push(task.name().unwrap().to_string());
            for other in &tasks {
                other.cancel().await;
            }
            for _ in 0..3 {
                cx.spawn(async |_cx| ()).await.unwrap(); // in the slots of those that ended
            }
            assert!(matches!(task.outcome(), Some(Outcome::Cancelled)));
        }
        assert_eq!(seen, ["a", "b", "c"]);
        assert!(tasks.is_empty());
    });
}

#[test]
fn a_task_ref_never_means_the_next_task_in_its_slot() {
    let _ = serve(async |cx| {
        let mut old = Vec::<TaskRef>::new();
        for round in 0..100 {
            let task = cx.task(format_args!("task {round}")).spawn(async |_cx| ()).unwrap();
            old.push(task.task_ref().clone());
            task.await.unwrap();
        }
        let live = cx.spawn(async |_cx| pending::<()>().await);
        next_round().await;
        for (round, task) in old.iter().enumerate() {
            assert_eq!(task.name().unwrap().as_str(), format!("task {round}"));
            assert!(matches!(task.cancel().await, Outcome::Completed));
        }
        next_round().await;
        assert!(!live.task_ref().is_finished());
    });
}

#[test]
fn handles_move_between_threads() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<lifespan_core::Task<Vec<u8>>>();
    is_send::<lifespan_core::Spawner<crate::by_hand::Hand>>();
    is_send::<(TaskRef, lifespan_core::Tasks, lifespan_core::Finished, lifespan_core::Cancel)>();
    is_sync::<(TaskRef, lifespan_core::Tasks, lifespan_core::Spawner<crate::by_hand::Hand>)>();
}
