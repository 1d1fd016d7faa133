//! Observers: they hear of everything once, wherever it happens, and harm nobody.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_lite::future::yield_now;
use lifespan_core::{
    Late, Lifespan, LoopOwner, Observer, Outcome, Phase, TaskEnd, TaskId, TaskRef, Timer,
};

use crate::support::SHORT;

/// What was heard of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    spawned: usize,
    stopped: usize,
    late: usize,
    ended: usize,
    failed: usize,
}

#[derive(Default)]
struct Counts {
    tasks: Mutex<BTreeMap<TaskId, Told>>,
    phases: Mutex<Vec<Phase>>,
}

impl Counts {
    fn count(&self, task: &TaskRef, count: impl FnOnce(&mut Told)) {
        count(self.tasks.lock().unwrap().entry(task.id()).or_default());
    }

    fn told(&self) -> Vec<Told> {
        self.tasks.lock().unwrap().values().cloned().collect()
    }
}

impl Observer for Counts {
    fn phase_changed(&self, phase: Phase) {
        self.phases.lock().unwrap().push(phase);
    }

    fn task_spawned(&self, task: &TaskRef) {
        self.count(task, |told| told.spawned += 1);
    }

    fn task_stopped(&self, task: &TaskRef) {
        self.count(task, |told| told.stopped += 1);
    }

    fn task_late(&self, task: &TaskRef, _late: &Late) {
        self.count(task, |told| told.late += 1);
    }

    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>) {
        assert_eq!(task.outcome().unwrap().to_string(), end.outcome().to_string());
        // Slow on purpose: the lifespan does not end before it has heard.
        std::thread::yield_now();
        self.count(task, |told| told.ended += 1);
    }

    fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
        assert!(outcome.is_failure());
        self.count(task, |told| told.failed += 1);
    }
}

/// Each task is told of once at its spawn and once at its end, and all of it before `run` returns.
pub fn hear_of_each_task_once<O: LoopOwner<Handle: Timer>>(owner: O) {
    let counts = Arc::<Counts>::default();
    let report = Lifespan::on(owner)
        .observer(Arc::clone(&counts))
        .serve(async |cx| {
            for _ in 0..200 {
                cx.spawn(async |_cx| yield_now().await).detach();
                cx.spawn(async |cx| cx.shutdown().wait().await).detach();
                cx.spawn(async |_cx| pending::<()>().await).cancel().await;
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
    let told = counts.told();
    assert_eq!(told.len(), 600);
    for told in told {
        assert_eq!((told.spawned, told.ended, told.failed, told.late), (1, 1, 0, 0));
        assert!(told.stopped <= 1);
    }
}

/// A failure that nobody awaits is told once, whenever its handle goes; one that is awaited is not.
pub fn hear_of_a_failure_once<O: LoopOwner<Handle: Timer>>(owner: O) {
    let counts = Arc::<Counts>::default();
    let report = Lifespan::on(owner)
        .observer(Arc::clone(&counts))
        .serve(async |cx| {
            for _ in 0..50 {
                cx.spawn(async |_cx| Err::<(), _>("at its end")).detach();
                let kept = cx.spawn(async |_cx| Err::<(), _>("at its drop"));
                kept.task_ref().finished().await;
                drop(kept);
                assert!(cx.spawn(async |_cx| Err::<(), _>("heard")).await.is_err());
            }
        })
        .run();
    let failed = counts.told().iter().map(|told| told.failed).collect::<Vec<_>>();
    assert!(failed.iter().all(|&times| times <= 1), "{failed:?}");
    assert_eq!(failed.iter().sum::<usize>(), 100);
    assert_eq!(report.tasks.len(), 100, "and the report says the same");
}

/// A task whose grace is over is told of, and then its end.
pub fn hear_of_a_late_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    let counts = Arc::<Counts>::default();
    let report = Lifespan::on(owner)
        .observer(Arc::clone(&counts))
        .grace(SHORT)
        .task("stubborn", async |_cx| pending::<()>().await)
        .serve(async |_cx| ())
        .run();
    assert!(!report.is_clean());
    let told = Told { spawned: 1, stopped: 1, late: 1, ended: 1, failed: 0 };
    assert_eq!(counts.told(), [told]);
}

/// The phases are told in their order.
pub fn hear_of_the_phases<O: LoopOwner<Handle: Timer>>(owner: O) {
    let counts = Arc::<Counts>::default();
    let report = Lifespan::on(owner).observer(Arc::clone(&counts)).serve(async |_cx| ()).run();
    assert!(report.is_clean(), "{report}");
    let all = [Phase::Starting, Phase::Serving, Phase::Stopping, Phase::Stopped];
    assert_eq!(counts.phases.lock().unwrap()[..], all);
}

/// Panics whenever it is told something.
struct Panics(Arc<AtomicUsize>);

impl Observer for Panics {
    fn task_spawned(&self, _task: &TaskRef) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("an observer, of a spawn");
    }

    fn task_ended(&self, _task: &TaskRef, _end: &TaskEnd<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("an observer, of an end");
    }
}

/// A panic in an observer reaches neither the task, nor the loop, nor another observer.
pub fn that_panic_harm_nobody<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (counts, panics) = (Arc::<Counts>::default(), Arc::<AtomicUsize>::default());
    let report = Lifespan::on(owner)
        .observer(Panics(Arc::clone(&panics)))
        .observer(Arc::clone(&counts))
        .serve(async |cx| {
            assert_eq!(cx.spawn(async |_cx| 7).await.unwrap(), 7);
            cx.task("named").spawn(async |_cx| ()).unwrap().await.unwrap();
            assert!(cx.tasks().is_empty());
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(panics.load(Ordering::SeqCst), 4);
    assert!(counts.told().iter().all(|told| (told.spawned, told.ended) == (1, 1)));
}

/// Cancels what it hears of.
struct Cancels;

impl Observer for Cancels {
    fn task_spawned(&self, task: &TaskRef) {
        if task.name().is_some() {
            drop(task.cancel());
        }
    }

    fn task_ended(&self, task: &TaskRef, _end: &TaskEnd<'_>) {
        drop(task.cancel());
        task.stop();
    }
}

/// An observer may act on the task that it is told of.
pub fn may_act_on_the_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .observer(Cancels)
        .serve(async |cx| {
            let cancelled = cx.task("unwanted").spawn(async |_cx| unreachable!()).unwrap();
            assert!(cancelled.await.is_err());
            assert_eq!(cx.spawn(async |_cx| 7).await.unwrap(), 7);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}
