//! Scopes end whatever happens meanwhile: wakers that panic, scopes that are opened late, a loop that is gone.

use std::future::{Future, pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use lifespan_core::{Cx, Late, Lifespan, Observer, Outcome, Spawner, TaskError, TaskRef};

use crate::by_hand::{ByHand, Hand, next_round, run, serve, serve_with};
use crate::woken::{panicking, register};

#[test]
fn a_waker_that_panics_does_not_hold_up_a_close() {
    let _ = serve(async |cx| {
        let scope = cx.scope("feed").open().unwrap();
        let _wait = register(scope.shutdown(), &panicking());
        scope.spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        let began = cx.now();
        let report = scope.close(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 0);
        assert!(report.is_clean() && report.completed == 1, "{report}");
    });
}

#[test]
fn a_stop_whose_panic_is_caught_has_stopped_the_scope() {
    let _ = serve(async |cx| {
        let scope = cx.scope("feed").open().unwrap();
        let _wait = register(scope.shutdown(), &panicking());
        let stop = AssertUnwindSafe(|| scope.task_ref().stop());
        assert!(std::panic::catch_unwind(stop).is_err());
        assert!(scope.task_ref().is_finished(), "it was empty");
    });
}

#[test]
fn a_scope_that_is_opened_in_a_stopped_one_ends_with_its_last_task() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let opener = outer.spawn(async |cx| {
            cx.shutdown().wait().await;
            let inner = cx.scope("inner").open().unwrap();
            let task = inner.spawn(async |cx| assert!(cx.shutdown().is_set())).unwrap();
            let innermost = inner.scope("innermost").open().unwrap();
            task.await.unwrap();
            assert!(!inner.task_ref().is_finished(), "there is a scope in it");
            drop(innermost);
            inner.task_ref().finished().await;
        });
        next_round().await;
        outer.stop();
        opener.unwrap().await.unwrap();
    });
}

/// The one between them has handed up what it counted, and is not asked any more.
#[test]
fn what_the_last_handle_in_an_ended_scope_lets_go_of_is_in_the_report_of_the_next_one_around() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let middle = outer.scope("middle").open().unwrap();
        let inner = middle.scope("inner").open().unwrap();
        inner.spawn(async |_cx| ()).unwrap().await.unwrap();
        assert!(inner.spawn(async |_cx| Err::<(), _>("no disk")).unwrap().await.is_err());
        middle.detach();
        inner.stop();
        assert!(outer.tasks().is_empty(), "both have ended");
        drop(inner);
        let report = outer.close(&cx).await;
        assert_eq!((report.completed, report.failures.len()), (1, 1), "{report}");
    });
}

#[test]
fn a_scope_that_is_opened_in_a_stop_has_its_own_grace() {
    const SECOND: Duration = Duration::from_secs(1);
    let lifespan = Lifespan::on(ByHand::new()).grace(60 * SECOND).deadline(Duration::MAX);
    let report = run(lifespan.serve(async |cx| {
        cx.spawn(async |cx| {
            cx.shutdown().wait().await;
            let stays = async |_cx: Cx<'_, Hand>| pending::<()>().await;
            let scope = cx.scope("late").grace(SECOND).open().unwrap();
            let inner = scope.scope("inner").grace(2 * SECOND).open().unwrap();
            let [of_scope, of_inner] = [scope.spawn(stays), inner.spawn(stays)];
            let began = cx.now();
            assert!(of_scope.unwrap().await.is_err());
            assert_eq!(cx.now().duration_since(began).as_secs(), 1);
            assert!(of_inner.unwrap().await.is_err());
            assert_eq!(cx.now().duration_since(began).as_secs(), 2);
            scope.task_ref().finished().await;
        })
        .detach();
    }));
    assert_eq!((report.phases.stopping.as_secs(), report.exit_code()), (2, 6), "{report}");
}

#[test]
fn what_comes_into_a_cancelled_scope_is_cancelled_unpolled() {
    let _ = serve(async |cx| {
        let scope = cx.scope("feed").open().unwrap();
        let spawner = scope.spawner().clone();
        let last = spawner.spawn(async |cx| {
            let spawns = async {
                next_round().await;
                let late = cx.spawn(async |_cx| unreachable!("it is cancelled"));
                assert!(matches!(late.await, Err(TaskError::Cancelled)));
                assert!(matches!(cx.track(async {}).await, Err(TaskError::Cancelled)));
                assert!(cx.spawner().spawn(async |_cx| ()).is_err());
                next_round().await;
            };
            cx.protect(spawns).await;
            unreachable!("it is cancelled, too");
        });
        next_round().await;
        assert!(matches!(scope.cancel().await, Outcome::Cancelled));
        assert!(matches!(last.unwrap().await, Err(TaskError::Cancelled)));
    });
}

#[test]
fn a_close_ends_though_the_loop_of_its_caller_has_ended() {
    let loop_of_scope = serve_with(|hand| {
        async move |cx| {
            let scope = cx.scope("feed").open().unwrap();
            // It outlives the loop, since nobody of the loop holds it.
            let tracked = scope.task("tracked").track(pending::<()>()).unwrap();
            hand.close();
            let report = scope.close(&cx).await;
            assert_eq!(report.stragglers.len(), 1, "{report}");
            drop(tracked);
        }
    });
    assert!(loop_of_scope.stragglers.is_empty());
}

#[test]
fn a_finish_is_pending_though_the_loop_of_its_caller_has_ended() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let scope = cx.scope("feed").open().unwrap();
            let tracked = scope.task("tracked").track(pending::<()>()).unwrap();
            hand.close();
            let mut finish = pin!(scope.finish(&cx));
            let mut context = Context::from_waker(Waker::noop());
            assert!(finish.as_mut().poll(&mut context).is_pending());
            drop(tracked);
            assert!(finish.poll(&mut context).is_ready());
        }
    });
}

