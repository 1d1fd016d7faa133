//! Scopes in which only so many tasks run at once.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use lifespan_core::{Cx, Lifespan, Observer, Outcome, TaskEnd, TaskError, TaskRef, TaskState};

use crate::by_hand::{ByHand, Hand, next_round, run, serve, serve_with};
use crate::outcomes::Gone;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn no_more_run_at_once_than_may_and_each_gets_its_turn() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").max_concurrency(3).open().unwrap();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let order = Arc::new(Mutex::new(Vec::new()));
        for number in 0..10 {
            let (running, most, order) = (running.clone(), most.clone(), order.clone());
            let body = async move |cx: Cx<'_, Hand>| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                order.lock().unwrap().push(number);
                cx.sleep(SECOND).await;
                running.fetch_sub(1, Ordering::SeqCst);
            };
            scope.spawn(body).unwrap().detach();
        }
        let began = cx.now();
        let report = scope.finish(&cx).await;
        assert_eq!((report.completed, most.load(Ordering::SeqCst)), (10, 3));
        assert_eq!(cx.now().duration_since(began).as_secs(), 4, "three, three, three, one");
        assert!(order.lock().unwrap().is_sorted(), "in the order in which they came");
    });
}

/// Ids are no order of arrival: each thread takes some at a time.
#[test]
fn turns_come_in_the_order_of_arrival_from_whichever_thread() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        scope.spawn(async |cx| cx.sleep(SECOND).await).unwrap().detach();
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |name| {
            let order = Arc::clone(&order);
            async move |_cx: Cx<'_, Hand>| order.lock().unwrap().push(name)
        };
        for names in [["1", "2"], ["3", "4"]] {
            let (spawner, body) = (scope.spawner().clone(), note(names[0]));
            let other = thread::spawn(move || spawner.spawn(body).unwrap().detach());
            other.join().unwrap();
            scope.spawn(note(names[1])).unwrap().detach();
        }
        let cut = scope.task("cut").spawn(note("cut")).unwrap();
        scope.spawn(note("5")).unwrap().detach();
        assert!(matches!(cut.cancel().await, Outcome::Cancelled));
        assert_eq!(scope.finish(&cx).await.completed, 6);
        assert_eq!(*order.lock().unwrap(), ["1", "2", "3", "4", "5"]);
    });
}

/// Starts one more when it hears of the first end.
#[derive(Default)]
struct StartsOneMore(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Observer for StartsOneMore {
    fn task_ended(&self, _task: &TaskRef, _end: &TaskEnd<'_>) {
        let start = self.0.lock().unwrap().take();
        if let Some(start) = start {
            start();
        }
    }
}

/// Where one has ended and the next has not begun, there is room for one.
#[test]
fn a_task_that_comes_between_two_turns_does_not_go_before_those_that_wait() {
    let observer = Arc::new(StartsOneMore::default());
    let lifespan = Lifespan::on(ByHand::new()).observer(Arc::clone(&observer));
    let report = run(lifespan.serve(async move |cx| {
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |number| {
            let order = Arc::clone(&order);
            async move |cx: Cx<'_, Hand>| {
                order.lock().unwrap().push(number);
                cx.sleep(SECOND).await;
            }
        };
        for number in 0..3 {
            scope.spawn(note(number)).unwrap().detach();
        }
        let (spawner, last) = (scope.spawner().clone(), note(3));
        let start = move || spawner.spawn(last).unwrap().detach();
        *observer.0.lock().unwrap() = Some(Box::new(start));
        assert_eq!(scope.finish(&cx).await.completed, 4);
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3]);
    }));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_task_that_waits_is_a_member_and_says_that_it_is_queued() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        let first = scope.task("first").spawn(async |cx| cx.sleep(SECOND).await).unwrap();
        let second = scope.task("second").spawn(async |cx| cx.sleep(SECOND).await).unwrap();
        next_round().await;
        assert_eq!(first.task_ref().state(), TaskState::Running);
        assert_eq!(scope.tasks().get("second").unwrap().state(), TaskState::Queued);
        assert_eq!(scope.tasks().len(), 2);
        assert!(scope.task("second").spawn(async |_cx| ()).is_err(), "the name is taken");
        first.await.unwrap();
        next_round().await;
        assert_eq!(second.task_ref().state(), TaskState::Running);
        second.await.unwrap();
    });
}

