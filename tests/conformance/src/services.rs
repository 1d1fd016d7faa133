//! Services: they begin again as their policy says, and a stop or cancel ends them for good.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_lite::future::{pending, poll_once, yield_now};
use lifespan_core::{
    Cx, Lifespan, LoopOwner, OnEnd, OnFailure, Outcome, Reason, RestartPolicy, ShutdownEvent,
    StartError, TaskState, Timer,
};

use crate::support::{Log, Moment, NEVER, SHORT, inside};

/// At once, without end.
pub(crate) fn at_once() -> RestartPolicy {
    RestartPolicy::default().backoff(Duration::ZERO, Duration::ZERO).unlimited()
}

/// Counts attempts.
#[derive(Clone, Default)]
pub(crate) struct Attempts(Arc<AtomicU32>);

impl Attempts {
    /// Returns the number of this one: the first is 1.
    pub(crate) fn begin(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One that fails or panics begins again, as the same task, and is seen to.
pub fn begin_again_when_they_fail<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (attempts, lives) = (Attempts::default(), Moment::default());
        let (begins, at_last) = (attempts.clone(), lives.clone());
        let service = cx.service("feed").on_failure(at_once());
        let feed = service.spawn(async move |cx| {
            match begins.begin() {
                1 => return Err("refused"),
                2 => panic!("the second attempt panics"),
                3 => cx.sleep(SHORT).await,
                _ => {
                    at_last.come();
                    cx.shutdown().wait().await;
                    return Ok(());
                }
            }
            Err("later")
        });
        let feed = feed.unwrap();
        let id = feed.task_ref().id();
        lives.wait().await;
        let found = cx.tasks().get("feed").unwrap();
        assert_eq!((found.id(), found.attempts(), attempts.count()), (id, 4, 4));
        assert_eq!(found.last_outcome().unwrap().to_string(), "failed: later");
        assert_eq!(found.state(), TaskState::Running);
        feed.stop();
        feed.await
    });
}

/// One that fails begins again when its delay is over, and not before; the next delay is twice as long.
pub fn begin_again_after_delays_that_double<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (ends, lives) = (Arc::<Mutex<Vec<Instant>>>::default(), Moment::default());
        let (noted, at_last) = (Arc::clone(&ends), lives.clone());
        let policy = RestartPolicy::default().backoff(SHORT, NEVER).jitter(0.0);
        let feed = cx.service("feed").on_failure(policy).spawn(async move |cx| {
            let begins = cx.now();
            let so_far = noted.lock().unwrap().clone();
            if let Some(last) = so_far.last() {
                let delay = if so_far.len() == 1 { SHORT } else { SHORT * 2 };
                assert!(begins.duration_since(*last) >= delay, "it begins too early");
            }
            if so_far.len() == 2 {
                at_last.come();
                cx.shutdown().wait().await;
                return Ok(());
            }
            noted.lock().unwrap().push(cx.now());
            Err("again")
        });
        let feed = feed.unwrap();
        lives.wait().await;
        assert_eq!((feed.task_ref().attempts(), ends.lock().unwrap().len()), (3, 2));
        feed.stop();
        feed.await
    });
}

/// One that returns begins again, if its policy says so for that; and no more when it fails, if not.
pub fn begin_again_when_they_return<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (attempts, third) = (Attempts::default(), Moment::default());
        let (begins, at_third) = (attempts.clone(), third.clone());
        let service = cx.service("job").on_exit(at_once()).on_failure(OnEnd::Ignore);
        let job = service.spawn(async move |cx| {
            if begins.begin() < 3 {
                return Ok(());
            }
            let last = cx.this_task().unwrap().last_outcome();
            assert!(matches!(last, Some(Outcome::Completed)), "{last:?}");
            at_third.come();
            cx.sleep(SHORT).await;
            Err("for good")
        });
        let job = job.unwrap();
        third.wait().await;
        assert_eq!(job.task_ref().attempts(), 3);
        let task = job.task_ref().clone();
        assert_eq!(job.await.unwrap_err().to_string(), "the task failed: for good");
        assert_eq!((task.attempts(), attempts.count()), (3, 3));
        assert!(cx.tasks().is_empty());
    });
}

