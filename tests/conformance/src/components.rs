//! Components: in order, each with its resource, tasks and budgets; together, if asked.

use std::time::Duration;

use futures_lite::future::pending;
use lifespan_core::{
    Component, Cx, EventLoop, GraceExtension, HandlerOutcome, Lifespan, LoopOwner, Outcome, Report,
    StartError, Timer,
};

use crate::support::{Log, Moment, NEVER, SHORT};

/// Has a component say when it is opened and closed.
fn told<L: EventLoop>(it: Component<L>, log: &Log) -> Component<L> {
    let (name, up, down) = (it.name().clone(), log.clone(), log.clone());
    it.resource(
        async move |_cx| {
            up.add(format!("open {name}"));
            Some(name)
        },
        async move |_cx, name| down.add(format!("close {}", name.unwrap())),
    )
}

/// A component starts after those it says, and stops before them.
pub fn start_after_those_they_say<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let report = Lifespan::on(owner)
        .component("web", |it| told(it.after(["db", "log"]), &log))
        .component("db", |it| told(it.after(["log"]), &log))
        .component("alone", |it| told(it, &log))
        .component("log", |it| told(it, &log))
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    let lines = log.lines();
    let (starts, stops) = lines.split_at(4);
    assert_eq!(starts, ["open alone", "open log", "open db", "open web"]);
    assert_eq!(stops, ["close web", "close db", "close log", "close alone"]);
}

/// A name that no component has, and a circle, are refused before anything starts.
pub fn that_cannot_be_ordered_start_nothing<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let report = Lifespan::on(&mut owner)
        .startup("first", async |_cx| unreachable!("the start is refused"))
        .component("web", |it| it.after(["first", "nobody"]))
        .run();
    let Some(StartError::UnknownComponent { component, after, .. }) = &report.start_error else {
        panic!("{report}")
    };
    assert_eq!((component.as_str(), after.as_str()), ("web", "nobody"));
    let report = Lifespan::on(owner)
        .startup("first", async |_cx| unreachable!("the start is refused"))
        .component("a", |it| it.after(["b"]))
        .component("b", |it| it.after(["first", "a"]))
        .run();
    let Some(StartError::Cycle { members, .. }) = &report.start_error else { panic!("{report}") };
    assert_eq!(members.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

/// A component's tasks start when its resource is open, and end before it is closed.
pub fn open_use_and_close<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let (task, (runs, wait)) = (log.clone(), Moment::pair());
    let report = Lifespan::on(owner)
        .component("db", |it| {
            told(it, &log).task("poller", async move |cx| {
                task.add("use");
                runs.come();
                cx.shutdown().wait().await;
                cx.sleep(SHORT).await;
                task.add("the task ends");
            })
        })
        .serve(async move |_cx| wait.wait().await)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["open db", "use", "the task ends", "close db"]);
    assert!(matches!(report.task("db/poller").unwrap().outcome, Some(Outcome::Completed)));
}

/// What was not opened is not closed; what it comes after is.
pub fn close_what_they_have_opened<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let report = Lifespan::on(owner)
        .component("bad", |it| {
            it.after(["good"]).resource(
                async |_cx| Err::<(), _>("no disk"),
                async |_cx, ()| unreachable!("it was not opened"),
            )
        })
        .component("good", |it| told(it, &log))
        .run();
    assert_eq!(log, ["open good", "close good"]);
    let bad = report.component("bad").unwrap();
    assert!(matches!(bad.startup, HandlerOutcome::Failed(_)), "{report}");
    assert!(matches!(bad.shutdown, HandlerOutcome::NotRun), "{report}");
    assert_eq!(report.exit_code(), 3);
}

/// Two that wait for each other start, because neither comes after the other.
pub fn start_together_if_asked<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let ((first, first_seen), (second, second_seen)) = (Moment::pair(), Moment::pair());
    let report = Lifespan::on(owner)
        .concurrent_start()
        .component("first", |it| {
            it.startup(async move |cx| {
                first.come();
                cx.sleep(SHORT).await;
                second_seen.wait().await;
            })
        })
        .component("after", |it| told(it.after(["first", "second"]), &log))
        .component("second", |it| {
            it.startup(async move |_cx| {
                first_seen.wait().await;
                second.come();
            })
        })
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.components[2].name.as_str(), "after");
    assert_eq!(log, ["open after", "close after"]);
}

