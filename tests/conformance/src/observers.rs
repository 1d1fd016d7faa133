//! Observers: they hear of everything once, wherever it happens, and harm nobody.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_lite::future::yield_now;
use lifespan_core::{
    Cx, Late, Lifespan, LoopOwner, Observer, OnEnd, Outcome, Phase, Restart, RestartPolicy,
    TaskEnd, TaskId, TaskRef, Timer,
};

use crate::support::{Moment, NEVER, SHORT};

/// What was heard of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    spawned: usize,
    stopped: usize,
    late: usize,
    restarted: usize,
    ended: usize,
    failed: usize,
}

/// Of a task that came and went, and of which nothing else is to be told.
const SPAWNED_AND_ENDED: Told =
    Told { spawned: 1, stopped: 0, late: 0, restarted: 0, ended: 1, failed: 0 };

#[derive(Default)]
struct Counts {
    tasks: Mutex<BTreeMap<TaskId, Told>>,
    phases: Mutex<Vec<Phase>>,
}

impl Counts {
    fn count(&self, task: &TaskRef, count: impl FnOnce(&mut Told)) {
        count(self.tasks.lock().unwrap().entry(task.id()).or_default());
    }

    /// What was heard of each task, in the order of their spawns.
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

    fn task_restarted(&self, task: &TaskRef, _restart: &Restart<'_>) {
        self.count(task, |told| told.restarted += 1);
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
            while cx.tasks().len() > 200 {
                yield_now().await; // only those are left that wait for the stop
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
    let stopped = Told { stopped: 1, ..SPAWNED_AND_ENDED };
    let wanted = [SPAWNED_AND_ENDED, stopped, SPAWNED_AND_ENDED];
    assert_eq!(counts.told(), vec![wanted; 200].concat());
}

/// Takes its time over the end of the first task, and says whether the lifespan has ended before that.
struct Slow {
    begins: Moment,
    has_ended: Mutex<(Sender<bool>, Receiver<()>)>,
}

impl Observer for Slow {
    fn task_ended(&self, task: &TaskRef, _end: &TaskEnd<'_>) {
        if task.path() == "first" {
            self.begins.come();
            let (tell, end) = &*self.has_ended.lock().unwrap();
            tell.send(end.recv_timeout(SHORT * 10).is_ok()).unwrap();
        }
    }
}

/// The lifespan has not ended before an observer has heard of each end, though another is the last.
pub fn are_waited_for<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (begins, meanwhile) = Moment::pair();
    let ((tell, has_ended), (at_end, end)) = (channel(), channel());
    let report = Lifespan::on(owner)
        .observer(Slow { begins, has_ended: Mutex::new((tell, end)) })
        .task("first", async |cx| cx.shutdown().wait().await)
        .task("second", async move |_cx| meanwhile.wait().await)
        .serve(async |_cx| ())
        .run();
    let _ = at_end.send(());
    assert!(!has_ended.recv().unwrap(), "it was still being told");
    assert!(report.is_clean(), "{report}");
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
    let failed = Told { failed: 1, ..SPAWNED_AND_ENDED };
    let wanted = [failed.clone(), failed, SPAWNED_AND_ENDED];
    assert_eq!(counts.told(), vec![wanted; 50].concat());
    assert_eq!(report.tasks.len(), 100, "and the report says the same");
}

/// What was heard of restarts: the number of the attempt, how the last one ended, and the delay.
#[derive(Default)]
struct Restarts(Mutex<Vec<(u64, String, Duration)>>);

impl Observer for Restarts {
    fn task_restarted(&self, task: &TaskRef, restart: &Restart<'_>) {
        assert_eq!((task.path().as_str(), task.attempts() + 1), ("feed", restart.attempt()));
        let last = restart.last().to_string();
        self.0.lock().unwrap().push((restart.attempt(), last, restart.delay()));
    }
}

/// Each restart is told of once, with its number, whatever another observer does then.
pub fn hear_of_each_restart<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (restarts, panics) = (Arc::<Restarts>::default(), Arc::<Panics>::default());
    let policy = RestartPolicy::default().backoff(SHORT, SHORT).jitter(0.0);
    let report = Lifespan::on(owner)
        .observer(Arc::clone(&panics))
        .observer(Arc::clone(&restarts))
        .service_with(
            "feed",
            |it| it.on_failure(policy).on_exit(OnEnd::Shutdown),
            async |cx| match cx.this_task().unwrap().attempts() {
                1 => Err("refused"),
                2 => panic!("the second attempt panics"),
                _ => Ok(()),
            },
        )
        .run();
    assert_eq!(report.exit_code(), 0, "{report}");
    let heard = std::mem::take(&mut *restarts.0.lock().unwrap());
    let panicked = String::from("panicked: the second attempt panics");
    assert_eq!(heard, [(2, String::from("failed: refused"), SHORT), (3, panicked, SHORT)]);
    assert_eq!(panics.0.lock().unwrap()["a restart"], 2);
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
    assert_eq!(counts.told(), [Told { stopped: 1, late: 1, ..SPAWNED_AND_ENDED }]);
}

