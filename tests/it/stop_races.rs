//! What may happen between two looks of a stop.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{
    Closed, EventLoop, Lifespan, LoopId, LoopOwner, RunError, ShutdownEvent, TaskRef, Timer,
};

/// A loop on several threads whose stopping thread is held up, each time it makes a timer, until the
/// watched task has ended.
struct HeldUpLoop {
    owner: TokioLoop,
    watched: Watched,
}

#[derive(Clone)]
struct HeldUp {
    handle: Tokio,
    watched: Watched,
}

#[derive(Clone, Default)]
struct Watched {
    stop: ShutdownEvent,
    task: Arc<OnceLock<TaskRef>>,
}

impl LoopOwner for HeldUpLoop {
    type Handle = HeldUp;

    fn run<T, F: AsyncFnOnce(&HeldUp) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let watched = self.watched.clone();
        self.owner.run(async |handle: &Tokio| f(&HeldUp { handle: handle.clone(), watched }).await)
    }
}

impl EventLoop for HeldUp {
    const NAME: &'static str = "held-up";

    fn id(&self) -> LoopId {
        self.handle.id()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.handle.spawn(future)
    }
}

impl Timer for HeldUp {
    type Sleep = <Tokio as Timer>::Sleep;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        let ended = || self.watched.task.get().is_none_or(TaskRef::is_finished);
        while self.watched.stop.is_set() && !ended() {
            std::thread::yield_now();
        }
        self.handle.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.handle.now()
    }
}

#[test]
fn a_task_that_ends_between_the_look_and_the_wait_is_not_waited_for() {
    let watched = Watched::default();
    let grace = Duration::from_secs(30);
    let report =
        Lifespan::on(HeldUpLoop { owner: TokioLoop::multi_thread(), watched: watched.clone() })
            .event(watched.stop.clone())
            .grace(grace)
            .serve(async move |cx| {
                let task = cx.spawn(async |cx| cx.shutdown().wait().await);
                assert!(watched.task.set(task.task_ref().clone()).is_ok());
            })
            .run();
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.stopping < grace, "{report}");
}

#[test]
fn a_task_that_serve_starts_during_the_stop_is_stopped_with_the_rest() {
    let grace = Duration::from_secs(30);
    let report = Lifespan::on(TokioLoop::multi_thread())
        .grace(grace)
        .deadline(grace)
        .serve(async move |cx| {
            let _ = cx.trigger().set("enough");
            cx.shutdown().wait().await;
            let endless = cx.task("late").cancel_on_stop();
            let late = endless.spawn(async |_cx| std::future::pending::<()>().await)?;
            let _ = late.await;
            Ok::<_, lifespan::BoxError>(())
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.stopping < grace, "{report}");
}
