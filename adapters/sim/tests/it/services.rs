//! Services in virtual time: when they begin again, and when that is too often.

use std::future::pending;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifespan_core::{
    Cx, Lifespan, Observer, OnEnd, OnFailure, Outcome, Reason, Report, Restart, RestartPolicy,
    SpawnError, TaskRef, TaskState,
};
use lifespan_sim::{Sim, SimLoop};

use crate::log::Log;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Delays of 1, 2, 4, 4, .. seconds, without jitter.
pub(super) fn plain() -> RestartPolicy {
    RestartPolicy::default().backoff(SECOND, SECOND * 4).jitter(0.0).unlimited()
}

/// The seconds since the start of the log's owner.
pub(super) fn clock() -> impl Fn(&Cx<'_, Sim>) -> f64 + Clone + Send + Sync + 'static {
    let began = Arc::new(Mutex::new(None));
    move |cx| {
        let now = cx.now();
        let began = *began.lock().unwrap().get_or_insert(now);
        now.duration_since(began).as_secs_f64()
    }
}

/// Runs one service that fails whenever it begins, and tells when that was.
fn starts(seed: u64, policy: RestartPolicy, limit: Duration) -> (Vec<f64>, Report) {
    let (times, clock) = (Arc::new(Mutex::new(Vec::new())), clock());
    let noted = Arc::clone(&times);
    let report = Lifespan::on(SimLoop::new(seed))
        .service_with(
            "poller",
            |it| it.on_failure(policy),
            async move |cx: Cx<'_, Sim>| {
                noted.lock().unwrap().push(clock(&cx));
                Err::<(), _>("no disk")
            },
        )
        .serve(async move |cx| {
            cx.wait_timeout(limit).await;
        })
        .run();
    let times = std::mem::take(&mut *times.lock().unwrap());
    (times, report)
}

#[test]
fn who_fails_begins_again_after_delays_that_double() {
    let (times, report) = starts(0, plain(), SECOND * 20);
    assert_eq!(times, [0.0, 1.0, 3.0, 7.0, 11.0, 15.0, 19.0]);
    assert!(report.is_clean(), "stopped between two attempts: {report}");
    assert_eq!(report.task("poller").unwrap().attempts, 7);
}

#[test]
fn the_jitter_is_the_seeds() {
    let policy = || plain().jitter(0.5);
    let (times, _) = starts(7, policy(), SECOND * 12);
    assert_eq!(times, starts(7, policy(), SECOND * 12).0);
    assert_ne!(times, starts(8, policy(), SECOND * 12).0);
    let delays = times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    for (delay, full) in delays.iter().zip([1.0, 2.0, 4.0, 4.0]) {
        assert!((full / 2.0..=full).contains(delay), "{delays:?}");
    }
}

#[test]
fn too_often_is_the_end_of_the_lifespan_which_names_it() {
    let (times, report) = starts(0, plain().at_most(3, SECOND * 60), SECOND * 1000);
    assert_eq!(times, [0.0, 1.0, 3.0, 7.0]);
    assert_eq!(report.reason, Reason::TaskFailed(String::from("poller")));
    assert!(report.reason.to_string().contains("poller"), "{}", report.reason);
    let culprit = report.culprit().unwrap();
    assert!(culprit.unheard && culprit.attempts == 4);
    assert_eq!(culprit.outcome.as_ref().unwrap().to_string(), "failed: no disk");
    assert_eq!(report.exit_code(), 4);
}

#[test]
fn a_stop_during_a_delay_ends_it_at_once() {
    let policy = plain().backoff(SECOND * 100, SECOND * 100);
    let (times, report) = starts(0, policy, SECOND * 5);
    assert_eq!(times, [0.0]);
    assert_eq!(report.phases.stopping, Duration::ZERO, "{report}");
    let task = report.task("poller").unwrap();
    assert!(matches!(task.outcome, Some(Outcome::Completed)) && !task.overran);
}