/// Too many attempts within the period are the end of the lifespan, whose report names the service.
pub fn that_begin_again_too_often_stop_all<O: LoopOwner<Handle: Timer>>(owner: O) {
    let attempts = Attempts::default();
    let begins = attempts.clone();
    let policy = at_once().at_most(4, NEVER);
    let report = Lifespan::on(owner)
        .component("db", |it| {
            it.service_with(
                "poller",
                |it| it.on_failure(policy),
                async move |_cx| {
                    begins.begin();
                    Err::<(), _>("no disk")
                },
            )
        })
        .task("other", async |cx| cx.shutdown().wait().await)
        .run();
    assert_eq!(attempts.count(), 5);
    assert_eq!(report.reason, Reason::TaskFailed(String::from("db/poller")));
    let culprit = report.culprit().unwrap();
    assert_eq!((culprit.path.as_str(), culprit.attempts), ("db/poller", 5));
    assert_eq!(culprit.outcome.as_ref().unwrap().to_string(), "failed: no disk");
    assert_eq!(report.exit_code(), 4, "{report}");
}

/// A stop while one waits to begin again ends it at once.
pub fn are_stopped_between_two_attempts<O: LoopOwner<Handle: Timer>>(owner: O) {
    let failed = Moment::default();
    let fails = failed.clone();
    let policy = at_once().backoff(NEVER, NEVER);
    let report = Lifespan::on(owner)
        .service_with(
            "feed",
            |it| it.on_failure(policy),
            async move |_cx| {
                fails.come();
                Err::<(), _>("once")
            },
        )
        .serve(async move |cx| {
            failed.wait().await;
            let feed = cx.tasks().get("feed").unwrap();
            while feed.state() != TaskState::Restarting {
                yield_now().await;
            }
        })
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(matches!(report.task("feed").unwrap().outcome, Some(Outcome::Completed)));
}

/// A body that was asked to stop does not begin again, though it fails.
pub fn that_fail_while_they_stop_have_ended<O: LoopOwner<Handle: Timer>>(owner: O) {
    let attempts = Attempts::default();
    let begins = attempts.clone();
    let report = Lifespan::on(owner)
        .service_with(
            "feed",
            |it| it.on_failure(at_once()),
            async move |cx| {
                begins.begin();
                cx.shutdown().wait().await;
                Err::<(), _>("while it stops")
            },
        )
        .serve(async |cx| {
            while cx.tasks().get("feed").is_none_or(|feed| feed.attempts() == 0) {
                yield_now().await;
            }
        })
        .run();
    assert_eq!((attempts.count(), report.exit_code()), (1, 4), "{report}");
    assert_eq!(report.reason, Reason::ServeEnded);
}

/// A cancel ends one for good, its body gone, whether it runs or waits.
pub fn end_for_good_when_they_are_cancelled<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, gone) = (Moment::default(), Moment::default());
        let (at_begin, held) = (begun.clone(), gone.clone());
        let service = cx.service("runs").on_failure(at_once()).on_exit(at_once());
        let runs = service.spawn(async move |_cx| {
            let _held = held.on_drop();
            at_begin.come();
            pending::<()>().await;
        });
        begun.wait().await;
        assert!(matches!(cx.tasks().cancel("runs").await, Ok(Outcome::Cancelled)));
        assert!(gone.has_come() && runs.unwrap().await.is_err());
        let never = at_once().backoff(NEVER, NEVER);
        let waits = cx.service("waits").on_failure(never).spawn(async |_cx| Err::<(), _>("once"));
        let waits = waits.unwrap();
        while waits.task_ref().state() != TaskState::Restarting {
            yield_now().await;
        }
        assert!(matches!(waits.cancel().await, Outcome::Cancelled));
        assert!(cx.tasks().is_empty());
    });
}

/// The end of one, or the failure of a task, may be that of the lifespan.
pub fn may_stop_the_lifespan<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let report = Lifespan::on(&mut owner)
        .service_with("job", |it| it.on_exit(OnEnd::Shutdown), async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::TaskEnded(String::from("job")));
    let report = Lifespan::on(&mut owner)
        .service_with(
            "job",
            |it| it.on_failure(OnEnd::Shutdown),
            async |_cx| -> () { panic!("the service panics") },
        )
        .run();
    assert_eq!(report.reason, Reason::TaskFailed(String::from("job")));
    assert_eq!(report.exit_code(), 4, "{report}");
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let task = cx.task("plain").on_failure(OnFailure::Shutdown);
            task.spawn(async |_cx| Err::<(), _>("no disk")).unwrap().detach();
            cx.shutdown().wait().await;
        })
        .run();
    assert_eq!(report.culprit().unwrap().path, "plain");
    assert_eq!(report.exit_code(), 4, "{report}");
}

