//! Services that begin again together, and how often all may, in virtual time.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifespan_core::{Component, Cx, Lifespan, Reason, Report, RestartPolicy, Strategy};
use lifespan_sim::{Sim, SimLoop};

use super::services::{SECOND, clock, plain};
use crate::log::Log;

/// Three services; the one in the middle fails after two seconds, once. The others take a second to
/// stop, or more than their grace.
fn grouped(strategy: Strategy, slow: Duration) -> Vec<String> {
    let (log, clock) = (Log::default(), clock());
    let report = Lifespan::on(SimLoop::new(0))
        .component("group", |it| {
            ["a", "b", "c"].into_iter().fold(it.strategy(strategy), |it, name| {
                let (log, clock) = (log.clone(), clock.clone());
                let has_failed = Arc::new(AtomicU32::new(0));
                let body = async move |cx: Cx<'_, Sim>| {
                    log.add(format!("{} +{name}", clock(&cx)));
                    let gone = Gone(format!("-{name}"), log.clone());
                    if name == "b" && has_failed.fetch_add(1, Ordering::Relaxed) == 0 {
                        cx.sleep(SECOND * 2).await;
                        return Err("once");
                    }
                    cx.shutdown().wait().await;
                    log.add(format!("{} {name} stops", clock(&cx)));
                    cx.sleep(slow).await;
                    drop(gone);
                    Ok(())
                };
                let describe =
                    |it: lifespan_core::Service| it.on_failure(plain()).grace(SECOND * 3);
                it.service_with(name, describe, body)
            })
        })
        .serve(async |cx| cx.sleep(SECOND * 20).await)
        .run();
    let stops = if slow > SECOND * 3 { 6 } else { 0 };
    assert_eq!(report.exit_code(), stops, "{report}");
    let mut lines = log.take();
    // The stop of all is none of this.
    lines.truncate(lines.iter().position(|line| line.starts_with("20 ")).unwrap());
    lines
}

struct Gone(String, Log);

impl Drop for Gone {
    fn drop(&mut self) {
        self.1.add(self.0.as_str());
    }
}

/// What comes at one moment, in no certain order.
fn sorted(lines: &[String]) -> Vec<&str> {
    let mut lines = lines.iter().map(String::as_str).collect::<Vec<_>>();
    lines.sort_unstable();
    lines
}

#[test]
fn one_for_one_leaves_the_others_alone() {
    let lines = grouped(Strategy::OneForOne, SECOND);
    assert_eq!(sorted(&lines[..3]), ["0 +a", "0 +b", "0 +c"]);
    assert_eq!(lines[3..], ["-b", "3 +b"]);
}

#[test]
fn one_for_all_stops_the_others_and_begins_them_in_order() {
    // The delay is over when those that stop are gone.
    let lines = grouped(Strategy::OneForAll, SECOND);
    assert_eq!(lines[3], "-b");
    assert_eq!(sorted(&lines[4..8]), ["-a", "-c", "2 a stops", "2 c stops"]);
    assert_eq!(lines[8..], ["3 +a", "3 +b", "3 +c"]);
    // Who takes too long is cut when its grace is over.
    let lines = grouped(Strategy::OneForAll, SECOND * 10);
    assert_eq!(sorted(&lines[4..8]), ["-a", "-c", "2 a stops", "2 c stops"]);
    assert_eq!(lines[8..], ["5 +a", "5 +b", "5 +c"]);
}

#[test]
fn rest_for_one_leaves_those_before_alone() {
    let lines = grouped(Strategy::RestForOne, SECOND / 2);
    assert_eq!(lines[3..], ["-b", "2 c stops", "-c", "3 +b", "3 +c"]);
}

/// One of those that fail once: so long after they have begun, and begin again after so long.
struct Fails {
    name: &'static str,
    after: Duration,
    delay: Duration,
}

