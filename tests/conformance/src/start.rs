//! The start: in order, within its budget, interrupted by a stop, undone when it fails.

use futures_lite::future::pending;
use lifespan_core::{
    Cx, HandlerOutcome, Lifespan, LoopOwner, Outcome, Reason, ShutdownEvent, StartError, Timer,
};

use crate::support::{Log, Moment, NEVER, SHORT};

/// Components `a` and `b`, which say when they start and stop.
fn two<O: LoopOwner>(owner: O, log: &Log) -> Lifespan<O> {
    let mut lifespan = Lifespan::on(owner);
    for name in ["a", "b"] {
        let (up, down) = (log.clone(), log.clone());
        lifespan = lifespan
            .startup(name, async move |cx| {
                assert!(cx.root().tasks().is_empty(), "tasks are spawned after the last handler");
                up.add(format!("start {name}"));
            })
            .shutdown(name, async move |_cx| down.add(format!("stop {name}")));
    }
    lifespan
}

/// Handlers start in order, then the tasks, then the foreground; the stop is the reverse.
pub fn is_in_order<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let (task, serve) = (log.clone(), log.clone());
    let report = two(owner, &log)
        .task("task", async move |cx| {
            cx.shutdown().wait().await;
            task.add("the task ends");
        })
        .serve(async move |cx| {
            assert!(cx.tasks().contains("task"), "tasks are spawned before the foreground");
            serve.add("serve");
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["start a", "start b", "serve", "the task ends", "stop b", "stop a"]);
}

/// A handler sleeps and spawns as a task does, and the next starts when it has ended.
pub fn one_handler_after_the_other<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .startup("first", async move |cx| {
            cx.sleep(SHORT).await;
            cx.spawn(async |_cx| {}).await.unwrap();
            first.add("first");
        })
        .startup("second", async move |_cx| second.add("second"))
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["first", "second"]);
}

/// A handler that fails ends the start; what had started is undone, what had not is not run.
pub fn a_failure_undoes_what_had_started<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let task = log.clone();
    let report = two(owner, &log)
        .startup("fails", async move |cx| {
            cx.spawn(async move |cx| {
                cx.shutdown().wait().await;
                task.add("its task ends");
            })
            .detach();
            Err::<(), _>("no disk")
        })
        .shutdown("fails", async |_cx| unreachable!("what was not opened is not closed"))
        .startup("later", async |_cx| unreachable!("the start has failed"))
        .task("task", async |_cx| unreachable!("the start has failed"))
        .serve(async |_cx| unreachable!("the start has failed"))
        .run();
    assert_eq!(log, ["start a", "start b", "its task ends", "stop b", "stop a"]);
    let Some(StartError::Startup { component, outcome, .. }) = &report.start_error else {
        panic!("{report}")
    };
    assert_eq!((component.as_str(), outcome.to_string()), ("fails", "failed: no disk".into()));
    assert_eq!((report.reason.clone(), report.exit_code()), (Reason::StartFailed, 3));
}

/// A handler that panics is undone like one that fails.
pub fn a_panic_undoes_what_had_started<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let report = two(owner, &log).startup("panics", async |_cx| -> () { panic!("oh") }).run();
    assert_eq!(log, ["start a", "start b", "stop b", "stop a"]);
    let panics = &report.component("panics").unwrap().startup;
    assert!(matches!(panics, HandlerOutcome::Panicked(panic) if panic.text() == "oh"));
    assert_eq!(report.exit_code(), 3);
}

/// A handler that takes longer than its budget is dropped, and the start undone.
pub fn a_handler_has_a_budget<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (log, gone) = (Log::default(), Moment::default());
    let held = gone.on_drop();
    let report = two(owner, &log)
        .startup("slow", async move |_cx| {
            let _held = held;
            pending::<()>().await;
        })
        .start_timeout(SHORT)
        .run();
    assert!(gone.has_come());
    assert_eq!(log, ["start a", "start b", "stop b", "stop a"]);
    let slow = &report.component("slow").unwrap().startup;
    assert!(matches!(slow, HandlerOutcome::TimedOut(budget) if *budget == SHORT), "{report}");
    assert_eq!(report.exit_code(), 3);
}