/// When all of a component together have begun again too often, the lifespan stops; each one's own limit
/// is far away.
pub fn of_a_component_begin_again_so_often_at_most<O: LoopOwner<Handle: Timer>>(owner: O) {
    let attempts = Attempts::default();
    let report = Lifespan::on(owner)
        .component("group", |it| {
            let it = it.restarts_at_most(4, NEVER);
            ["a", "b", "c"].into_iter().fold(it, |it, name| {
                let attempts = attempts.clone();
                let body = async move |_cx: Cx<'_, O::Handle>| {
                    attempts.begin();
                    Err::<(), _>("no")
                };
                it.service_with(name, |it| it.on_failure(at_once()), body)
            })
        })
        .serve(async |cx| cx.shutdown().wait().await)
        .run();
    assert!(matches!(&report.reason, Reason::TaskFailed(path) if path.starts_with("group/")));
    assert_eq!(report.exit_code(), 4, "{report}");
    // The fifth end is once too often; three begin, and four begin again, unless the stop is faster.
    assert!((5..=7).contains(&attempts.count()), "{}", attempts.count());
}

/// As of a component; nothing but the scope stops.
pub fn of_a_scope_begin_again_so_often_at_most<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        // Nobody fails before all are there: a scope that has been stopped and is empty takes no more.
        let (attempts, all_there) = (Attempts::default(), ShutdownEvent::new());
        let scope = cx.scope("feed").restarts_at_most(4, NEVER).open().unwrap();
        let services = ["a", "b", "c"].map(|name| {
            let (attempts, all_there) = (attempts.clone(), all_there.clone());
            let service = scope.service(name).on_failure(at_once());
            let service = service.spawn(async move |_cx| {
                attempts.begin();
                all_there.wait().await;
                Err::<(), _>("no")
            });
            service.unwrap()
        });
        all_there.trigger().set("all are there").unwrap();
        scope.shutdown().wait().await;
        let reason = scope.shutdown().reason();
        assert!(
            matches!(&reason, Some(Reason::TaskFailed(path)) if path.starts_with("feed/")),
            "{reason:?}"
        );
        assert!(!cx.shutdown().is_set());
        assert!(!scope.close(&cx).await.failures.is_empty());
        for service in services {
            let _heard = service.await;
        }
        assert!((5..=7).contains(&attempts.count()), "{}", attempts.count());
    });
}

/// What comes after a service that must be ready starts when it is.
pub fn hold_up_what_comes_after_until_they_are_ready<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let (pool, web, serves) = (log.clone(), log.clone(), log.clone());
    let attempts = Attempts::default();
    let report = Lifespan::on(owner)
        .component("db", |it| {
            let describe = |it: lifespan_core::Service| it.must_be_ready().on_failure(at_once());
            it.service_with("pool", describe, async move |cx| {
                cx.sleep(SHORT).await;
                if attempts.begin() == 1 {
                    return Err("refused");
                }
                pool.add("pool");
                cx.ready();
                cx.shutdown().wait().await;
                Ok(())
            })
        })
        .component("web", |it| it.startup(async move |_cx| web.add("web")))
        .serve(async move |_cx| serves.add("serves"))
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["pool", "web", "serves"]);
}

/// One that is not ready in time, or ends before, fails the start and is named.
pub fn that_are_never_ready_fail_the_start<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let late = Lifespan::on(&mut owner)
        .component("db", |it| {
            it.start_timeout(SHORT).service_with(
                "pool",
                |it| it.must_be_ready(),
                async |cx| {
                    cx.shutdown().wait().await;
                },
            )
        })
        .serve(async |_cx| unreachable!("it never starts"))
        .run();
    let ended = Lifespan::on(owner)
        .component("db", |it| it.service_with("pool", |it| it.must_be_ready(), async |_cx| {}))
        .serve(async |_cx| unreachable!("it never starts"))
        .run();
    for report in [late, ended] {
        let Some(StartError::NotReady { service, .. }) = &report.start_error else {
            panic!("{report}")
        };
        assert_eq!((service.as_str(), report.exit_code()), ("db/pool", 3));
    }
}

/// Anybody may wait until a task is ready, and hears if it ends before.
pub fn tell_when_they_are_ready<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let go_on = Moment::default();
        let gate = go_on.clone();
        let cache = cx.service("cache").spawn(async move |cx| {
            gate.wait().await;
            cx.ready();
            cx.shutdown().wait().await;
        });
        let cache = cache.unwrap();
        let waiters = [(); 3].map(|()| {
            let cache = cache.task_ref().clone();
            cx.spawn(async move |_cx| cache.ready().await.is_ok())
        });
        go_on.come();
        for waiter in waiters {
            assert!(waiter.await.unwrap());
        }
        cache.stop();
        cache.task_ref().finished().await;
        assert!(cache.task_ref().ready().await.is_ok(), "it was ready before it ended");
        let never = cx.spawn(async |_cx| {});
        assert!(never.task_ref().ready().await.is_err());
        cache.await
    });
}