/// Tells when they have begun, by name, in the ten seconds of the program. `stopped_at`: when it stops.
fn fail_once(strategy: Strategy, services: [Fails; 3], stopped_at: Duration) -> (Log, Report) {
    let (log, clock) = (Log::default(), clock());
    let report = Lifespan::on(SimLoop::new(0))
        .component("group", |it| {
            services.into_iter().fold(it.strategy(strategy), |it, fails| {
                let Fails { name, after, delay } = fails;
                let (log, clock) = (log.clone(), clock.clone());
                let has_failed = Arc::new(AtomicU32::new(0));
                let body = async move |cx: Cx<'_, Sim>| {
                    log.add(format!("{} +{name}", clock(&cx)));
                    if cx.wait_timeout(after).await.is_set()
                        || has_failed.fetch_add(1, Ordering::Relaxed) > 0
                    {
                        cx.shutdown().wait().await;
                        return Ok(());
                    }
                    Err("once")
                };
                let policy = plain().backoff(delay, delay);
                it.service_with(name, |it| it.on_failure(policy), body)
            })
        })
        .serve(async move |cx| cx.sleep(stopped_at).await)
        .run();
    assert!(report.is_clean(), "{report}");
    (log, report)
}

const NEVER: Duration = Duration::from_secs(1_000_000);

#[test]
fn the_delay_of_a_later_one_does_not_hold_up_one_that_it_begins_again_with() {
    let services = || {
        [
            Fails { name: "a", after: SECOND * 2, delay: SECOND / 2 },
            Fails { name: "b", after: SECOND, delay: SECOND * 30 },
            Fails { name: "c", after: NEVER, delay: NEVER },
        ]
    };
    let (log, _) = fail_once(Strategy::RestForOne, services(), SECOND * 10);
    let lines = log.take();
    assert_eq!(sorted(&lines[..3]), ["0 +a", "0 +b", "0 +c"]);
    assert_eq!(lines[3..], ["2.5 +a", "2.5 +b", "2.5 +c"]);
    // While `a` waits for its delay, and `b` for `a`.
    let (log, report) = fail_once(Strategy::RestForOne, services(), SECOND * 9 / 4);
    assert_eq!(log.take().len(), 3);
    assert!(report.phases.stopping.is_zero(), "{report}");
}

#[test]
fn the_delay_of_one_before_holds_up_those_after_it() {
    let services = [
        Fails { name: "a", after: NEVER, delay: NEVER },
        Fails { name: "b", after: SECOND, delay: SECOND * 3 },
        Fails { name: "c", after: SECOND, delay: SECOND / 2 },
    ];
    let (log, _) = fail_once(Strategy::RestForOne, services, SECOND * 10);
    assert_eq!(log.take()[3..], ["4 +b", "4 +c"]);
}

#[test]
fn who_comes_while_others_wait_and_fails_has_them_begin_with_it() {
    let (log, clock) = (Log::default(), clock());
    let lines = log.clone();
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async move |cx| {
            let scope = cx.scope("group").strategy(Strategy::OneForAll).restarts_at_most(2, NEVER);
            let scope = scope.open().unwrap();
            let spawn = |name: &'static str, delay| {
                let (lines, clock) = (lines.clone(), clock.clone());
                let body = async move |cx: Cx<'_, Sim>| {
                    lines.add(format!("{} +{name}", clock(&cx)));
                    if cx.this_task().unwrap().attempts() == 1 {
                        return Err("once");
                    }
                    cx.shutdown().wait().await;
                    Ok(())
                };
                let service = scope.service(name).on_failure(plain().backoff(delay, delay));
                service.spawn(body).unwrap().detach();
            };
            spawn("first", SECOND * 30);
            cx.sleep(SECOND).await;
            spawn("second", SECOND * 3);
            cx.sleep(SECOND * 10).await;
            let _ = scope.close(&cx).await;
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log.take(), ["0 +first", "1 +second", "4 +first", "4 +second"]);
}

#[test]
fn a_stop_ends_those_that_wait_for_each_other() {
    let report = Lifespan::on(SimLoop::new(0))
        .component("group", |it| {
            let slow = plain().backoff(SECOND * 100, SECOND * 100);
            it.strategy(Strategy::OneForAll)
                .service("waits", async |cx| cx.shutdown().wait().await)
                .service_with("fails", |it| it.on_failure(slow), async |_cx| Err::<(), _>("no"))
        })
        .serve(async |cx| cx.sleep(SECOND * 5).await)
        .run();
    assert!(report.is_clean() && report.phases.stopping.is_zero(), "{report}");
}

