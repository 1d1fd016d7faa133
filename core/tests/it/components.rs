//! Components: their order, what they open and close, their tasks, their budgets.

use std::cell::RefCell;
use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use lifespan_core::{
    Component, GraceExtension, HandlerOutcome, Lifespan, LoopOwner, Reason, StartError,
};

use crate::by_hand::{ByHand, Hand, next_round, run, serve};
use crate::outcomes::Gone;

const SECOND: Duration = Duration::from_secs(1);

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

fn lifespan() -> Lifespan<ByHand> {
    Lifespan::on(ByHand::new())
}

/// Has a component say when it starts and stops.
fn told(component: Component<Hand>, log: &Log) -> Component<Hand> {
    let (name, up, down) = (component.name().clone(), log.clone(), log.clone());
    let stops = format!("-{name}");
    component
        .startup(async move |_cx| up.add(name.to_string()))
        .shutdown(async move |_cx| down.add(stops))
}

/// Registers components of these names, each after those of its list, in this order.
fn described(log: &Log, components: &[(&'static str, &[&'static str])]) -> Lifespan<ByHand> {
    components.iter().fold(lifespan(), |lifespan, &(name, after)| {
        lifespan.component(name, |it| told(it.after(after.iter().copied()), log))
    })
}

fn order_of(components: &[(&'static str, &[&'static str])]) -> String {
    let log = Log::default();
    let report = run(described(&log, components).serve(async |_cx| {}));
    assert!(report.is_clean(), "{report}");
    let names = report.components.iter().map(|component| component.name.as_str());
    let (names, lines) = (names.collect::<Vec<_>>(), log.take());
    let (starts, stops) = lines.split_at(components.len());
    assert_eq!(starts, names, "the report lists them as they started");
    let stops = stops.iter().map(|line| line.trim_start_matches('-')).rev().collect::<Vec<_>>();
    assert_eq!(starts, stops, "the stop is the exact reverse");
    starts.join(" ")
}

#[test]
fn a_component_starts_after_those_it_says() {
    assert_eq!(order_of(&[("web", &["db"]), ("db", &[])]), "db web");
    assert_eq!(order_of(&[("a", &["c"]), ("b", &["a", "c"]), ("c", &[])]), "c a b");
}

#[test]
fn the_order_of_registration_counts_among_those_that_may_start() {
    assert_eq!(order_of(&[("c", &[]), ("a", &[]), ("b", &[])]), "c a b");
    assert_eq!(order_of(&[("d", &["c"]), ("a", &[]), ("c", &[]), ("b", &["d"])]), "a c d b");
    assert_eq!(order_of(&[("a", &["z"]), ("b", &[]), ("z", &[]), ("c", &[])]), "b z a c");
}

#[test]
fn a_name_said_twice_counts_once() {
    assert_eq!(order_of(&[("b", &["a", "a"]), ("a", &[])]), "a b");
}

#[test]
fn a_chain_of_thousands_is_no_depth_of_calls() {
    let names = (0..20_000).map(|n| format!("{n}")).collect::<Vec<_>>();
    let mut lifespan = lifespan();
    for (n, name) in names.iter().enumerate() {
        let after = names.get(n + 1).cloned();
        lifespan = lifespan.component(name.clone(), |it| it.after(after));
    }
    let report = run(lifespan.serve(async |_cx| {}));
    assert!(report.is_clean());
    assert_eq!(report.components[0].name.as_str(), "19999");
}

#[test]
fn an_unknown_name_starts_nothing() {
    let log = Log::default();
    let report = described(&log, &[("a", &[]), ("b", &["a", "nobody"])]).run();
    let Some(StartError::UnknownComponent { component, after, .. }) = &report.start_error else {
        panic!("{report}")
    };
    assert_eq!((component.as_str(), after.as_str()), ("b", "nobody"));
    assert_eq!((report.reason.clone(), report.exit_code()), (Reason::StartFailed, 3));
    assert!(log.take().is_empty());
}

