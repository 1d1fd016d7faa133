//! Futures that others spawn, as members of a scope.

use std::future::pending;

use futures_lite::future::yield_now;
use lifespan_core::{Cx, HandlerOutcome, Lifespan, LoopOwner, Outcome, Spawner, TaskError, Timer};

use crate::support::{Bomb, Log, Moment, NEVER, SHORT, carry, handle_of, inside};

/// It is listed from the moment it is made, gives its output, and leaves.
pub fn is_a_task_like_any_other<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let tracked = cx.task("conn:7").track(async { 7 }).unwrap();
        assert!(cx.tasks().contains("conn:7"));
        assert!(cx.task("conn:7").track(async {}).is_err());
        let carrier = cx.spawn(async move |_cx| tracked.await.unwrap());
        assert_eq!(carrier.await.unwrap(), 7);
        assert!(cx.tasks().is_empty());
    });
}

/// A cancel by name drops what is inside, and completes the wrapper for who carries it.
pub fn is_cancelled_by_name<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (dropped, begun) = (Moment::default(), Moment::default());
        let (guard, at_begin) = (dropped.on_drop(), begun.clone());
        let tracked = cx.task("conn").track(async move {
            let _guard = guard;
            at_begin.come();
            pending::<()>().await;
        });
        let tracked = tracked.unwrap();
        let carrier = cx.spawn(async move |_cx| matches!(tracked.await, Err(TaskError::Cancelled)));
        begun.wait().await;
        assert!(matches!(cx.tasks().cancel("conn").await, Ok(Outcome::Cancelled)));
        assert!(dropped.has_come(), "it is told when the future is gone");
        assert!(carrier.await.unwrap());
    });
}

/// A stop waits for it, whoever carries it, before the component's shutdown handler runs.
pub fn is_waited_for_at_a_stop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let (by_task, by_handler) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .startup("carriers", async |cx| drop(cx.state().insert(cx.spawner())))
        .startup("server", async move |cx| {
            let tracked = cx.task("conn").track_with(|stop| async move {
                stop.wait().await;
                yield_now().await;
                by_task.add("the connection ends");
            });
            let (tracked, carriers) =
                (tracked.unwrap(), cx.state().get::<Spawner<O::Handle>>().unwrap());
            let carrier = carriers.spawn(async move |_cx| tracked.await.unwrap());
            carrier.expect("its scope lives").detach();
        })
        .shutdown("server", async move |_cx| by_handler.add("the server closes"))
        .serve(async |_cx| ())
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["the connection ends", "the server closes"]);
}

/// One that is dropped, polled or not, has ended as cancelled, and the loop goes on.
pub fn settles_when_it_is_dropped<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let unpolled = cx.task("unpolled").track(pending::<()>()).unwrap();
        drop(unpolled);
        let mut polled = cx.task("polled").track(pending::<()>()).unwrap();
        let ended = polled.task_ref().clone();
        assert!(cx.timeout(SHORT, &mut polled).await.is_err());
        drop(polled);
        assert!(matches!(ended.finished().await, Outcome::Cancelled));
        assert!(cx.tasks().is_empty() && !cx.lifespan_event().is_set());
    });
}

/// A panic inside is an outcome, and reaches neither who carries it nor the loop.
pub fn catches_a_panic<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let tracked = cx.track(async { panic!("in a connection") });
        let carrier = cx.spawn(async move |_cx| {
            let ended: Result<(), TaskError> = tracked.await;
            matches!(ended, Err(TaskError::Panicked(_)))
        });
        assert!(carrier.await.unwrap());
    });
}

/// One that is detached tells its end to nobody, and a failure to the report.
pub fn may_be_detached<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let failing = async { Err::<(), _>("reset by peer") };
            let tracked = cx.task("conn").track(failing).unwrap().detach();
            cx.spawn(async move |_cx| tracked.await).await.unwrap();
            cx.task("good").track(async { 7 }).unwrap().detach().await;
        })
        .run();
    let unheard = report.tasks.iter().filter(|task| task.unheard);
    let unheard = unheard.map(|task| task.path.as_str()).collect::<Vec<_>>();
    assert_eq!(unheard, ["conn"], "{report}");
}

/// Carried by the bare loop it is counted, named, and its own; the carrier is no task.
pub fn is_a_task_though_the_bare_loop_carries_it<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = handle_of(&mut owner);
    inside(owner, async move |cx| {
        let (begun, go_on) = (Moment::default(), Moment::default());
        let (at_begin, gate) = (begun.clone(), go_on.clone());
        let tracked = cx.task("conn:7").track(async move {
            at_begin.come();
            gate.wait().await;
            7
        });
        let tracked = tracked.unwrap();
        let task = tracked.task_ref().clone();
        let heard = carry(&handle, tracked);
        begun.wait().await;
        assert_eq!(cx.tasks().iter().map(|task| task.id()).collect::<Vec<_>>(), [task.id()]);
        assert_eq!(cx.tasks().get("conn:7").map(|task| task.id()), Some(task.id()));
        assert!(cx.task("conn:7").spawn(async |_cx| ()).is_err());
        go_on.come();
        assert!(matches!(task.finished().await, Outcome::Completed));
        assert!(cx.tasks().is_empty() && !cx.tasks().contains("conn:7"));
        assert_eq!(heard.await.unwrap(), 7);
    });
}