#[test]
fn a_task_that_is_cancelled_while_it_waits_never_runs_and_the_next_does() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        let first = scope.spawn(async |_cx| pending::<()>().await).unwrap();
        let gone = Gone::default();
        let guard = gone.guard();
        let second = scope.task("second").spawn(async move |_cx| {
            let _guard = guard;
            panic!("it ran");
        });
        let third = scope.spawn(async |_cx| 3).unwrap();
        next_round().await;
        assert!(matches!(scope.tasks().cancel("second").await, Ok(Outcome::Cancelled)));
        assert!(gone.is_gone() && second.unwrap().await.is_err());
        assert_eq!(third.task_ref().state(), TaskState::Queued);
        // The first two are cancelled in one moment, so that one of them has its turn unpolled.
        let fourth = scope.spawn(async |_cx| 4).unwrap();
        drop(third.cancel());
        drop(first.cancel());
        assert_eq!(fourth.await.unwrap(), 4);
        assert!(matches!(third.await, Err(TaskError::Cancelled)));
        assert!(first.await.is_err() && scope.close(&cx).await.is_clean());
    });
}

/// Its record is another one's soon.
#[test]
fn a_task_that_is_cancelled_while_it_waits_leaves_no_place_behind() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        let first = scope.spawn(async |_cx| pending::<()>().await).unwrap();
        for _ in 0..10 {
            let cut = scope.spawn(async |_cx| panic!("it ran")).unwrap();
            drop(cut.cancel());
            assert!(cut.await.is_err());
        }
        let tasks = [(); 10].map(|()| scope.spawn(async |cx| cx.sleep(SECOND).await).unwrap());
        drop(first.cancel());
        next_round().await;
        let began = cx.now();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(cx.now().duration_since(began).as_secs(), 10, "one after the other");
    });
}

#[test]
fn each_way_to_end_gives_the_turn_to_the_next() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        let panics = scope.spawn(async |_cx| panic!("it panics")).unwrap();
        let fails = scope.spawn(async |_cx| Err::<(), _>("it fails")).unwrap();
        let cut = scope.spawn(async |_cx| pending::<()>().await).unwrap();
        let blocks = scope.spawner().spawn_blocking(|_stop| 5).unwrap();
        let last = scope.spawn(async |_cx| 6).unwrap();
        assert!(panics.await.is_err() && fails.await.is_err());
        next_round().await;
        assert_eq!(blocks.task_ref().state(), TaskState::Queued);
        drop(cut.cancel());
        assert_eq!((blocks.await.unwrap(), last.await.unwrap()), (5, 6));
        assert!(cut.await.is_err());
    });
}

#[test]
fn a_stop_lets_those_begin_whose_turn_comes_and_cancels_the_others_unpolled() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").grace(SECOND).max_concurrency(1).open().unwrap();
        let polite = scope.spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let second = scope.spawn(async |cx| {
            assert!(cx.shutdown().is_set(), "born stopped");
            pending::<()>().await;
        });
        let third = scope.task("third").spawn(async |_cx| panic!("it ran")).unwrap();
        next_round().await;
        let report = scope.close(&cx).await;
        assert_eq!((report.completed, report.cancelled.len()), (1, 2), "{report}");
        polite.await.unwrap();
        assert!(matches!(second.unwrap().await, Err(TaskError::Cancelled)));
        assert!(matches!(third.await, Err(TaskError::Cancelled)));
    });
}

#[test]
fn scopes_inside_have_no_turns_and_zero_is_one() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").max_concurrency(0).open().unwrap();
        let task = scope.spawn(async |cx| {
            let inner = cx.scope("inner").open().unwrap();
            let tasks = [(); 3].map(|()| inner.spawn(async |_cx| 7).unwrap());
            for task in tasks {
                assert_eq!(task.await.unwrap(), 7);
            }
        });
        task.unwrap().await.unwrap();
    });
}

#[test]
fn a_clock_that_reenters_does_not_deadlock() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let scope = cx.scope("few").max_concurrency(1).open().unwrap();
            let (spawner, (sender, started)) = (scope.spawner().clone(), mpsc::channel());
            hand.on_now(move || {
                sender.send(spawner.spawn(async |_cx| 7).unwrap()).unwrap();
            });
            scope.task("work").spawn_blocking(|_stop| ()).unwrap().await.unwrap();
            assert_eq!(started.recv().unwrap().await.unwrap(), 7);
        }
    });
}
