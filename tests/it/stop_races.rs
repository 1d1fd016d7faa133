//! What may happen between two looks of a stop.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{
    BoxError, Closed, EventLoop, Lifespan, LoopId, LoopOwner, Observer, RunError, ShutdownEvent,
    ShutdownTrigger, StopSource, TaskRef, Timer,
};

const GRACE: Duration = Duration::from_secs(30);

/// A loop on several threads, with something that happens each time a timer is made: a stop makes
/// one after it has looked and before it waits.
struct HookedLoop {
    owner: TokioLoop,
    hook: Hook,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
struct Hooked {
    handle: Tokio,
    hook: Hook,
}

impl HookedLoop {
    fn new(hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self { owner: TokioLoop::multi_thread(), hook: Arc::new(hook) }
    }
}

impl LoopOwner for HookedLoop {
    type Handle = Hooked;

    fn run<T, F: AsyncFnOnce(&Hooked) -> T>(&mut self, f: F) -> Result<T, RunError> {
        let hook = Arc::clone(&self.hook);
        self.owner.run(async |handle: &Tokio| f(&Hooked { handle: handle.clone(), hook }).await)
    }
}

impl EventLoop for Hooked {
    const NAME: &'static str = "hooked";

    fn id(&self) -> LoopId {
        self.handle.id()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), Closed> {
        self.handle.spawn(future)
    }
}

impl Timer for Hooked {
    type Sleep = <Tokio as Timer>::Sleep;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        (self.hook)();
        self.handle.sleep(duration)
    }

    fn now(&self) -> Instant {
        self.handle.now()
    }
}

#[test]
fn a_task_that_ends_between_the_look_and_the_wait_is_not_waited_for() {
    let (stop, task) = (ShutdownEvent::new(), Arc::new(OnceLock::<TaskRef>::new()));
    let (asked, watched) = (stop.clone(), Arc::clone(&task));
    let until_it_has_ended = move || {
        while asked.is_set() && !watched.get().is_none_or(TaskRef::is_finished) {
            std::thread::yield_now();
        }
    };
    let report = Lifespan::on(HookedLoop::new(until_it_has_ended))
        .event(stop)
        .grace(GRACE)
        .serve(async move |cx| {
            let ends = cx.spawn(async |cx| cx.shutdown().wait().await);
            assert!(task.set(ends.task_ref().clone()).is_ok());
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.stopping < GRACE, "{report}");
}

/// Hands out what a second signal does.
#[derive(Clone, Default)]
struct SecondDemand(Arc<OnceLock<ShutdownTrigger>>);

impl StopSource for SecondDemand {
    type Bound = ();

    fn bind(self, _stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
        self.0.set(cancel).map_err(|_trigger| "it was bound before".into())
    }
}

#[test]
fn a_second_demand_between_the_look_and_the_wait_is_heard() {
    let (stop, demand) = (ShutdownEvent::new(), SecondDemand::default());
    let (asked, second) = (stop.clone(), Arc::clone(&demand.0));
    let demand_it = move || {
        if let (true, Some(cancel)) = (asked.is_set(), second.get()) {
            let _ = cancel.set("the second demand");
        }
    };
    let report = Lifespan::on(HookedLoop::new(demand_it))
        .event(stop)
        .stop_on(demand)
        .grace(GRACE)
        .serve(async |cx| {
            cx.task("deaf").spawn(async |_cx| pending::<()>().await)?.detach();
            Ok::<_, BoxError>(())
        })
        .run();
    assert!(report.task("deaf").is_some_and(|task| task.overran), "{report}");
    assert!(report.phases.stopping < GRACE, "{report}");
}

/// Holds up who opens a scope, which is a member by then and not open yet, until the stop has looked
/// for the second time.
struct HoldsUpOpen(Arc<AtomicUsize>);

impl Observer for HoldsUpOpen {
    fn task_spawned(&self, task: &TaskRef) {
        if task.name().is_some_and(|name| name.as_str() == "late") {
            wait_for(&self.0, 2);
        }
    }
}

fn wait_for(looks: &AtomicUsize, count: usize) {
    while looks.load(Ordering::SeqCst) < count {
        std::thread::yield_now();
    }
}

#[test]
fn a_scope_that_is_opened_during_the_look_is_stopped_with_the_rest() {
    let looks = Arc::<AtomicUsize>::default();
    let [counts, counted] = [(); 2].map(|()| Arc::clone(&looks));
    let count = move || {
        counts.fetch_add(1, Ordering::SeqCst);
    };
    let report = Lifespan::on(HookedLoop::new(count))
        .observer(HoldsUpOpen(looks))
        .grace(GRACE)
        .serve(async move |cx| {
            cx.spawn(async move |cx| {
                cx.shutdown().wait().await;
                wait_for(&counted, 1);
                let scope = cx.scope("late").open()?;
                // At once: it has no task.
                scope.task_ref().finished().await;
                Ok::<_, BoxError>(())
            })
            .detach();
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.stopping < GRACE, "{report}");
}

#[test]
fn a_task_that_serve_starts_during_the_stop_is_stopped_with_the_rest() {
    let report = Lifespan::on(TokioLoop::multi_thread())
        .grace(GRACE)
        .deadline(GRACE)
        .serve(async move |cx| {
            let _ = cx.trigger().set("enough");
            cx.shutdown().wait().await;
            let endless = cx.task("late").cancel_on_stop();
            let late = endless.spawn(async |_cx| pending::<()>().await)?;
            let _ = late.await;
            Ok::<_, BoxError>(())
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.stopping < GRACE, "{report}");
}