#[test]
fn what_a_body_protects_is_not_cut_by_another_that_begins_again() {
    let log = Log::default();
    let (protects, again) = (log.clone(), Arc::new(AtomicU32::new(0)));
    let report = Lifespan::on(SimLoop::new(0))
        .component("group", |it| {
            it.strategy(Strategy::OneForAll)
                .service_with(
                    "protects",
                    |it| it.grace(SECOND),
                    async move |cx: Cx<'_, Sim>| {
                        protects.add("begins");
                        cx.protect(cx.sleep(SECOND * 10)).await;
                        protects.add("is through");
                        pending::<()>().await;
                    },
                )
                .service_with(
                    "fails",
                    |it| it.on_failure(plain()),
                    async move |cx: Cx<'_, Sim>| {
                        if again.fetch_add(1, Ordering::Relaxed) == 0 {
                            cx.sleep(SECOND).await;
                            return Err("once");
                        }
                        cx.shutdown().wait().await;
                        Ok(())
                    },
                )
        })
        .serve(async |cx| cx.sleep(SECOND * 15).await)
        .grace(SECOND * 30)
        .run();
    assert_eq!(log.take(), ["begins", "is through", "begins"], "{report}");
}

#[test]
fn a_scope_that_a_user_has_opened_may_have_a_strategy() {
    let log = Log::default();
    let report = Lifespan::on(SimLoop::new(0))
        .serve({
            let log = log.clone();
            async move |cx| {
                let scope = cx.scope("group").strategy(Strategy::OneForAll).grace(SECOND * 2);
                let scope = scope.open().unwrap();
                let begins = log.clone();
                let deaf = scope.service("deaf").spawn(async move |cx| {
                    begins.add(format!("deaf {}", cx.this_task().unwrap().attempts()));
                    pending::<()>().await;
                });
                deaf.unwrap().detach();
                let fails = scope.service("fails").on_failure(plain()).spawn(async |cx| {
                    cx.sleep(SECOND).await;
                    Err::<(), _>("no")
                });
                fails.unwrap().detach();
                // It fails at 1; the deaf one is cut at 3, the grace of its scope.
                cx.sleep(SECOND * 3 + SECOND / 2).await;
                scope.cancel().await;
            }
        })
        .run();
    assert_eq!(log.take(), ["deaf 1", "deaf 2"]);
    assert!(report.is_clean(), "{report}");
}

/// Begins again a second after each end.
fn each_second() -> RestartPolicy {
    plain().backoff(SECOND, SECOND)
}

/// Two services of one component, which fail after a second, and after one and a half.
fn fail_in_turn(
    describe: impl FnOnce(Component<Sim>) -> Component<Sim>,
    for_so_long: Duration,
) -> Report {
    Lifespan::on(SimLoop::new(0))
        .component("group", |it| {
            let services = [("a", SECOND), ("b", SECOND * 3 / 2)];
            services.into_iter().fold(describe(it), |it, (name, life)| {
                let body = async move |cx: Cx<'_, Sim>| {
                    if cx.wait_timeout(life).await.is_set() { Ok(()) } else { Err("no disk") }
                };
                it.service_with(name, |it| it.on_failure(each_second()), body)
            })
        })
        .serve(async move |cx| {
            cx.wait_timeout(for_so_long).await;
        })
        .run()
}

#[test]
fn all_together_too_often_is_the_end_of_the_lifespan() {
    // They fail at 1, 1.5 and 3 seconds; at 4 it is once too often, whoever it is.
    let report = fail_in_turn(|it| it.restarts_at_most(3, SECOND * 60), SECOND * 60);
    assert_eq!(report.reason, Reason::TaskFailed(String::from("group/b")));
    assert_eq!((report.exit_code(), report.phases.serving), (4, SECOND * 4), "{report}");
    let once = fail_in_turn(|it| it.restarts_at_most(0, SECOND), SECOND * 60);
    assert_eq!(once.reason, Reason::TaskFailed(String::from("group/a")));
}

#[test]
fn what_is_longer_ago_than_the_period_does_not_count() {
    let report = fail_in_turn(|it| it.restarts_at_most(4, SECOND * 3), SECOND * 60);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.phases.serving, SECOND * 60);
}

#[test]
fn without_such_a_limit_only_that_of_each_counts() {
    let report = fail_in_turn(|it| it, SECOND * 60);
    assert!(report.is_clean(), "{report}");
}

