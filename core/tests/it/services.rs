//! Services, polled by hand: what is hostile in a body, a factory, an observer.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifespan_core::{
    Cx, Lifespan, Observer, OnEnd, Outcome, Restart, RestartPolicy, SpawnError, Strategy, TaskRef,
    TaskState, Waited,
};

use crate::by_hand::{ByHand, Hand, next_round, run, serve, serve_with};
use crate::outcomes::Gone;
use crate::woken::{Count, is_pending, poll};

const SECOND: Duration = Duration::from_secs(1);

fn at_once() -> RestartPolicy {
    RestartPolicy::default().backoff(Duration::ZERO, Duration::ZERO).unlimited()
}

#[test]
fn a_refused_service_gives_its_body_back() {
    let _ = serve(async |cx| {
        let first = cx.service("one").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let gone = Gone::default();
        let guard = Arc::new(gone.guard());
        let body = async move |_cx: Cx<'_, Hand>| drop(guard);
        let refused = cx.service("one").spawn(body).unwrap_err();
        assert!(matches!(refused, SpawnError::NameTaken { .. }) && !gone.is_gone());
        let body = refused.into_body();
        let refused = cx.service("").spawn(body).unwrap_err();
        assert!(matches!(refused, SpawnError::EmptyName { .. }) && !gone.is_gone());
        cx.service("two").spawn(refused.into_body()).unwrap().await.unwrap();
        assert!(gone.is_gone());
        first.stop();
        first.await.unwrap();
    });
}

#[test]
fn a_service_that_is_cancelled_before_its_first_poll_never_begins() {
    let _ = serve(async |cx| {
        let gone = Gone::default();
        let guard = Arc::new(gone.guard());
        let body = async move |_cx: Cx<'_, Hand>| {
            let _guard = &guard;
            unreachable!("it was polled")
        };
        let service = cx.service("one").spawn::<(), _>(body).unwrap();
        assert_eq!(service.task_ref().attempts(), 0);
        assert!(matches!(service.cancel().await, Outcome::Cancelled));
        assert!(gone.is_gone());
    });
}

#[test]
fn a_factory_that_panics_when_it_is_cloned_has_failed() {
    struct Once(Arc<AtomicU32>);
    impl Clone for Once {
        fn clone(&self) -> Self {
            assert!(self.0.fetch_add(1, Ordering::Relaxed) != 1, "the second clone panics");
            Self(Arc::clone(&self.0))
        }
    }
    let _ = serve(async |cx| {
        let once = Once(Arc::default());
        let clones = Arc::clone(&once.0);
        let body = async move |_cx: Cx<'_, Hand>| {
            let _once = &once;
            Err::<(), _>("again")
        };
        let service = cx.service("one").on_failure(at_once().at_most(3, Duration::MAX));
        let service = service.spawn(body).unwrap();
        service.await.unwrap_err();
        assert_eq!(clones.load(Ordering::Relaxed), 4, "one for each attempt");
    });
}

#[test]
fn a_body_that_panics_when_it_is_called_begins_again() {
    let _ = serve(async |cx| {
        let count = Arc::new(AtomicU32::new(0));
        let calls = Arc::clone(&count);
        let body = move |cx: Cx<'_, Hand>| {
            assert!(calls.fetch_add(1, Ordering::Relaxed) > 0, "the first call panics");
            drop(cx);
            std::future::ready(())
        };
        let service = cx.service("one").on_failure(at_once()).spawn(body).unwrap();
        service.await.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_loop_that_ends_settles_a_service_wherever_it_is() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let never = at_once().backoff(Duration::MAX, Duration::MAX);
            let waits = cx.service("waits").on_failure(never);
            let waits = waits.spawn(async |_cx| Err::<(), _>("once")).unwrap();
            let runs = cx.service("runs").spawn(async |_cx| pending::<()>().await).unwrap();
            next_round().await;
            assert_eq!(waits.task_ref().state(), TaskState::Restarting);
            let fresh = cx.service("fresh").spawn(async |_cx| ()).unwrap();
            hand.drop_tasks();
            for service in [waits, runs, fresh] {
                assert!(matches!(service.task_ref().outcome(), Some(Outcome::LoopClosed)));
                let not_ready = service.task_ref().ready().await.unwrap_err();
                assert!(matches!(not_ready.outcome(), Outcome::LoopClosed));
            }
            assert!(cx.tasks().is_empty());
        }
    });
}

#[test]
fn a_member_of_a_group_that_is_cancelled_or_stopped_holds_nobody_up() {
    let count = Arc::new(AtomicU32::new(0));
    let begins = Arc::clone(&count);
    let lifespan = Lifespan::on(ByHand::new()).component("group", |it| {
        it.strategy(Strategy::OneForAll)
            .service_with("slow", |it| it.grace(Duration::MAX), async |_cx| pending::<()>().await)
            .service("stopped", async |cx| cx.shutdown().wait().await)
            .service_with(
                "fails",
                |it| it.on_failure(at_once()),
                async move |cx| {
                    if begins.fetch_add(1, Ordering::Relaxed) == 0 {
                        return Err("once");
                    }
                    cx.shutdown().wait().await;
                    Ok(())
                },
            )
            .startup(async |cx| {
                let tasks = cx.tasks();
                cx.state().insert(tasks);
            })
    });
    let report = run(lifespan.serve(async move |cx| {
        let tasks = cx.state().get::<lifespan_core::Tasks>().unwrap();
        for _ in 0..20 {
            next_round().await;
        }
        assert_eq!(count.load(Ordering::Relaxed), 1, "it waits for the slow one");
        assert!(matches!(tasks.stop("stopped").unwrap().finished().await, Outcome::Completed));
        assert!(matches!(tasks.cancel("slow").await, Ok(Outcome::Cancelled)));
        while count.load(Ordering::Relaxed) < 2 {
            next_round().await;
        }
    }));
    assert!(report.is_clean(), "{report}");
}