#[test]
fn attempts_and_the_last_failure_are_visible_while_it_runs() {
    let count = Arc::new(AtomicU32::new(0));
    let report = Lifespan::on(SimLoop::new(3))
        .service_with(
            "feed",
            |it| it.on_failure(plain()),
            async move |cx: Cx<'_, Sim>| match count.fetch_add(1, Ordering::Relaxed) {
                0 => Err("refused"),
                1 => panic!("oh"),
                _ => {
                    cx.shutdown().wait().await;
                    Ok(())
                }
            },
        )
        .serve(async |cx| {
            let feed = cx.tasks().get("feed").unwrap();
            let id = feed.id();
            let look = || {
                let last = feed.last_outcome().map(|last| last.to_string());
                (feed.attempts(), feed.state(), last.unwrap_or_default())
            };
            cx.sleep(SECOND / 2).await;
            assert_eq!(look(), (1, TaskState::Restarting, String::from("failed: refused")));
            cx.sleep(SECOND).await;
            assert_eq!(look(), (2, TaskState::Restarting, String::from("panicked: oh")));
            cx.sleep(SECOND * 2).await;
            assert_eq!(look(), (3, TaskState::Running, String::from("panicked: oh")));
            assert!(feed.outcome().is_none() && cx.tasks().get("feed").unwrap().id() == id);
            feed.stop();
            assert_eq!(feed.state(), TaskState::Stopping);
            assert!(matches!(feed.finished().await, Outcome::Completed));
            assert_eq!(look(), (3, TaskState::Finished, String::from("completed")));
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn the_observer_hears_of_each_restart() {
    #[derive(Clone, Default)]
    struct Seen(Log);
    impl Observer for Seen {
        fn task_restarted(&self, task: &TaskRef, restart: &Restart<'_>) {
            let (attempt, last, delay) = (restart.attempt(), restart.last(), restart.delay());
            self.0.add(format!("{} {attempt} {last} {delay:?}", task.path()));
        }
        fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
            self.0.add(format!("{} {outcome}", task.path()));
        }
    }
    let seen = Seen::default();
    let policy = plain().at_most(2, SECOND * 60);
    let _ = Lifespan::on(SimLoop::new(0))
        .observer(seen.clone())
        .component("db", |it| {
            it.service_with("poller", |it| it.on_failure(policy), async |_cx| Err::<(), _>("no"))
        })
        .run();
    let expected =
        ["db/poller 2 failed: no 1s", "db/poller 3 failed: no 2s", "db/poller failed: no"];
    assert_eq!(seen.0.take(), expected);
}

/// Runs a service whose body ends in this way after a second, in a component, for ten seconds.
fn ends<R>(policy: OnEnd, body: impl Fn() -> R + Clone + Send + Sync + 'static) -> (usize, Report)
where
    R: lifespan_core::Output<Value = ()> + 'static,
{
    let log = Log::default();
    let begins = log.clone();
    let report = Lifespan::on(SimLoop::new(0))
        .component("part", |it| {
            it.service_with(
                "one",
                |it| it.on_failure(policy).on_exit(policy),
                async move |cx: Cx<'_, Sim>| {
                    begins.add("begins");
                    cx.sleep(SECOND).await;
                    body()
                },
            )
        })
        .serve(async |cx| {
            cx.wait_timeout(SECOND * 10).await;
        })
        .run();
    (log.take().len(), report)
}

#[test]
fn an_end_means_what_it_was_told_to() {
    let path = || String::from("part/one");
    let (count, report) = ends(OnEnd::Ignore, || ());
    assert!(count == 1 && report.is_clean() && report.reason == Reason::ServeEnded, "{report}");
    let (count, report) = ends(OnEnd::Ignore, || Err::<(), _>("no"));
    assert!(count == 1 && report.reason == Reason::ServeEnded, "{report}");
    assert_eq!(report.exit_code(), 4, "a failure is reported");
    let (count, report) = ends(OnEnd::Shutdown, || ());
    assert!(count == 1 && report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::TaskEnded(path()));
    assert_eq!(report.phases.serving, SECOND);
    let (count, report) = ends(OnEnd::Shutdown, || -> () { panic!("oh") });
    assert_eq!((count, report.exit_code()), (1, 4));
    assert_eq!(report.reason, Reason::TaskFailed(path()));
    // It lives for a second each time: at 0, 2, 5, 10.
    let (count, report) = ends(plain().into(), || ());
    assert!(count == 4 && report.is_clean(), "{count} {report}");
    let (count, report) = ends(plain().at_most(1, SECOND * 60).into(), || ());
    assert_eq!((count, report.reason), (2, Reason::TaskEnded(path())));
}

#[test]
fn a_body_that_was_asked_to_stop_does_not_begin_again_however_it_ends() {
    let log = Log::default();
    let report = Lifespan::on(SimLoop::new(0))
        .service("fails", {
            let log = log.clone();
            async move |cx: Cx<'_, Sim>| {
                log.add("begins");
                cx.shutdown().wait().await;
                Err::<(), _>("while it stopped")
            }
        })
        .serve(async |cx| {
            cx.sleep(SECOND).await;
            let fails = cx.tasks().stop("fails").unwrap();
            assert!(fails.finished().await.is_failure());
            cx.sleep(SECOND * 100).await;
        })
        .run();
    assert_eq!(log.take(), ["begins"]);
    assert_eq!(report.reason, Reason::ServeEnded, "its own stop is not that of all");
    assert_eq!(report.exit_code(), 4, "an error while it stops is an error: {report}");
}

#[test]
fn a_cancel_ends_it_for_good_at_any_moment() {
    let log = Log::default();
    let begins = log.clone();
    let report = Lifespan::on(SimLoop::new(0))
        .service_with(
            "delayed",
            |it| it.on_failure(plain()),
            async move |_cx| {
                begins.add("begins");
                Err::<(), _>("no disk")
            },
        )
        .service("runs", async |_cx| pending::<()>().await)
        .serve(async |cx| {
            cx.sleep(SECOND / 2).await;
            for name in ["delayed", "runs"] {
                assert!(matches!(cx.tasks().cancel(name).await, Ok(Outcome::Cancelled)));
            }
            cx.sleep(SECOND * 100).await;
        })
        .run();
    assert_eq!(log.take().len(), 1);
    assert!(report.is_clean(), "{report}");
}