#[test]
fn in_a_scope_that_a_user_has_opened_it_is_the_end_of_that_scope() {
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async |cx| {
            let scope = cx.scope("feed:42").restarts_at_most(1, SECOND * 60).open().unwrap();
            let services = ["a", "b"].map(|name| {
                let service = scope.service(name).on_failure(each_second());
                service.spawn(async |cx| {
                    cx.sleep(SECOND).await;
                    Err::<(), _>("no")
                })
            });
            let [a, b] = services.map(Result::unwrap);
            // Who comes second at one second finds it too often; the other one is told to stop.
            let ended = cx.timeout(SECOND * 60, async { (a.await, b.await) }).await;
            let (a, b) = ended.expect("the scope was stopped");
            assert!(a.is_ok() != b.is_ok(), "{a:?}, {b:?}");
            let reason = scope.shutdown().reason();
            assert!(matches!(reason, Some(Reason::TaskFailed(_))), "{reason:?}");
            assert!(!cx.shutdown().is_set() && !cx.lifespan_event().is_set());
            assert_eq!(scope.close(&cx).await.failures.len(), 1);
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.phases.serving, SECOND);
}

#[test]
fn those_that_begin_again_with_another_count_as_one() {
    let begun = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&begun);
    let report = Lifespan::on(SimLoop::new(0))
        .component("group", |it| {
            let it = it.strategy(Strategy::OneForAll).restarts_at_most(2, SECOND * 60);
            let calm = ["a", "b", "c"].into_iter().fold(it, |it, name| {
                let begun = Arc::clone(&begun);
                it.service(name, async move |cx| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    cx.shutdown().wait().await;
                })
            });
            let body = async |cx: Cx<'_, Sim>| {
                cx.sleep(SECOND).await;
                Err::<(), _>("no disk")
            };
            calm.service_with("fails", |it| it.on_failure(each_second()), body)
        })
        .serve(async |cx| {
            cx.wait_timeout(SECOND * 60).await;
        })
        .run();
    assert_eq!(report.reason, Reason::TaskFailed(String::from("group/fails")));
    assert_eq!(count.load(Ordering::Relaxed), 9, "three times each: {report}");
    assert_eq!(report.phases.serving, SECOND * 5);
}

#[test]
fn services_of_the_lifespan_itself_begin_again_together() {
    let log = Log::default();
    let add = |lifespan: Lifespan<SimLoop>, name: &'static str| {
        let log = log.clone();
        lifespan.service_with(
            name,
            |it| it.on_failure(each_second()),
            async move |cx: Cx<'_, Sim>| {
                log.add(format!("{name} {}", cx.this_task().unwrap().attempts()));
                if name == "b" && cx.this_task().unwrap().attempts() == 1 {
                    cx.sleep(SECOND).await;
                    return Err("once");
                }
                cx.shutdown().wait().await;
                Ok(())
            },
        )
    };
    let lifespan = Lifespan::on(SimLoop::new(0)).strategy(Strategy::RestForOne);
    let report = ["a", "b", "c"]
        .into_iter()
        .fold(lifespan, add)
        .serve(async |cx| cx.sleep(SECOND * 10).await)
        .run();
    assert!(report.is_clean(), "{report}");
    let lines = log.take();
    assert_eq!(sorted(&lines[..3]), ["a 1", "b 1", "c 1"]);
    assert_eq!(lines[3..], ["b 2", "c 2"]);
}

#[test]
fn services_of_the_lifespan_itself_begin_again_so_often_at_most() {
    let report = ["a", "b"]
        .into_iter()
        .fold(Lifespan::on(SimLoop::new(0)).restarts_at_most(3, SECOND * 60), |lifespan, name| {
            let body = async |cx: Cx<'_, Sim>| {
                if cx.wait_timeout(SECOND).await.is_set() { Ok(()) } else { Err("no disk") }
            };
            lifespan.service_with(name, |it| it.on_failure(each_second()), body)
        })
        .serve(async |cx| {
            cx.wait_timeout(SECOND * 60).await;
        })
        .run();
    // Both fail at 1 and at 3: the fourth end is once too often.
    assert!(matches!(report.reason, Reason::TaskFailed(_)), "{report}");
    assert_eq!((report.exit_code(), report.phases.serving), (4, SECOND * 3), "{report}");
}