/// Counts what it hears of.
#[derive(Default)]
struct CountsRestarts(AtomicU32);

impl Observer for CountsRestarts {
    fn task_restarted(&self, _task: &TaskRef, _restart: &Restart<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_member_that_fails_in_its_clean_up_when_a_stop_has_come_has_failed_and_does_not_begin_again() {
    let restarts = Arc::new(CountsRestarts::default());
    let lifespan = Lifespan::on(ByHand::new()).observer(Arc::clone(&restarts));
    let lifespan = lifespan.component("group", |it| {
        it.strategy(Strategy::OneForAll)
            .service("cleans up", async |cx: Cx<'_, Hand>| {
                cx.shutdown().wait().await;
                cx.sleep(SECOND * 2).await;
                Err::<(), _>("the disk is full")
            })
            .service_with(
                "fails",
                |it| it.on_failure(at_once()),
                async |cx: Cx<'_, Hand>| {
                    cx.sleep(SECOND).await;
                    Err::<(), _>("no network")
                },
            )
    });
    let report = run(lifespan.serve(async |cx| cx.sleep(SECOND * 2).await));
    let failed = report.task("group/cleans up").unwrap();
    assert_eq!(failed.outcome.as_ref().unwrap().to_string(), "failed: the disk is full");
    assert_eq!(restarts.0.load(Ordering::Relaxed), 1, "of the one that has failed");
}

#[test]
fn an_attempt_sees_its_own_stop_and_its_record() {
    let _ = serve(async |cx| {
        let service = cx.service("one").on_exit(OnEnd::Ignore).spawn(async |cx| {
            let me = cx.this_task().unwrap();
            assert_eq!((me.path(), me.attempts()), (String::from("one"), 1));
            assert!(me.stop());
            assert_eq!(cx.wait_timeout(Duration::MAX).await, Waited::Set);
        });
        service.unwrap().await.unwrap();
    });
}

#[test]
fn readiness_is_a_level_and_who_waits_no_more_leaves_nothing() {
    let _ = serve(async |cx| {
        let task = cx.task("one").spawn(async |cx| {
            cx.shutdown().wait().await;
            cx.ready();
            cx.ready();
            pending::<()>().await;
        });
        let task = task.unwrap();
        let (count, waker) = Count::new();
        let mut ready = task.task_ref().ready();
        assert!(poll(&mut ready, &waker).is_pending());
        for _ in 0..1000 {
            assert!(is_pending(&mut task.task_ref().ready()));
        }
        task.stop();
        next_round().await;
        assert_eq!(count.get(), 1);
        assert!(matches!(poll(&mut ready, &waker), std::task::Poll::Ready(Ok(()))));
        task.task_ref().ready().await.unwrap();
        task.cancel().await;
        task.task_ref().ready().await.unwrap();
    });
}

#[test]
fn a_task_that_was_asked_for_while_it_was_queued_has_begun_once() {
    let report = serve(async |cx| {
        let scope = cx.scope("one").max_concurrency(1).open().unwrap();
        let first = scope.spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let second = scope.task("second").spawn(async |cx| {
            cx.ready();
            cx.shutdown().wait().await;
            Err::<(), _>("no disk")
        });
        let second = second.unwrap();
        let asked = second.task_ref().clone();
        let mut ready = asked.ready();
        assert!(is_pending(&mut ready));
        assert_eq!((asked.state(), asked.attempts()), (TaskState::Queued, 0));
        first.stop();
        ready.await.unwrap();
        assert_eq!((asked.state(), asked.attempts()), (TaskState::Running, 1));
        drop(second);
        asked.stop();
        asked.finished().await;
        assert_eq!(asked.attempts(), 1);
        scope.detach();
    });
    let failed = report.task("one/second").unwrap();
    assert_eq!((failed.unheard, failed.attempts), (true, 1));
}

#[test]
fn who_was_asked_for_before_it_began_counts_its_attempts_from_one() {
    let _ = serve(async |cx| {
        let old = cx.service("one").spawn(async |_cx| pending::<()>().await).unwrap();
        next_round().await;
        let new = cx.service("one").replace(async |cx| {
            cx.ready();
            cx.shutdown().wait().await;
        });
        let queued = cx.tasks().iter().last().unwrap();
        let mut ready = queued.ready();
        assert!(is_pending(&mut ready));
        assert_eq!((queued.state(), queued.attempts()), (TaskState::Queued, 0));
        new.unwrap().await.detach();
        ready.await.unwrap();
        assert_eq!(queued.attempts(), 1);
        drop(old);
        queued.stop();
    });
}

#[test]
fn a_service_of_a_description_names_the_line_that_added_it() {
    let (plain, described) = (line!() + 2, line!() + 3);
    let lifespan = Lifespan::on(ByHand::new())
        .service("plain", async |_cx| ())
        .component("part", |it| it.service("described", async |_cx| ()));
    let report = run(lifespan.serve(async |_cx| next_round().await));
    for (path, line) in [("plain", plain), ("part/described", described)] {
        let at = report.task(path).unwrap().spawned_at;
        assert_eq!((at.file(), at.line()), (file!(), line));
    }
}

#[test]
fn what_is_known_beside_the_records_does_not_grow() {
    let _ = serve(async |cx| {
        for _ in 0..2000 {
            let task = cx.spawn(async |cx| cx.ready());
            task.task_ref().ready().await.unwrap();
            task.await.unwrap();
            let service = cx.service("one").spawn(async |_cx| ()).unwrap();
            service.await.unwrap();
        }
        assert!(cx.tasks().is_empty());
    });
}