/// Two that have started in this order, one that hangs, and one that ends the start.
fn cut<O: LoopOwner<Handle: Timer>>(
    owner: O,
    ends: impl AsyncFnOnce(Cx<'_, O::Handle>) -> Result<(), &'static str> + 'static,
) -> Report {
    let log = Log::default();
    let (gone, (hangs, wait)) = (Moment::default(), Moment::pair());
    let held = gone.on_drop();
    let report = Lifespan::on(owner)
        .concurrent_start()
        .component("hangs", |it| {
            it.startup(async move |_cx| {
                let _held = held;
                hangs.come();
                pending::<()>().await;
            })
            .shutdown(async |_cx| unreachable!("it was not opened"))
        })
        .component("late", |it| told(it.after(["early"]), &log))
        .component("early", |it| told(it, &log))
        .component("ends", |it| {
            it.after(["late"]).startup(async move |cx| {
                wait.wait().await;
                ends(cx).await
            })
        })
        .start_timeout(NEVER)
        .run();
    assert!(gone.has_come(), "the handler that hangs is dropped");
    assert_eq!(log, ["open early", "open late", "close late", "close early"]);
    assert!(matches!(report.component("hangs").unwrap().startup, HandlerOutcome::Interrupted));
    report
}

/// A failure drops the handlers of the others where they wait, and undoes what had started.
pub fn a_failure_ends_the_start_of_all<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = cut(owner, async |_cx| Err("no disk"));
    assert_eq!(report.start_error.unwrap().to_string(), "the start of \"ends\" failed: no disk");
}

/// A request to stop does the same, and is clean.
pub fn a_stop_ends_the_start_of_all<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = cut(owner, async |cx| {
        cx.trigger().set("changed my mind").unwrap();
        pending().await
    });
    assert!(report.is_clean(), "{report}");
}

/// A component's grace and budgets count before the lifespan's.
pub fn have_budgets_of_their_own<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .component("short", |it| {
            it.task("deaf", async |_cx| pending::<()>().await)
                .shutdown(async |_cx| pending::<()>().await)
                .grace(SHORT)
                .stop_timeout(SHORT)
        })
        .component("hangs", |it| it.startup(async |_cx| pending::<()>().await).start_timeout(SHORT))
        .start_timeout(NEVER)
        .grace(NEVER)
        .stop_timeout(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.task("short/deaf").unwrap().overran, "{report}");
    let outcomes =
        [&report.component("short").unwrap().shutdown, &report.component("hangs").unwrap().startup];
    let is_cut = |it: &&HandlerOutcome| matches!(it, HandlerOutcome::TimedOut(of) if *of == SHORT);
    assert!(outcomes.iter().all(is_cut), "{report}");
}

/// A task that needs longer says so, and is granted what the deadline leaves.
pub fn a_task_may_ask_for_a_longer_grace<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (runs, wait) = Moment::pair();
    let report = Lifespan::on(owner)
        .component("db", |it| {
            it.grace(NEVER).task("writer", async move |cx| {
                assert_eq!(cx.extend_grace(SHORT), GraceExtension::NotStopping);
                runs.come();
                cx.shutdown().wait().await;
                assert_eq!(cx.extend_grace(SHORT), GraceExtension::Granted(SHORT));
                let granted = cx.extend_grace(Duration::MAX).granted();
                assert!(granted > SHORT && granted < NEVER, "{granted:?}");
                assert_eq!(cx.extend_grace(SHORT), GraceExtension::Granted(Duration::ZERO));
            })
        })
        .deadline(NEVER * 2)
        .serve(async move |_cx| wait.wait().await)
        .run();
    assert!(report.is_clean(), "{report}");
}