/// Of a scope that is asked to stop, and closed then, all hear once, and the late one is late once.
pub fn hear_of_the_stop_of_a_scope<O: LoopOwner<Handle: Timer>>(owner: O) {
    let counts = Arc::<Counts>::default();
    let report = Lifespan::on(owner)
        .observer(Arc::clone(&counts))
        .serve(async |cx| {
            let scope = cx.scope("scope").grace(SHORT).open().unwrap();
            let polite = scope.spawn(async |cx| cx.shutdown().wait().await).unwrap();
            scope.task("late").spawn(async |_cx| pending::<()>().await).unwrap().detach();
            scope.stop();
            polite.await.unwrap();
            assert_eq!(scope.close(&cx).await.cancelled.len(), 1);
            let deaf = cx.spawn(async |_cx| pending::<()>().await);
            assert!(deaf.stop_within(&cx, SHORT).await.was_cancelled());
        })
        .run();
    assert!(report.is_clean(), "{report}");
    let in_time = Told { stopped: 1, ..SPAWNED_AND_ENDED };
    let late = Told { late: 1, ..in_time };
    let told = counts.told();
    assert_eq!(told.len(), 4, "the scope and three tasks: {told:?}");
    assert_eq!(told.iter().filter(|told| **told == in_time).count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|told| **told == late).count(), 2, "{told:?}");
}

/// The phases are told in their order.
pub fn hear_of_the_phases<O: LoopOwner<Handle: Timer>>(owner: O) {
    let counts = Arc::<Counts>::default();
    let report = Lifespan::on(owner).observer(Arc::clone(&counts)).serve(async |_cx| ()).run();
    assert!(report.is_clean(), "{report}");
    let all = [Phase::Starting, Phase::Serving, Phase::Stopping, Phase::Stopped];
    assert_eq!(counts.phases.lock().unwrap()[..], all);
}

/// Panics whenever it is told something, and counts of what.
#[derive(Default)]
struct Panics(Mutex<BTreeMap<&'static str, usize>>);

impl Panics {
    fn panic(&self, of: &'static str) -> ! {
        *self.0.lock().unwrap().entry(of).or_default() += 1;
        panic!("an observer, of {of}");
    }
}

impl Observer for Panics {
    fn phase_changed(&self, _phase: Phase) {
        self.panic("a phase");
    }

    fn task_spawned(&self, _task: &TaskRef) {
        self.panic("a spawn");
    }

    fn task_stopped(&self, _task: &TaskRef) {
        self.panic("a stop");
    }

    fn task_late(&self, _task: &TaskRef, _late: &Late) {
        self.panic("who is late");
    }

    fn task_restarted(&self, _task: &TaskRef, _restart: &Restart<'_>) {
        self.panic("a restart");
    }

    fn task_ended(&self, _task: &TaskRef, _end: &TaskEnd<'_>) {
        self.panic("an end");
    }

    fn task_failed(&self, _task: &TaskRef, _outcome: &Outcome) {
        self.panic("a failure");
    }
}

/// A panic in any method of an observer reaches no task, nor the loop, nor the other observers.
pub fn that_panic_harm_nobody<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (counts, panics) = (Arc::<Counts>::default(), Arc::<Panics>::default());
    let report = Lifespan::on(owner)
        .observer(Arc::clone(&panics))
        .observer(Arc::clone(&counts))
        .grace(NEVER)
        .deadline(NEVER)
        .serve(async |cx| {
            spawn_one_of_each_kind(&cx).await;
            assert_eq!(cx.tasks().len(), 3, "those that live until the stop");
        })
        .run();
    // They are told one after the other, so each of both has heard of everything.
    let wanted = [
        ("a failure", 1),
        ("a phase", 4),
        ("a restart", 1),
        ("a spawn", 7),
        ("a stop", 4),
        ("an end", 7),
        ("who is late", 1),
    ];
    assert_eq!(*panics.0.lock().unwrap(), BTreeMap::from(wanted));
    let stopped = Told { stopped: 1, ..SPAWNED_AND_ENDED };
    let wanted = [
        SPAWNED_AND_ENDED,
        SPAWNED_AND_ENDED,
        Told { failed: 1, ..SPAWNED_AND_ENDED },
        stopped.clone(),
        stopped.clone(),
        Told { restarted: 1, ..stopped.clone() },
        Told { late: 1, ..stopped },
    ];
    assert_eq!(counts.told(), wanted);
    assert_eq!(counts.phases.lock().unwrap().len(), 4);
    // One has failed, and another's grace was over.
    assert!(report.task("failed").is_some_and(|task| !task.overran), "{report}");
    assert!(report.task("stubborn").is_some_and(|task| task.overran), "{report}");
    assert_eq!(report.exit_code(), 4, "{report}");
}

/// They are as the caller needs them: ended, or begun.
async fn spawn_one_of_each_kind<L: Timer>(cx: &Cx<'_, L>) {
    let polite = async |cx: Cx<'_, L>| cx.shutdown().wait().await;
    assert_eq!(cx.spawn(async |_cx| 7).await.unwrap(), 7);
    cx.spawn(async |_cx| pending::<()>().await).cancel().await;
    let failed = cx.task("failed").spawn(async |_cx| Err::<(), _>("in vain")).unwrap();
    let ended = failed.task_ref().finished();
    failed.detach();
    ended.await;
    let stopped = cx.task("stopped").spawn(polite).unwrap();
    stopped.stop();
    stopped.await.unwrap();
    cx.task("polite").spawn(polite).unwrap().detach();
    let begun = Moment::default();
    let at_begin = begun.clone();
    let policy = RestartPolicy::default().backoff(SHORT, SHORT);
    let service = cx.service("service").on_failure(policy).spawn(async move |cx| {
        if cx.this_task().is_some_and(|task| task.attempts() == 1) {
            return Err("the first attempt");
        }
        at_begin.come();
        cx.shutdown().wait().await;
        Ok(())
    });
    service.unwrap().detach();
    begun.wait().await;
    let stubborn = cx.task("stubborn").grace(SHORT);
    stubborn.spawn(async |_cx| pending::<()>().await).unwrap().detach();
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