/// Carried by the bare loop it hears of the stop, which waits for it.
pub fn is_waited_for_though_the_bare_loop_carries_it<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = handle_of(&mut owner);
    let log = Log::default();
    let (by_task, by_handler) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .startup("server", async move |cx| {
            let tracked = cx.task("conn").track_with(|stop| async move {
                stop.wait().await;
                yield_now().await;
                by_task.add("the connection ends");
            });
            drop(carry(&handle, tracked.unwrap()));
        })
        .shutdown("server", async move |_cx| by_handler.add("the server closes"))
        .serve(async |_cx| ())
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["the connection ends", "the server closes"]);
    let outcome = &report.task("server/conn").expect("it lived").outcome;
    assert!(matches!(outcome, Some(Outcome::Completed)), "{report}");
}

/// One that does not look at its stop is dropped when its grace is over, and its carrier hears so.
pub fn is_cancelled_when_its_grace_is_over<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = handle_of(&mut owner);
    let (gone, log) = (Moment::default(), Log::default());
    let (held, in_carrier) = (gone.on_drop(), log.clone());
    let report = Lifespan::on(owner)
        .startup("server", async move |cx| {
            let tracked = cx.task("deaf").grace(SHORT).track(async move {
                let _held = held;
                pending::<()>().await;
            });
            let heard = carry(&handle, tracked.unwrap());
            let by_carrier = cx.task("by the carrier").spawn(async move |_cx| {
                in_carrier.add(heard.await.unwrap_err().to_string());
            });
            by_carrier.unwrap().detach();
        })
        .shutdown("server", async move |_cx| assert!(gone.has_come()))
        .serve(async |_cx| ())
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    let task = |path| report.task(path).expect("it lived");
    let deaf = task("server/deaf");
    assert!(matches!(deaf.outcome, Some(Outcome::Cancelled)) && deaf.overran, "{report}");
    assert!(!task("server/by the carrier").overran, "{report}");
    assert_eq!(log, ["the task was cancelled"]);
    assert!(report.stragglers.is_empty(), "{report}");
    let handler = &report.component("server").unwrap().shutdown;
    assert!(matches!(handler, HandlerOutcome::Completed), "{report}");
    assert_eq!(report.exit_code(), 6, "{report}");
}

/// A destructor that panics, of one that is cancelled, that returns, or that was never polled.
pub fn catches_a_panic_of_its_destructor<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = handle_of(&mut owner);
    inside(owner, async move |cx| {
        let begun = Moment::default();
        let at_begin = begun.clone();
        let cancelled = cx.task("cancelled").track(async move {
            let _bomb = Bomb("of one that is cancelled");
            at_begin.come();
            pending::<()>().await;
        });
        let heard = carry(&handle, cancelled.unwrap());
        begun.wait().await;
        let outcome = cx.tasks().cancel("cancelled").await.unwrap();
        assert_eq!(outcome.to_string(), "panicked: of one that is cancelled");
        assert!(is_panic(heard.await, "of one that is cancelled"));

        let returns = cx.track(async {
            let _bomb = Bomb("of one that returns");
        });
        let task = returns.task_ref().clone();
        assert!(is_panic(carry(&handle, returns).await, "of one that returns"));
        assert!(matches!(task.outcome(), Some(Outcome::Panicked(_))));

        let bomb = Bomb("of one that was never polled");
        let unpolled = cx.track(async move {
            let _bomb = bomb;
            unreachable!("it was cancelled before");
        });
        let cancel = unpolled.task_ref().cancel();
        assert!(is_panic(carry(&handle, unpolled).await, "of one that was never polled"));
        assert!(matches!(cancel.await, Outcome::Panicked(_)));
        assert_names_are_free(&cx, "cancelled").await;
    });
}

/// A failure is its carrier's to hear of, at any moment, and is not reported.
pub fn gives_its_failure_to_its_carrier<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = handle_of(&mut owner);
    inside(owner, async move |cx| {
        let fails = cx.task("fails").track(async {
            yield_now().await;
            Err::<(), _>("reset by peer")
        });
        let fails = fails.unwrap();
        let task = fails.task_ref().clone();
        let error = carry(&handle, fails).await.unwrap_err();
        assert_eq!(error.to_string(), "the task failed: reset by peer");
        assert_eq!(task.cancel().await.to_string(), "failed: reset by peer", "after its end");
        assert_names_are_free(&cx, "fails").await;
    });
}

fn is_panic(ended: Result<(), TaskError>, text: &str) -> bool {
    matches!(ended, Err(TaskError::Panicked(panic)) if panic.text() == text)
}

async fn assert_names_are_free<L: Timer>(cx: &Cx<'_, L>, name: &'static str) {
    assert!(cx.tasks().is_empty());
    assert_eq!(cx.task(name).spawn(async |_cx| 1).unwrap().await.unwrap(), 1);
}
