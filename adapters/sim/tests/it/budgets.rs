//! Every budget at both ends, each alone and all together; and each way in which a start fails.

use std::future::pending;
use std::time::Duration;

use lifespan_core::{
    Component, Cx, HandlerOutcome, Lifespan, Outcome, Reason, Report, ShutdownTrigger, StartError,
};
use lifespan_sim::{Sim, SimLoop};

use crate::log::Log;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
struct Given {
    drain: Duration,
    grace: Duration,
    own_grace: Duration,
    stop: Duration,
    deadline: Duration,
}

const GIVEN: Given = Given {
    drain: Duration::from_secs(2),
    grace: Duration::from_secs(3),
    own_grace: Duration::from_secs(5),
    stop: Duration::from_secs(4),
    deadline: Duration::from_secs(100),
};

/// Of what never ends by itself, how long each took: drain, the task, the task with a grace of its
/// own, the foreground, the shutdown handler, and the whole stop.
fn took(given: Given) -> [u64; 5] {
    let deaf = async |_cx: Cx<'_, Sim>| pending::<()>().await;
    let report = Lifespan::on(SimLoop::new(0))
        .drain(given.drain)
        .grace(given.grace)
        .stop_timeout(given.stop)
        .deadline(given.deadline)
        .shutdown("db", async |_cx| pending::<()>().await)
        .serve(async move |cx| {
            cx.task("deaf").spawn(deaf).unwrap().detach();
            cx.task("own").grace(given.own_grace).spawn(deaf).unwrap().detach();
            cx.sleep(SECOND).await;
            let _ = cx.trigger().set("enough");
            pending::<()>().await;
        })
        .run();
    assert!(matches!(report.serve, Some(Outcome::Cancelled)), "{report}");
    assert!(report.stragglers.is_empty(), "{report}");
    let age = |name| report.task(name).unwrap().age.as_secs();
    let phases = report.phases;
    let begun = 1 + phases.draining.as_secs();
    [
        phases.draining.as_secs(),
        age("deaf") - begun,
        age("own") - begun,
        report.component("db").unwrap().stop_took.as_secs(),
        phases.stopping.as_secs(),
    ]
}

#[test]
fn each_bounds_what_it_is_for() {
    assert_eq!(took(GIVEN), [2, 3, 5, 4, 9]);
}

#[test]
fn each_may_be_zero() {
    let zero = Duration::ZERO;
    assert_eq!(took(Given { drain: zero, ..GIVEN }), [0, 3, 5, 4, 9]);
    assert_eq!(took(Given { grace: zero, ..GIVEN }), [2, 0, 5, 4, 9]);
    assert_eq!(took(Given { own_grace: zero, ..GIVEN }), [2, 3, 0, 4, 7]);
    assert_eq!(took(Given { stop: zero, ..GIVEN }), [2, 3, 5, 0, 5]);
    assert_eq!(took(Given { deadline: zero, ..GIVEN }), [2, 0, 0, 0, 0]);
    let all = Given { drain: zero, grace: zero, own_grace: zero, stop: zero, deadline: zero };
    assert_eq!(took(all), [0; 5]);
}

#[test]
fn each_may_be_the_longest_and_what_is_left_of_the_deadline_caps_it() {
    let max = Duration::MAX;
    assert_eq!(took(Given { grace: max, ..GIVEN }), [2, 100, 5, 0, 100]);
    assert_eq!(took(Given { own_grace: max, ..GIVEN }), [2, 3, 100, 0, 100]);
    assert_eq!(took(Given { stop: max, ..GIVEN }), [2, 3, 5, 95, 100]);
    assert_eq!(took(Given { deadline: max, ..GIVEN }), [2, 3, 5, 4, 9]);
}

/// In which way the third component does not start.
#[derive(Clone, Copy, Debug)]
enum Way {
    Fails,
    Panics,
    TakesTooLong,
    HangsUntilAStop,
}

fn fail(it: Component<Sim>, way: Way, stop: ShutdownTrigger) -> Component<Sim> {
    match way {
        Way::Fails => it.startup(async |cx| {
            cx.sleep(SECOND).await;
            Err::<(), _>("no")
        }),
        Way::Panics => it.startup(async |cx: Cx<'_, Sim>| -> () {
            cx.sleep(SECOND).await;
            panic!("no")
        }),
        Way::TakesTooLong => it.startup(async |_cx| pending::<()>().await).start_timeout(SECOND),
        Way::HangsUntilAStop => it
            .startup(async move |cx| {
                // Somebody else asks: another loop's thread, a signal.
                let asks = cx.root().spawn(async move |cx| {
                    cx.sleep(SECOND).await;
                    let _ = stop.set("asked");
                });
                drop(asks);
                pending::<()>().await;
            })
            .start_timeout(Duration::MAX),
    }
}

fn undone(way: Way, concurrent: Option<()>) -> (Report, Vec<String>) {
    let (log, event) = (Log::default(), lifespan_core::ShutdownEvent::new());
    let told = |it: Component<Sim>| {
        let (name, task, down) = (it.name().clone(), log.clone(), log.clone());
        let stops = format!("-{name}");
        it.task("task", async move |cx: Cx<'_, Sim>| {
            cx.shutdown().wait().await;
            cx.sleep(SECOND).await;
            task.add(format!("{name}/task"));
        })
        .shutdown(async move |_cx| down.add(stops))
    };
    let stop = event.trigger();
    let lifespan = Lifespan::on(SimLoop::new(0))
        .event(event)
        .component("a", told)
        .component("b", |it| told(it.after(["a"])))
        .component("c", |it| fail(told(it.after(["b"])), way, stop))
        .component("d", |it| told(it.after(["c"]).startup(async |_cx| unreachable!("too late"))))
        .task("never", async |_cx| unreachable!("the start has not ended"))
        .drain(Duration::MAX);
    let lifespan = if concurrent.is_some() { lifespan.concurrent_start() } else { lifespan };
    (lifespan.run(), log.take())
}

#[test]
fn whatever_ends_a_start_what_had_started_is_undone_in_reverse_tasks_first() {
    for way in [Way::Fails, Way::Panics, Way::TakesTooLong, Way::HangsUntilAStop] {
        for concurrent in [None, Some(())] {
            let (report, log) = undone(way, concurrent);
            assert_eq!(log, ["b/task", "-b", "a/task", "-a"], "{way:?}: {report}");
            // At once, and without a drain: a second for the start, one for each task.
            let phases = report.phases;
            let seconds = [phases.starting, phases.draining, phases.stopping];
            assert_eq!(seconds.map(|took| took.as_secs()), [1, 0, 2], "{way:?}");
            let c = &report.component("c").unwrap().startup;
            let (is_right, reason, code) = match way {
                Way::Fails => (matches!(c, HandlerOutcome::Failed(_)), Reason::StartFailed, 3),
                Way::Panics => (matches!(c, HandlerOutcome::Panicked(_)), Reason::StartFailed, 3),
                Way::TakesTooLong => {
                    (matches!(c, HandlerOutcome::TimedOut(SECOND)), Reason::StartFailed, 3)
                }
                Way::HangsUntilAStop => {
                    (matches!(c, HandlerOutcome::Interrupted), Reason::from("asked"), 0)
                }
            };
            assert!(is_right, "{way:?}: {report}");
            assert_eq!((&report.reason, report.exit_code()), (&reason, code), "{way:?}: {report}");
            let is_named = matches!(&report.start_error,
                Some(StartError::Startup { component, .. }) if component.as_str() == "c");
            assert_eq!(is_named, code == 3, "{way:?}: {report}");
        }
    }
}