#[test]
fn one_is_added_while_the_program_runs() {
    let log = Log::default();
    let counts = log.clone();
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async move |cx| {
            let service = cx.service("job").on_failure(plain()).on_exit(OnEnd::Shutdown);
            let line = line!() + 1;
            let job = service.grace(SECOND).spawn(async move |cx| {
                counts.add("begins");
                cx.sleep(SECOND).await;
                if counts.len() == 3 { Ok(()) } else { Err("again") }
            });
            let job = job.unwrap();
            let place = job.task_ref().spawned_at();
            assert_eq!((place.file(), place.line()), (file!(), line));
            let again = cx.spawner().service("job").spawn(async |_cx| ());
            assert!(matches!(again, Err(SpawnError::NameTaken { .. })));
            job.await.unwrap();
            cx.shutdown().wait().await;
        })
        .run();
    assert_eq!(log.take().len(), 3);
    assert_eq!(report.reason, Reason::TaskEnded(String::from("job")));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn the_failure_of_a_plain_task_may_stop_the_lifespan() {
    for outcome in ["fails", "panics"] {
        let report = Lifespan::on(SimLoop::new(0))
            .serve(async move |cx| {
                let task = cx.task(outcome).on_failure(OnFailure::Shutdown);
                let body = async move |cx: Cx<'_, Sim>| {
                    cx.sleep(SECOND).await;
                    if outcome == "fails" { Err("no disk") } else { panic!("oh") }
                };
                task.spawn::<Result<(), _>, _>(body).unwrap().detach();
                let calm = cx.task("calm").on_failure(OnFailure::Shutdown);
                calm.spawn(async |_cx| ()).unwrap().detach();
                cx.shutdown().wait().await;
            })
            .run();
        assert_eq!(report.reason, Reason::TaskFailed(String::from(outcome)));
        assert_eq!(report.culprit().unwrap().path, outcome);
        assert_eq!((report.exit_code(), report.phases.serving), (4, SECOND));
    }
}

#[test]
fn bodies_that_panic_in_their_destructors_begin_again() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    let policy = plain().at_most(2, SECOND * 60);
    let report = Lifespan::on(SimLoop::new(0))
        .service_with(
            "bomb",
            |it| it.on_failure(policy),
            async |cx| {
                let _bomb = Bomb;
                cx.sleep(SECOND).await;
            },
        )
        .run();
    let culprit = report.culprit().unwrap();
    assert_eq!(culprit.outcome.as_ref().unwrap().to_string(), "panicked: boom");
    assert_eq!(culprit.attempts, 3);
}

#[test]
fn an_error_comes_out_of_a_service_as_it_went_in() {
    #[derive(Debug, PartialEq)]
    struct Mine(u32);
    impl std::fmt::Display for Mine {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("mine")
        }
    }
    impl std::error::Error for Mine {}
    let _ = Lifespan::on(SimLoop::new(0))
        .serve(async |cx| {
            let service = cx.service("job").on_failure(OnEnd::Ignore);
            let job = service.spawn(async |_cx| Err::<(), _>(Mine(3))).unwrap();
            let Outcome::Failed(failure) = job.task_ref().finished().await else { panic!() };
            assert_eq!(failure.error().downcast_ref::<Mine>(), Some(&Mine(3)));
            let service = cx.service("job").on_failure(OnEnd::Ignore);
            let job = service.spawn(async |_cx| -> () { std::panic::panic_any(7_u8) }).unwrap();
            let Outcome::Panicked(panic) = job.task_ref().finished().await else { panic!() };
            assert_eq!(panic.take_payload().unwrap().downcast_ref::<u8>(), Some(&7));
        })
        .run();
}

#[test]
fn a_service_without_any_delay_starves_nobody() {
    let policy = plain().backoff(Duration::ZERO, Duration::ZERO);
    let report = Lifespan::on(SimLoop::new(0))
        .service_with("spins", |it| it.on_failure(policy), async |_cx| Err::<(), _>("no"))
        .serve(async |cx| cx.sleep(Duration::ZERO).await)
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn in_a_scope_that_a_user_has_opened_too_often_is_the_end_of_that_scope() {
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async |cx| {
            let scope = cx.scope("feed:42").open().unwrap();
            let other = scope.task("other").spawn(async |cx| cx.shutdown().wait().await).unwrap();
            let twice = plain().at_most(2, SECOND * 60);
            let feed = scope.service("feed").on_failure(twice);
            let feed = feed.spawn(async |_cx| Err::<(), _>("no")).unwrap();
            assert!(feed.await.is_err());
            other.await.unwrap();
            assert_eq!(
                scope.shutdown().reason(),
                Some(Reason::TaskFailed(String::from("feed:42/feed")))
            );
            assert!(!cx.shutdown().is_set() && !cx.lifespan_event().is_set());
            assert_eq!(scope.close(&cx).await.failures.len(), 1);
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.phases.serving, SECOND * 3);
}