/// A stop during the start drops the handler that runs, at once, and undoes the others: clean.
pub fn a_stop_interrupts_it<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (log, event) = (Log::default(), ShutdownEvent::new());
    let trigger = event.trigger();
    let report = two(owner, &log)
        .event(event)
        .startup("hangs", async move |_cx| {
            trigger.set("changed my mind").unwrap();
            pending::<()>().await;
        })
        .start_timeout(NEVER)
        .serve(async |_cx| unreachable!("it was stopped before"))
        .run();
    assert_eq!(log, ["start a", "start b", "stop b", "stop a"]);
    assert!(matches!(report.component("hangs").unwrap().startup, HandlerOutcome::Interrupted));
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("changed my mind"));
}

/// An event that is set before the run starts nothing at all.
pub fn an_event_set_before_starts_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (log, event) = (Log::default(), ShutdownEvent::new());
    event.trigger().set("never mind").unwrap();
    let report = two(owner, &log)
        .event(event)
        .task("task", async |_cx| unreachable!("it was stopped before"))
        .run();
    assert_eq!(log, []);
    assert!(report.is_clean(), "{report}");
}

/// A name that is given twice starts nothing, and says which.
pub fn a_name_given_twice_starts_nothing<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let tasks = Lifespan::on(&mut owner)
        .startup("never", async |_cx| unreachable!("nothing starts"))
        .task("twice", async |_cx| {})
        .task("twice", async |_cx| {})
        .run();
    let handlers = Lifespan::on(owner)
        .startup("twice", async |_cx| unreachable!("nothing starts"))
        .startup("twice", async |_cx| unreachable!("nothing starts"))
        .run();
    for report in [tasks, handlers] {
        let error = report.start_error.as_ref();
        assert!(
            matches!(error, Some(StartError::NameTaken { name, .. }) if name.as_str() == "twice")
        );
        assert_eq!(report.exit_code(), 3);
    }
}

/// A body that is added under two names runs twice, and under each name once.
pub fn a_body_that_is_added_twice_runs_twice<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let runs = log.clone();
    let body = async move |cx: Cx<'_, O::Handle>| runs.add(cx.this_task().unwrap().path());
    let report = Lifespan::on(owner)
        .task("one", body.clone())
        .task("two", body.clone())
        .component("part", |it| it.task("one", body))
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
    let mut runs = log.lines();
    runs.sort_unstable();
    assert_eq!(runs, ["one", "part/one", "two"]);
}

/// A body that is added without a name is a task that has none; added twice, it runs twice.
pub fn a_body_may_be_added_without_a_name<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let runs = log.clone();
    let body = async move |cx: Cx<'_, O::Handle>| {
        let this = cx.this_task().unwrap();
        assert!(this.name().is_none() && this.spawned_at().file().ends_with("start.rs"));
        runs.add(if this.path().starts_with("part/") { "in a component" } else { "in the root" });
    };
    let report = Lifespan::on(owner)
        .component("part", |it| it.spawn(body.clone()))
        .spawn(body.clone())
        .spawn(body)
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
    let mut runs = log.lines();
    runs.sort_unstable();
    assert_eq!(runs, ["in a component", "in the root", "in the root"]);
}

/// A builder's task that fails while the lifespan serves does not end it, and is reported.
pub fn a_task_that_fails_ends_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("fails", async |_cx| Err::<(), _>("early"))
        .task("serves", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| {
            while cx.tasks().contains("fails") {
                futures_lite::future::yield_now().await;
            }
            assert!(cx.tasks().contains("serves"));
        })
        .run();
    assert!(matches!(report.task("serves").unwrap().outcome, Some(Outcome::Completed)));
    assert!(matches!(report.task("fails").unwrap().outcome, Some(Outcome::Failed(_))));
    assert_eq!(report.exit_code(), 4);
}
