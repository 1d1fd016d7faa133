//! Local tasks: not `Send`, on the loop's own thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use lifespan_core::{Lifespan, LocalLoop, LoopOwner, Outcome, TaskError, Timer};
use lifespan_sim::SimLoop;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_local_task_keeps_what_is_not_send_across_an_await() {
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async |cx| {
            let shared = Rc::new(RefCell::new(Vec::new()));
            let tasks = [3, 1, 2].map(|number| {
                let shared = Rc::clone(&shared);
                cx.spawn_local(async move |cx| {
                    cx.sleep(SECOND * number).await;
                    shared.borrow_mut().push(number);
                    Rc::clone(&shared)
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*shared.borrow(), [1, 2, 3]);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_local_future_is_refused_on_another_thread() {
    let mut owner = SimLoop::new(0);
    owner
        .run(async |sim| {
            assert!(sim.is_on_its_thread());
            thread::scope(|threads| {
                threads.spawn(|| {
                    assert!(!sim.is_on_its_thread());
                    assert!(sim.spawn_local(async {}).is_err());
                });
            });
        })
        .unwrap();
}

#[test]
fn a_local_task_that_still_lives_is_dropped_with_its_loop_on_its_thread() {
    let held = Rc::new(());
    let moved = Rc::clone(&held);
    let mut owner = SimLoop::new(0);
    owner
        .run(async |sim| {
            let task = async move {
                std::future::pending::<()>().await;
                drop(moved);
            };
            sim.spawn_local(task).unwrap();
            sim.sleep(SECOND).await.unwrap();
        })
        .unwrap();
    assert_eq!(Rc::strong_count(&held), 2);
    drop(owner);
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn a_local_task_is_woken_from_another_thread_and_polled_on_its_own() {
    let report = Lifespan::on(SimLoop::new(0).wait_for_threads())
        .serve(async |cx| {
            let home = thread::current().id();
            let event = lifespan_core::ShutdownEvent::new();
            let trigger = event.trigger();
            let local = Rc::new(());
            let waits = cx.spawn_local(async move |_cx| {
                event.wait().await;
                assert_eq!(thread::current().id(), home);
                drop(local);
            });
            thread::spawn(move || trigger.set(lifespan_core::Reason::Requested));
            waits.await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_local_task_ends_with_the_same_outcomes() {
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async |cx| {
            let panics = cx.spawn_local(async |_cx| panic!("local"));
            assert!(matches!(panics.await, Err(TaskError::Panicked(_))));
            let lives = cx.spawn_local(async |_cx| std::future::pending::<()>().await);
            assert!(matches!(lives.cancel().await, Outcome::Cancelled));
        })
        .run();
    assert!(report.is_clean(), "{report}");
}
