//! Futures that somebody else drives, as members of a scope.

use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lifespan_core::{
    BoxError, Cx, EventLoop, Lifespan, Observer, Outcome, SpawnError, Spawner, TaskError, TaskRef,
    Tracked,
};

use crate::by_hand::{ByHand, Hand, next_round, run, serve, serve_with};
use crate::woken::{Count, PanicOnDrop, is_pending, on_drop, panicking, poll};

#[test]
fn the_output_passes_through_and_the_task_is_like_any_other() {
    let report = serve(async |cx| {
        let line = line!() + 1;
        let tracked = cx.task("conn:7").track(async { 7 }).unwrap();
        let task = tracked.task_ref().clone();
        assert_eq!(cx.tasks().len(), 1);
        assert_eq!(cx.tasks().get("conn:7").unwrap().id(), task.id());
        assert_eq!(task.path(), "conn:7");
        assert_eq!((task.spawned_at().file(), task.spawned_at().line()), (file!(), line));
        assert_eq!(tracked.await.unwrap(), 7);
        assert!(matches!(task.outcome(), Some(Outcome::Completed)));
        assert!(cx.tasks().is_empty());
        assert_eq!(cx.track(ready(8)).await.unwrap(), 8);
        assert_eq!(cx.spawner().track(ready(9)).unwrap().await.unwrap(), 9);
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn it_need_be_neither_send_nor_static() {
    let _ = serve(async |cx| {
        let (shared, borrowed) = (Rc::new(Cell::new(0)), Cell::new(0));
        let inner = async {
            shared.set(1);
            next_round().await;
            borrowed.set(shared.get() + 1);
        };
        cx.track(inner).await.unwrap();
        assert_eq!(borrowed.get(), 2);
    });
}

fn _is_send<F: Send>(tracked: Tracked<F>) -> impl Send {
    tracked
}

#[test]
fn a_name_that_is_taken_gives_the_future_back() {
    let _ = serve(async |cx| {
        let tracked = cx.task("one").track(pending::<()>()).unwrap();
        let refused = cx.task("one").track(ready(3)).unwrap_err();
        assert!(matches!(refused, SpawnError::NameTaken { .. }));
        assert_eq!(refused.into_body().await, 3);
        let refused = cx.task("").track_with(|_stop| ready(4)).unwrap_err();
        assert_eq!(refused.into_body()(cx.shutdown().clone()).await, 4);
        drop(tracked);
        assert_eq!(cx.task("one").track(ready(5)).unwrap().await.unwrap(), 5);
    });
}

#[test]
fn a_cancel_drops_the_future_and_completes_the_wrapper() {
    let _ = serve(async |cx| {
        let (dropped, guard) = Count::new();
        let inner = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        let mut tracked = cx.task("conn").track(inner).unwrap();
        let (woken, waker) = Count::new();
        assert!(poll(&mut tracked, &waker).is_pending());
        let cancel = cx.tasks().cancel("conn");
        assert_eq!((woken.get(), dropped.stored()), (1, 0));
        let polled = poll(&mut tracked, &waker);
        assert!(matches!(polled, Poll::Ready(Err(TaskError::Cancelled))));
        assert!(matches!(cancel.await, Ok(Outcome::Cancelled)));
        let again = poll(&mut tracked, &waker);
        assert!(matches!(again, Poll::Ready(Err(TaskError::Cancelled))), "not a panic");
    });
}

#[test]
fn cancelled_before_the_first_poll_the_future_is_never_polled() {
    let _ = serve(async |cx| {
        let tracked = cx.track(async { unreachable!() });
        let cancel = tracked.task_ref().cancel();
        let ended: Result<(), _> = tracked.await;
        assert!(matches!(ended, Err(TaskError::Cancelled)));
        assert!(matches!(cancel.await, Outcome::Cancelled));
    });
}

#[test]
fn a_wrapper_that_is_dropped_settles_and_is_no_end_of_the_loop() {
    let report = serve(async |cx| {
        let unpolled = cx.task("unpolled").track(pending::<()>()).unwrap();
        let mut polled = cx.task("polled").track(pending::<()>()).unwrap();
        assert!(is_pending(&mut polled));
        let tasks = [unpolled.task_ref().clone(), polled.task_ref().clone()];
        drop((unpolled, polled));
        for task in tasks {
            assert!(matches!(task.outcome(), Some(Outcome::Cancelled)));
        }
        assert!(cx.tasks().is_empty() && !cx.lifespan_event().is_set());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn it_sees_its_own_stop() {
    let wait = |stop: lifespan_core::ShutdownEvent| async move { stop.wait().await };
    let _ = serve(async move |cx| {
        let mut alone = cx.task("alone").track_with(wait).unwrap();
        let mut other = cx.task("other").track_with(wait).unwrap();
        assert!(is_pending(&mut alone) && is_pending(&mut other));
        cx.tasks().stop("alone").unwrap();
        assert!(matches!(poll(&mut alone, Waker::noop()), Poll::Ready(Ok(()))));
        assert!(is_pending(&mut other));
        cx.tasks().stop("other").unwrap();
        other.await.unwrap();
    });
}

/// Spawns it on the loop, past all that this crate has for that.
fn spawn_raw<F>(hand: &Hand, future: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    hand.spawn(future).unwrap();
}

#[test]
fn a_stop_waits_for_it_whoever_spawned_it() {
    let done = Arc::new(Mutex::new(Vec::new()));
    let (by_handler, by_task) = (Arc::clone(&done), Arc::clone(&done));
    let owner = ByHand::new();
    let hand = owner.handle();
    let report = run(Lifespan::on(owner)
        .startup("server", async move |cx| {
            let tracked = cx.task("conn").track_with(|stop| async move {
                stop.wait().await;
                next_round().await;
                by_task.lock().unwrap().push("connection");
            });
            let tracked = tracked.unwrap();
            spawn_raw(&hand, async move { tracked.await.unwrap() });
        })
        .shutdown("server", async move |_cx| by_handler.lock().unwrap().push("shutdown"))
        .serve(async move |_cx| ()));
    assert!(report.is_clean(), "{report}");
    assert_eq!(done.lock().unwrap()[..], ["connection", "shutdown"]);
    assert_eq!(report.tasks[0].path, "server/conn");
    assert!(matches!(report.tasks[0].outcome, Some(Outcome::Completed)));
}

#[test]
fn a_stubborn_one_is_cancelled_when_its_grace_is_over() {
    let report = serve_with(|hand| {
        async move |cx: Cx<'_, _>| {
            let grace = Duration::from_secs(1);
            let tracked = cx.task("conn").grace(grace).track(pending::<()>()).unwrap();
            spawn_raw(&hand, async move {
                assert!(matches!(tracked.await, Err(TaskError::Cancelled)));
            });
            next_round().await;
        }
    });
    assert!(report.stragglers.is_empty(), "{report}");
    assert!(matches!(report.tasks[0].outcome, Some(Outcome::Cancelled)));
}

#[test]
fn what_nobody_polls_is_a_straggler_with_its_name() {
    let kept = Arc::new(Mutex::new(None));
    let inside = Arc::clone(&kept);
    let report =
        run(Lifespan::on(ByHand::new()).deadline(Duration::from_secs(1)).serve(async move |cx| {
            *inside.lock().unwrap() = Some(cx.task("forgotten").track(pending::<()>()).unwrap());
        }));
    assert_eq!(report.stragglers.len(), 1, "{report}");
    assert!(report.to_string().contains("forgotten"), "{report}");
}

/// Counts what is reported.
#[derive(Default)]
struct Failed(Mutex<Vec<String>>);

impl Observer for Failed {
    fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
        self.0.lock().unwrap().push(format!("{} {outcome}", task.path()));
    }
}

#[test]
fn failures_and_panics_are_heard_by_who_polls() {
    let failed = Arc::<Failed>::default();
    let report = run(Lifespan::on(ByHand::new()).observer(Arc::clone(&failed)).serve(async |cx| {
        let failed = cx.track(async { Err::<(), BoxError>("reset by peer".into()) });
        assert_eq!(failed.await.unwrap_err().to_string(), "the task failed: reset by peer");
        let panicked = cx.track(async { panic!("in a connection") });
        let ended: Result<(), _> = panicked.await;
        assert!(
            matches!(ended, Err(TaskError::Panicked(panic)) if panic.text() == "in a connection")
        );
        let in_destructor = cx.track(async {
            let _bomb = PanicOnDrop;
        });
        assert!(matches!(in_destructor.await, Err(TaskError::Panicked(_))));
        assert!(cx.tasks().is_empty());
    }));
    assert!(report.is_clean(), "{report}");
    assert!(failed.0.lock().unwrap().is_empty());
}

#[test]
fn failures_of_who_is_detached_are_reported_once() {
    let failed = Arc::<Failed>::default();
    let lifespan = Lifespan::on(ByHand::new()).observer(Arc::clone(&failed));
    let report = run(lifespan.serve(async |cx| {
        let failing = async { Err::<(), BoxError>("reset by peer".into()) };
        cx.task("failed").track(failing).unwrap().detach().await;
        let panicking = async { assert_eq!(1, 2, "in a connection") };
        cx.task("panicked").track(panicking).unwrap().detach().await;
        cx.task("value").track(async { Ok::<_, BoxError>(PanicOnDrop) }).unwrap().detach().await;
        drop(cx.task("dropped").track(pending::<()>()).unwrap().detach());
        let ended = cx.task("ended").track(async { Err::<(), BoxError>("heard".into()) });
        let mut ended = ended.unwrap();
        assert!(poll(&mut ended, Waker::noop()).is_ready());
        ended.detach().await;
        assert!(cx.tasks().is_empty());
    }));
    let failed = failed.0.lock().unwrap();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!(failed[0], "failed failed: reset by peer");
    assert!(failed[1].starts_with("panicked panicked: ") && failed[1].contains("in a connection"));
    assert_eq!(report.tasks.iter().filter(|task| task.unheard).count(), 2, "{report}");
}

#[test]
fn it_is_seen_to_be_polled_with_the_task_that_it_lies_in() {
    let _ = serve(async |cx| {
        let monitor = cx.monitor();
        let polled = move || {
            let snapshot = monitor.snapshot();
            let polled = snapshot.nodes.iter().filter(|node| node.is_polled);
            polled.map(|node| node.name.to_string()).collect::<Vec<_>>()
        };
        let carrier = cx.task("carrier").spawn(async move |cx| {
            let inside = polled.clone();
            let tracked =
                cx.task("tracked").track(async move { Ok::<_, BoxError>(inside()) }).unwrap();
            assert_eq!(polled(), ["carrier"]);
            assert_eq!(tracked.await.unwrap(), ["carrier", "tracked"]);
            assert_eq!(polled(), ["carrier"]);
        });
        carrier.unwrap().await.unwrap();
    });
}

#[test]
fn a_panic_of_what_is_dropped_is_reported_once() {
    let failed = Arc::<Failed>::default();
    let report = Lifespan::on(ByHand::new()).observer(Arc::clone(&failed)).serve(async |cx| {
        let bomb = PanicOnDrop;
        drop(cx.task("bomb").track(async move { drop(bomb) }).unwrap());
        assert!(cx.tasks().is_empty());
    });
    let report = run(report);
    let panicked = ["bomb panicked: a destructor that panics"];
    assert_eq!(failed.0.lock().unwrap()[..], panicked);
    assert_eq!(report.tasks.len(), 1, "{report}");
}

#[test]
fn wakers_that_panic_settle_it() {
    let _ = serve(async |cx| {
        let mut tracked = cx.track(pending::<()>());
        assert!(poll(&mut tracked, &panicking()).is_pending());
        let task = tracked.task_ref().clone();
        let cancelled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.cancel()));
        assert!(cancelled.is_err(), "as for any task");
        assert!(matches!(tracked.await, Err(TaskError::Cancelled)));
        let dropped = on_drop(|| ());
        let mut tracked = cx.track(pending::<()>());
        assert!(poll(&mut tracked, &dropped).is_pending());
        drop((tracked, dropped));
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn a_closure_that_panics_tracks_nothing() {
    let _ = serve(async |cx| {
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cx.task("conn").track_with(|_stop| -> std::future::Ready<()> { panic!("no") })
        }));
        assert!(made.is_err());
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn after_the_end_the_future_comes_back() {
    let kept = Arc::new(Mutex::new(None::<Spawner<_>>));
    let inside = Arc::clone(&kept);
    let _ = serve(async move |cx| *inside.lock().unwrap() = Some(cx.spawner()));
    let spawner = kept.lock().unwrap().take().unwrap();
    let refused = spawner.track(ready(3)).unwrap_err();
    let mut future = pin!(refused.into_inner());
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(polled, Poll::Ready(3));
}