/// It looks at all that are left, each time.
#[test]
fn who_closes_its_own_scope_looks_seldom_at_many_that_end_one_after_the_other() {
    const TASKS: u32 = 1000;
    for the_first_ends_first in [true, false] {
        let _ = serve(async move |cx| {
            let scope = cx.scope("scope").grace(Duration::MAX).deadline(Duration::MAX);
            let scope = scope.open().unwrap();
            for number in 0..TASKS {
                let after = if the_first_ends_first { number } else { TASKS - number };
                let body = async move |cx: Cx<'_, Hand>| {
                    cx.shutdown().wait().await;
                    cx.sleep(Duration::from_millis(after.into())).await;
                };
                scope.spawn(body).unwrap().detach();
            }
            let spawner = scope.spawner().clone();
            let closer = spawner.spawn(async move |cx| {
                let (mut close, mut polls) = (pin!(scope.close(&cx)), 0_u32);
                let report = poll_fn(|context| {
                    polls += 1;
                    close.as_mut().poll(context)
                });
                assert_eq!(report.await.completed, u64::from(TASKS));
                polls
            });
            let polls = closer.unwrap().await.unwrap();
            assert!(polls < 30, "{polls}");
        });
    }
}

/// It looks at all that are left when one is due, and not when one comes.
#[test]
fn who_closes_a_scope_looks_seldom_though_many_come_meanwhile() {
    const TASKS: u32 = 1000;
    let _ = serve(async move |cx| {
        let scope = cx.scope("scope").grace(Duration::MAX).deadline(Duration::MAX).open().unwrap();
        for number in 0..TASKS {
            let body = async move |cx: Cx<'_, Hand>| {
                cx.shutdown().wait().await;
                cx.sleep(Duration::from_millis(number.into())).await;
                cx.spawn(async |cx| cx.sleep(Duration::from_secs(2)).await).detach();
            };
            scope.spawn(body).unwrap().detach();
        }
        let (mut close, mut polls) = (pin!(scope.close(&cx)), 0_u32);
        let report = poll_fn(|context| {
            polls += 1;
            close.as_mut().poll(context)
        });
        assert_eq!(report.await.completed, u64::from(2 * TASKS));
        assert!(polls < 30, "{polls}");
    });
}

#[test]
fn what_comes_in_a_stop_is_due_with_its_scope_though_nothing_else_is() {
    const SECOND: Duration = Duration::from_secs(1);
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").grace(10 * SECOND).deadline(Duration::MAX).open().unwrap();
        let long = scope.task("long").grace(60 * SECOND).spawn(async |cx| {
            cx.shutdown().wait().await;
            let began = cx.now();
            for comes in [5, 12] {
                cx.sleep(began + comes * SECOND - cx.now()).await;
                let stays = cx.spawn(async |_cx| pending::<()>().await);
                assert!(stays.await.is_err());
                let took = cx.now().duration_since(began);
                assert_eq!(took.as_secs(), u64::from(comes.max(10)));
            }
        });
        let report = scope.close(&cx).await;
        assert!(long.unwrap().await.is_ok() && report.cancelled.len() == 2, "{report}");
    });
}

/// Starts another task for each that is late: that one is late at the next look.
#[derive(Default)]
struct StartsAnother {
    spawner: Mutex<Option<Spawner<Hand>>>,
    started: AtomicUsize,
    /// Held by each body.
    held: Arc<()>,
    /// How many bodies there were at one moment, at the most.
    most: AtomicUsize,
}

impl Observer for StartsAnother {
    fn task_late(&self, _task: &TaskRef, _late: &Late) {
        let spawner = self.spawner.lock().unwrap().clone().unwrap();
        // So that this ends where the loop has no turn.
        if self.started.fetch_add(1, Ordering::Relaxed) < 10_000 {
            let held = Arc::clone(&self.held);
            let body = async move |_cx: Cx<'_, Hand>| {
                let _held = held;
                pending::<()>().await;
            };
            if let Ok(task) = spawner.spawn(body) {
                task.detach();
            }
        }
        self.most.fetch_max(Arc::strong_count(&self.held) - 1, Ordering::Relaxed);
    }
}

#[test]
fn tasks_that_come_late_for_a_stop_without_end_do_not_cost_the_loop_its_turns() {
    const DEADLINE: Duration = Duration::from_millis(1);
    let observer = Arc::new(StartsAnother::default());
    let hears = Arc::clone(&observer);
    let lifespan = Lifespan::on(ByHand::new()).observer(Arc::clone(&observer));
    let report = run(lifespan.grace(Duration::ZERO).deadline(DEADLINE).serve(async move |cx| {
        let scope = cx.scope("scope").grace(Duration::ZERO).deadline(DEADLINE).open().unwrap();
        *hears.spawner.lock().unwrap() = Some(scope.spawner().clone());
        scope.spawn(async |_cx| pending::<()>().await).unwrap().detach();
        let report = scope.close(&cx).await;
        assert!(report.stragglers.is_empty(), "{report}");
        assert!(hears.started.swap(0, Ordering::Relaxed) > 10);
        assert!(hears.most.load(Ordering::Relaxed) <= 2, "{:?}", hears.most);
        *hears.spawner.lock().unwrap() = Some(cx.root());
        cx.spawn(async |_cx| pending::<()>().await).detach();
    }));
    assert!(report.stragglers.is_empty(), "{report}");
    assert!(observer.started.load(Ordering::Relaxed) > 10);
    assert!(observer.most.load(Ordering::Relaxed) <= 2, "{:?}", observer.most);
}