fn circle_of(components: &[(&'static str, &[&'static str])]) -> String {
    let log = Log::default();
    let report = described(&log, components).run();
    assert!(log.take().is_empty() && report.exit_code() == 3);
    let Some(StartError::Cycle { members, .. }) = &report.start_error else { panic!("{report}") };
    members.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_circle_starts_nothing_and_names_its_members() {
    assert_eq!(circle_of(&[("a", &["a"])]), "a");
    assert_eq!(circle_of(&[("a", &["b"]), ("b", &["a"])]), "a b");
    let beside: &[(&str, &[&str])] = &[
        ("early", &[]),
        ("late", &["c"]),
        ("a", &["early", "c"]),
        ("b", &["a"]),
        ("c", &["b", "early"]),
    ];
    assert_eq!(circle_of(beside), "a c b", "who only waits for a circle is no member of it");
}

#[test]
fn a_circle_says_what_to_do() {
    let log = Log::default();
    let report = described(&log, &[("a", &["b"]), ("b", &["a"])]).run();
    let error = report.start_error.unwrap();
    assert_eq!(
        error.to_string(),
        "no order of start: a after b after a; leave one of them out of an `after`"
    );
    assert!(error.source().is_none());
}

#[test]
fn a_name_given_twice_starts_nothing() {
    let twice = lifespan().component("a", |a| a).component("a", |a| a);
    let tasks = lifespan()
        .component("a", |a| a.task("t", async |_cx| unreachable!()).task("t", async |_cx| ()));
    let handlers = lifespan().component("a", |a| {
        a.startup(async |_cx| unreachable!()).resource(async |_cx| 1, async |_cx, _one| ())
    });
    let short = lifespan()
        .component("a", |a| a.shutdown(async |_cx| ()))
        .shutdown("a", async |_cx| unreachable!());
    for (lifespan, wrong) in [(twice, "a"), (tasks, "a/t"), (handlers, "a"), (short, "a")] {
        let report = lifespan.run();
        let error = report.start_error.unwrap();
        assert!(
            matches!(&error, StartError::NameTaken { name, .. } if name.as_str() == wrong),
            "{error}"
        );
    }
    let report = lifespan().component("", |empty| empty).run();
    assert!(matches!(report.start_error, Some(StartError::EmptyName)), "{report}");
}

#[test]
fn the_short_form_adds_what_a_component_lacks() {
    let log = Log::default();
    let (up, down) = (log.clone(), log.clone());
    let lifespan = lifespan()
        .component("a", |a| a.startup(async move |_cx| up.add("up")))
        .shutdown("a", async move |_cx| down.add("down"));
    assert!(run(lifespan.serve(async |_cx| {})).is_clean());
    assert_eq!(log.take(), ["up", "down"]);
}

#[test]
fn a_resource_is_handed_from_its_opening_to_its_closing() {
    /// Neither `Send` nor `Clone`.
    struct Connection(Rc<()>);
    let log = Log::default();
    let (opened, closed) = (log.clone(), log.clone());
    let lifespan = lifespan().component("db", |db| {
        db.resource(
            async move |_cx| {
                opened.add("open");
                Ok::<_, std::io::Error>(Connection(Rc::default()))
            },
            async move |_cx, connection| closed.add(format!("{}", Rc::strong_count(&connection.0))),
        )
    });
    let report = run(lifespan.serve(async |_cx| {}));
    assert!(report.is_clean(), "{report}");
    assert_eq!(log.take(), ["open", "1"]);
}

#[test]
fn a_resource_that_was_not_opened_is_not_closed() {
    let fails = lifespan().component("db", |db| {
        db.resource(async |_cx| Err::<u8, _>("no disk"), async |_cx, _| unreachable!())
    });
    let panics = lifespan().component("db", |db| {
        db.resource(async |_cx| -> u8 { panic!("no disk") }, async |_cx, _| unreachable!())
    });
    let hangs = lifespan().component("db", |db| {
        db.resource(async |_cx| pending::<u8>().await, async |_cx, _| unreachable!())
    });
    for lifespan in [fails, panics, hangs] {
        let report = run(lifespan);
        let db = report.component("db").unwrap();
        assert!(db.startup.is_failure() && matches!(db.shutdown, HandlerOutcome::NotRun));
        assert_eq!(report.exit_code(), 3);
    }
}

#[test]
fn a_failure_to_close_is_reported() {
    let lifespan = lifespan().component("db", |db| {
        db.resource(async |_cx| 7, async |_cx, seven| Err::<(), _>(format!("{seven} rows lost")))
    });
    let report = run(lifespan.serve(async |_cx| {}));
    assert_eq!(report.component("db").unwrap().shutdown.to_string(), "failed: 7 rows lost");
    assert_eq!(report.exit_code(), 5);
}

#[test]
fn a_lifespan_that_is_dropped_drops_what_is_open_the_last_one_first() {
    struct Told(&'static str, Log);
    impl Drop for Told {
        fn drop(&mut self) {
            self.1.add(self.0);
            assert_ne!(self.0, "panics");
        }
    }
    let log = Log::default();
    let inner = log.clone();
    let done = ByHand::new().run(async move |hand| {
        let mut lifespan = Lifespan::attach(hand.clone());
        for name in ["first", "panics", "last"] {
            let told = Told(name, inner.clone());
            lifespan = lifespan.component(name, |it| {
                it.resource(async move |_cx| Some(told), async |_cx, _| unreachable!())
            });
        }
        let mut running = pin!(lifespan.run());
        for _ in 0..10 {
            let _ = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            next_round().await;
        }
    });
    done.unwrap();
    assert_eq!(log.take(), ["last", "panics", "first"]);
}

#[test]
fn the_tasks_of_a_component_run_between_its_handlers() {
    let lifespan = lifespan()
        .component("db", |db| {
            db.resource(
                async |cx| {
                    assert!(cx.tasks().is_empty());
                    cx.state().insert(String::from("rows"));
                },
                async |cx, ()| assert!(cx.tasks().is_empty()),
            )
            .task("poller", async |cx| {
                assert_eq!(*cx.state().get::<String>().unwrap(), "rows");
                cx.shutdown().wait().await;
            })
        })
        .component("web", |web| {
            web.after(["db"]).startup(async |cx| {
                cx.sleep(SECOND).await; // the task of what it comes after runs meanwhile
            })
        });
    let report = run(lifespan.serve(async |cx| {
        assert!(cx.tasks().is_empty(), "they are not the root's");
    }));
    assert!(report.is_clean(), "{report}");
    let task = report.task("db/poller").unwrap();
    assert_eq!((task.age.as_secs(), task.spawned_at.file()), (1, file!()));
}

#[test]
fn a_task_that_cannot_be_made_undoes_its_component() {
    struct Panics;
    impl Clone for Panics {
        fn clone(&self) -> Self {
            panic!("it has one life")
        }
    }
    let log = Log::default();
    let (bad, closes) = (Panics, log.clone());
    let lifespan = lifespan()
        .component("db", |db| {
            db.resource(async |_cx| 1, async move |_cx, one| closes.add(format!("close {one}")))
                .task("bad", async move |_cx| {
                    let _bad = &bad;
                })
        })
        .component("web", |web| web.startup(async |_cx| unreachable!()));
    let report = run(lifespan);
    let error = report.start_error.as_ref().unwrap();
    assert_eq!(error.to_string(), "the start of \"db/bad\" panicked: it has one life");
    assert_eq!(log.take(), ["close 1"]);
}

#[test]
fn until_idle_waits_for_the_tasks_of_components() {
    let lifespan = lifespan()
        .until_idle()
        .component("db", |db| db.task("work", async |cx| cx.sleep(9 * SECOND).await));
    let report = run(lifespan);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::AllTasksEnded);
    assert_eq!(report.phases.serving.as_secs(), 9);
}

#[test]
fn a_stop_request_while_a_component_hangs_stops_the_tasks_of_the_others() {
    let gone = Gone::default();
    let guard = std::sync::Arc::new(gone.guard());
    let lifespan = lifespan()
        .component("db", |db| {
            db.task("poller", async move |cx| {
                let _guard = &guard;
                cx.shutdown().wait().await;
            })
        })
        .component("hangs", |it| {
            it.startup(async |cx| {
                let trigger = cx.trigger();
                cx.spawn(async move |cx| {
                    cx.sleep(SECOND).await;
                    trigger.set(Reason::Requested).unwrap();
                    cx.shutdown().wait().await;
                })
                .detach();
                pending::<()>().await;
            })
            .shutdown(async |_cx| unreachable!("it was not opened whole"))
        });
    let report = run(lifespan);
    assert!(gone.is_gone() && report.is_clean(), "{report}");
    assert!(matches!(report.component("hangs").unwrap().startup, HandlerOutcome::Interrupted));
    assert_eq!(report.phases.starting.as_secs(), 1);
}

#[test]
fn no_grace_is_extended_before_a_stop_or_without_a_task() {
    let report = serve(async |cx| {
        assert_eq!(cx.extend_grace(SECOND), GraceExtension::NoTask);
        let asked = cx.spawn(async |cx| {
            assert_eq!(cx.extend_grace(SECOND), GraceExtension::NotStopping);
            assert_eq!(cx.extend_grace(SECOND).granted(), Duration::ZERO);
        });
        asked.await.unwrap();
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_task_that_asks_has_a_longer_grace() {
    let report = serve(async |cx| {
        let slow = cx.task("slow").grace(SECOND).spawn(async |cx| {
            cx.shutdown().wait().await;
            assert_eq!(cx.extend_grace(3 * SECOND), GraceExtension::Granted(3 * SECOND));
            cx.sleep(2 * SECOND).await;
            assert_eq!(cx.extend_grace(SECOND), GraceExtension::Granted(SECOND));
            pending::<()>().await;
        });
        slow.unwrap().detach();
    });
    assert_eq!(report.task("slow").unwrap().age.as_secs(), 5);
    assert_eq!(report.exit_code(), 6);
}

#[test]
fn a_grace_is_extended_as_far_as_the_deadline() {
    let lifespan = lifespan().deadline(30 * SECOND).grace(10 * SECOND);
    let report = run(lifespan.serve(async |cx| {
        let greedy = cx.task("greedy").spawn(async |cx| {
            cx.shutdown().wait().await;
            assert_eq!(cx.extend_grace(Duration::MAX).granted(), 20 * SECOND);
            assert_eq!(cx.extend_grace(Duration::MAX), GraceExtension::Granted(Duration::ZERO));
            cx.sleep(29 * SECOND).await;
        });
        greedy.unwrap().detach();
    }));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_task_that_is_cancelled_is_granted_nothing() {
    let report = serve(async |cx| {
        let protected = cx.task("protected").grace(SECOND).spawn(async |cx| {
            cx.protect(async {
                cx.sleep(2 * SECOND).await;
                assert_eq!(cx.extend_grace(SECOND), GraceExtension::Cancelled);
            })
            .await;
        });
        protected.unwrap().detach();
    });
    assert!(report.task("protected").unwrap().overran, "{report}");
}