/// One that is to begin again is not ready, whether it waits or runs, before it says so again.
pub fn are_ready_no_more_when_they_begin_again<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let never = at_once().backoff(NEVER, NEVER);
        let waits = cx.service("waits").on_failure(never).spawn(async |cx| {
            cx.ready();
            Err::<(), _>("once")
        });
        let waits = waits.unwrap();
        while waits.task_ref().state() != TaskState::Restarting {
            yield_now().await;
        }
        assert!(poll_once(waits.task_ref().ready()).await.is_none(), "it is down");
        waits.cancel().await;
        assert!(waits.task_ref().ready().await.is_err());

        let (attempts, go_on) = (Attempts::default(), Moment::default());
        let (begins, gate) = (attempts.clone(), go_on.clone());
        let runs = cx.service("runs").on_failure(at_once()).spawn(async move |cx| {
            if begins.begin() == 1 {
                cx.ready();
                return Err("once");
            }
            gate.wait().await;
            cx.ready();
            cx.shutdown().wait().await;
            Ok(())
        });
        let runs = runs.unwrap();
        while attempts.count() < 2 {
            yield_now().await;
        }
        let mut ready = runs.task_ref().ready();
        assert!(poll_once(&mut ready).await.is_none(), "the second attempt has not said so");
        go_on.come();
        assert!(ready.await.is_ok() && runs.task_ref().ready().await.is_ok());
        runs.stop();
        runs.await
    });
}

/// A service takes the place of another one when that is gone, and ends for good when it is replaced.
pub fn may_be_replaced<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, gone) = (Moment::default(), Moment::default());
        let (at_begin, held) = (begun.clone(), gone.clone());
        let old = cx.service("feed").on_failure(at_once()).spawn(async move |_cx| {
            let _held = held.on_drop();
            at_begin.come();
            pending::<()>().await;
        });
        let old = old.unwrap();
        begun.wait().await;
        let (attempts, lives) = (Attempts::default(), Moment::default());
        let (begins, old_is_gone, at_last) = (attempts.clone(), gone.clone(), lives.clone());
        let replace = cx.service("feed").on_failure(at_once()).replace(async move |cx| {
            assert!(old_is_gone.has_come(), "the old body is there");
            if begins.begin() == 1 {
                return Err("refused");
            }
            at_last.come();
            cx.shutdown().wait().await;
            Ok(())
        });
        let new = replace.unwrap().await;
        assert!(matches!(old.task_ref().outcome(), Some(Outcome::Cancelled)));
        lives.wait().await;
        let found = cx.tasks().get("feed").unwrap();
        assert_eq!((found.id(), found.attempts()), (new.task_ref().id(), 2));
        // A task in its place: it does not begin again.
        let task = cx.task("feed").replace(async |_cx| 5).unwrap().await;
        assert!(matches!(new.task_ref().outcome(), Some(Outcome::Cancelled)));
        assert_eq!((task.await.unwrap(), attempts.count()), (5, 2));
        assert!(cx.tasks().is_empty());
    });
}

/// One that is replaced while it waits for its turn never begins, and the one after it does.
pub fn are_replaced_by_the_last_who_comes<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, go_on) = (Moment::default(), Moment::default());
        let (at_begin, gate) = (begun.clone(), go_on.clone());
        let old = cx.service("feed").spawn(async move |cx| {
            cx.protect(async {
                at_begin.come();
                gate.wait().await;
            })
            .await;
        });
        begun.wait().await;
        let attempts = Attempts::default();
        let begins = attempts.clone();
        let first = cx
            .service("feed")
            .replace(async move |_cx| {
                begins.begin();
            })
            .unwrap();
        let second = cx.service("feed").replace(async |cx| cx.shutdown().wait().await).unwrap();
        let queued = cx.tasks().iter().last().unwrap();
        assert_eq!((queued.state(), queued.attempts()), (TaskState::Queued, 0));
        go_on.come();
        let first = first.await;
        assert!(matches!(first.task_ref().finished().await, Outcome::Cancelled));
        let second = second.await;
        assert_eq!(cx.tasks().get("feed").unwrap().id(), second.task_ref().id());
        second.stop();
        second.await.unwrap();
        assert!(old.unwrap().task_ref().is_finished());
        assert_eq!(attempts.count(), 0);
    });
}
