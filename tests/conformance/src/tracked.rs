//! Futures that others spawn, as members of a scope.

use std::future::pending;

use futures_lite::future::yield_now;
use lifespan_core::{Lifespan, LoopOwner, Outcome, Spawner, TaskError, Timer};

use crate::support::{Log, Moment, SHORT, inside};

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
