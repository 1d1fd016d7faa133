//! Observers: what they hear, how often, and that nothing they do harms anybody.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifespan_core::{
    Late, Lifespan, Limit, Observer, Outcome, Phase, Reason, Spawner, TaskEnd, TaskRef, Workers,
};

use crate::by_hand::{ByHand, Hand, next_round, run};
use crate::woken::{call, panic_twice, poll};

/// Writes down what it hears, and of whom.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, what: &str, task: &TaskRef) {
        let name = task.name().map_or_else(|| String::from("-"), |name| name.to_string());
        self.0.lock().unwrap().push(format!("{what} {name}"));
    }

    fn of(&self, what: &str) -> Vec<String> {
        let all = self.take_a_look();
        all.into_iter().filter(|heard| heard.starts_with(what)).collect()
    }

    fn take_a_look(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Heard {
    fn phase_changed(&self, phase: Phase) {
        self.0.lock().unwrap().push(format!("phase {phase}"));
    }

    fn task_spawned(&self, task: &TaskRef) {
        assert!(!task.is_finished());
        self.note("spawned", task);
    }

    fn task_stopped(&self, task: &TaskRef) {
        self.note("stopped", task);
    }

    fn task_late(&self, task: &TaskRef, late: &Late) {
        self.note(&format!("late after {:?}, {}:", late.waited(), late.limit()), task);
    }

    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>) {
        assert!(task.is_finished() && task.outcome().is_some());
        let by = if end.is_heard() { "heard" } else { "unheard" };
        self.note(&format!("ended, {}, {by}:", end.outcome()), task);
    }

    fn task_failed(&self, task: &TaskRef, outcome: &Outcome) {
        self.note(&format!("{outcome}:"), task);
    }
}

fn observed() -> (Arc<Heard>, Lifespan<ByHand>) {
    let heard = Arc::<Heard>::default();
    let lifespan = Lifespan::on(ByHand::new()).observer(Arc::clone(&heard));
    (heard, lifespan)
}

async fn fail(why: &'static str) -> Result<(), &'static str> {
    next_round().await;
    Err(why)
}

#[test]
fn it_hears_of_a_task_from_its_spawn_to_its_end() {
    let (heard, lifespan) = observed();
    let _ = run(lifespan.serve(async |cx| {
        let task = cx.task("one").spawn(async |_cx| next_round().await).unwrap();
        task.await.unwrap();
        cx.task("two").spawn(async |_cx| ()).unwrap().detach();
    }));
    let two = ["spawned two", "stopped two", "ended, completed, unheard: two"];
    let one = ["spawned one", "ended, completed, heard: one"];
    let tasks = heard.take_a_look().into_iter().filter(|heard| !heard.starts_with("phase"));
    assert_eq!(tasks.collect::<Vec<_>>(), [&one[..], &two[..]].concat());
}

#[test]
fn it_hears_of_every_phase_and_of_tasks_between_them() {
    let (heard, lifespan) = observed();
    let _ = run(lifespan
        .drain(Duration::from_secs(1))
        .task("one", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| {
            next_round().await;
            cx.trigger().set(Reason::Requested).unwrap();
            cx.shutdown().wait().await;
        }));
    let starts = ["phase starting", "spawned one", "phase serving", "phase draining"];
    let stops = ["phase stopping", "stopped one", "ended, completed, unheard: one"];
    assert_eq!(heard.take_a_look(), [&starts[..], &stops[..], &["phase stopped"]].concat());
}

#[test]
fn a_start_that_fails_does_not_serve() {
    let (heard, lifespan) = observed();
    let _ = run(lifespan.startup("db", async |_cx| Err::<(), _>("no db")));
    assert_eq!(heard.take_a_look(), ["phase starting", "phase stopping", "phase stopped"]);
}

#[test]
fn it_hears_of_the_tasks_of_components_and_of_blocking_closures() {
    let (heard, lifespan) = observed();
    let _ = run(lifespan
        .startup("db", async |cx| {
            cx.task("poller").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        })
        .serve(async |cx| {
            let closure = cx.task("closure").spawn_blocking(|_stop| ()).unwrap();
            closure.await.unwrap();
        }));
    assert_eq!(heard.of("spawned"), ["spawned poller", "spawned closure"]);
    assert_eq!(heard.of("stopped"), ["stopped poller"]);
    assert_eq!(heard.of("ended").len(), 2);
}

#[test]
fn a_failure_that_nobody_awaits_is_told_once_when_it_happens() {
    let (heard, lifespan) = observed();
    let again = Arc::clone(&heard);
    let report = lifespan
        .serve(async move |cx| {
            let dropped = cx.task("dropped").spawn(async |_cx| fail("before").await).unwrap();
            let ended = dropped.task_ref().clone();
            drop(dropped);
            ended.finished().await;
            assert_eq!(again.of("failed"), ["failed: before: dropped"]);

            let kept = cx.task("kept").spawn(async |_cx| fail("after").await).unwrap();
            kept.task_ref().finished().await;
            assert_eq!(again.of("failed").len(), 1, "its handle may be awaited yet");
            drop(kept);
            assert_eq!(again.of("failed")[1..], ["failed: after: kept"]);

            let awaited = cx.task("awaited").spawn(async |_cx| fail("heard").await).unwrap();
            assert!(awaited.await.is_err());
        })
        .run();
    assert_eq!(heard.of("failed").len(), 2, "{:?}", heard.take_a_look());
    assert_eq!(report.tasks.iter().filter(|task| task.unheard).count(), 2, "and reported once");
    assert_eq!(heard.of("ended").len(), 3);
}

#[test]
fn a_stop_is_told_once_of_each_task() {
    let (heard, lifespan) = observed();
    let _ = run(lifespan
        .task("by itself", async |cx| {
            cx.this_task().unwrap().stop();
            cx.this_task().unwrap().stop();
        })
        .task("by name", async |cx| cx.shutdown().wait().await)
        .task("by the stop", async |cx| {
            cx.shutdown().wait().await;
            cx.this_task().unwrap().stop();
        })
        .serve(async |cx| {
            let task = cx.tasks().stop("by name").unwrap();
            task.finished().await;
            task.stop();
        }));
    let expected = ["stopped by name", "stopped by itself", "stopped by the stop"];
    assert_eq!(heard.of("stopped"), expected);
}

#[test]
fn a_late_task_is_told_of_with_what_was_over() {
    let (heard, lifespan) = observed();
    let report = lifespan
        .grace(Duration::from_secs(2))
        .deadline(Duration::from_secs(5))
        .serve(async |cx| {
            let stubborn = cx.task("stubborn").spawn(async |_cx| pending::<()>().await);
            stubborn.unwrap().detach();
            let protected = cx.task("protected").grace(Duration::from_secs(3));
            let body = async |cx: lifespan_core::Cx<'_, _>| cx.protect(pending::<()>()).await;
            protected.spawn(body).unwrap().detach();
            let long = cx.task("long").grace(Duration::from_secs(60));
            long.spawn(async |_cx| pending::<()>().await).unwrap().detach();
            next_round().await;
        })
        .run();
    assert!(!report.is_clean());
    let late = heard.of("late");
    assert_eq!(late.len(), 3, "{late:?}");
    assert!(late[0].ends_with("its grace was over: stubborn") && late[0].contains("after 2"));
    assert!(late[1].ends_with("its grace was over: protected") && late[1].contains("after 3"));
    assert!(late[2].ends_with("the deadline was over: long") && late[2].contains("after 5"));
    assert_eq!(heard.of("ended, cancelled").len(), 3);
}

#[test]
fn who_is_late_for_the_close_of_a_scope_is_told_of() {
    let (heard, lifespan) = observed();
    let again = Arc::clone(&heard);
    let _ = run(lifespan.serve(async move |cx| {
        let scope = cx.scope("feed").grace(Duration::from_secs(2)).deadline(Duration::from_secs(3));
        let scope = scope.open().unwrap();
        let inner = scope.scope("inner").open().unwrap();
        inner.task("stubborn").spawn(async |_cx| pending::<()>().await).unwrap().detach();
        let body = async |cx: lifespan_core::Cx<'_, _>| cx.protect(pending::<()>()).await;
        let protected = scope.task("protected").grace(Duration::from_secs(60));
        protected.spawn(body).unwrap().detach();
        scope.task("polite").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        let report = scope.close(&cx).await;
        assert!(!report.is_clean(), "{report}");
        let late = again.of("late");
        assert_eq!(late.len(), 2, "{late:?}");
        assert!(late[0].starts_with("late after 2") && late[0].ends_with("over: stubborn"));
        assert!(late[1].starts_with("late after 3") && late[1].ends_with("over: protected"));
        assert!(late[0].contains("its grace") && late[1].contains("the deadline"), "{late:?}");
    }));
    assert_eq!(heard.of("late").len(), 2, "once of each");
}

#[test]
fn who_does_not_end_within_its_time_is_told_of() {
    let (heard, lifespan) = observed();
    let again = Arc::clone(&heard);
    let _ = run(lifespan.serve(async move |cx| {
        let second = Duration::from_secs(1);
        let stubborn = cx.task("stubborn").spawn(async |_cx| pending::<()>().await).unwrap();
        assert!(stubborn.stop_within(&cx, second).await.was_cancelled());
        assert!(stubborn.stop_within(&cx, second).await.outcome().to_string() == "cancelled");
        let polite = cx.task("polite").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        assert!(!polite.stop_within(&cx, second).await.was_cancelled());
        let scope = cx.scope("feed").open().unwrap();
        scope.task("inside").spawn(async |_cx| pending::<()>().await).unwrap().detach();
        assert!(scope.task_ref().stop_within(&cx, second).await.was_cancelled());
        let late = again.of("late");
        assert_eq!(late.len(), 2, "{late:?}");
        assert!(late[0].starts_with("late after 1") && late[0].ends_with("over: stubborn"));
        assert!(late[1].starts_with("late after 1") && late[1].ends_with("over: inside"));
    }));
    assert_eq!(heard.of("late").len(), 2);
}

#[test]
fn the_stop_of_a_scope_is_told_of_all_in_it_before_they_know() {
    let (heard, lifespan) = observed();
    let again = Arc::clone(&heard);
    let _ = run(lifespan.serve(async move |cx| {
        let scope = cx.scope("feed").open().unwrap();
        let inner = scope.scope("inner").open().unwrap();
        let told = Arc::clone(&again);
        let polite = inner.task("polite").spawn(async move |cx| {
            cx.shutdown().wait().await;
            assert_eq!(told.of("stopped").len(), 3);
        });
        next_round().await;
        scope.stop();
        polite.unwrap().await.unwrap();
        assert_eq!(again.of("stopped"), ["stopped feed", "stopped inner", "stopped polite"]);
        let _ = scope.close(&cx).await;
    }));
    assert_eq!(heard.of("stopped").len(), 3, "once of each");
}

#[test]
fn a_failure_that_stops_its_scope_is_told_as_one() {
    let (heard, lifespan) = observed();
    let _ = run(lifespan.serve(async move |cx| {
        let scope = cx.scope("group").fail_fast().open().unwrap();
        scope.task("other").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        scope.task("bad").spawn(async |_cx| fail("first").await).unwrap().detach();
        let _ = scope.finish(&cx).await;
    }));
    assert_eq!(heard.of("stopped"), ["stopped group", "stopped other"], "not who failed");
}

#[test]
fn it_hears_of_scopes_and_of_what_is_in_them() {
    let (heard, lifespan) = observed();
    let report = run(lifespan.serve(async |cx| {
        let scope = cx.scope("feed").open().unwrap();
        scope.task("in").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        assert!(scope.close(&cx).await.is_clean());
        let other = cx.scope("other").open().unwrap();
        other.task("left").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        other.detach();
    }));
    assert!(report.is_clean(), "{report}");
    assert_eq!(
        heard.of("spawned"),
        ["spawned feed", "spawned in", "spawned other", "spawned left"]
    );
    let mut stopped = heard.of("stopped");
    stopped.sort();
    assert_eq!(stopped, ["stopped feed", "stopped in", "stopped left", "stopped other"]);
    assert_eq!(heard.of("ended, completed").len(), 4);
}

#[test]
fn a_failure_in_a_fail_fast_scope_is_told_once_when_it_happens() {
    let (heard, lifespan) = observed();
    let again = Arc::clone(&heard);
    let _ = run(lifespan.serve(async move |cx| {
        let scope = cx.scope("group").fail_fast().open().unwrap();
        scope.task("bad").spawn(async |_cx| fail("first").await).unwrap().detach();
        scope.task("other").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        let report = scope.finish(&cx).await;
        assert_eq!(report.failures.len(), 1);
        assert_eq!(again.of("failed"), ["failed: first: bad"]);
    }));
    assert_eq!(heard.of("failed").len(), 1);
}

/// Panics in all that it is told.
struct Panics;

impl Observer for Panics {
    fn task_spawned(&self, _task: &TaskRef) {
        panic!("of a spawn");
    }

    fn task_stopped(&self, _task: &TaskRef) {
        panic_twice();
    }

    fn task_late(&self, _task: &TaskRef, _late: &Late) {
        panic!("of a late one");
    }

    fn task_ended(&self, _task: &TaskRef, _end: &TaskEnd<'_>) {
        panic_twice();
    }

    fn task_failed(&self, _task: &TaskRef, _outcome: &Outcome) {
        panic!("of a failure");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("in its destructor");
    }
}

#[test]
fn a_panic_in_an_observer_harms_nobody_and_no_other_observer() {
    let heard = Arc::<Heard>::default();
    let lifespan = Lifespan::on(ByHand::new()).observer(Panics).observer(Arc::clone(&heard));
    let report = lifespan
        .grace(Duration::from_secs(1))
        .task("fails", async |_cx| fail("a reason").await)
        .task("stubborn", async |_cx| pending::<()>().await)
        .task("good", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| {
            let seven = cx.spawn(async |_cx| 7).await;
            assert_eq!(seven.unwrap(), 7);
        })
        .run();
    assert!(matches!(report.serve, Some(Outcome::Completed)), "{report}");
    assert!(report.stragglers.is_empty());
    assert_eq!(heard.of("spawned").len(), 4);
    assert_eq!(heard.of("ended").len(), 4);
    assert_eq!(heard.of("failed").len(), 1);
    assert_eq!(heard.of("late").len(), 1);
}

/// Uses the registry from inside.
#[derive(Default)]
struct Reenters(Mutex<Option<Spawner<Hand>>>);

impl Reenters {
    fn spawner(&self) -> Option<Spawner<Hand>> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Reenters {
    fn task_spawned(&self, task: &TaskRef) {
        let Some(spawner) = self.spawner() else { return };
        assert!(spawner.tasks().iter().any(|other| other.id() == task.id()));
        if task.name().is_some_and(|name| name.as_str() == "unwanted") {
            drop(task.cancel());
        }
    }

    fn task_stopped(&self, task: &TaskRef) {
        task.stop();
    }

    fn task_ended(&self, task: &TaskRef, end: &TaskEnd<'_>) {
        let Some(spawner) = self.spawner() else { return };
        let Some(name) = task.name() else { return };
        assert!(spawner.tasks().get(name.as_str()).is_none(), "the name is free");
        assert!(matches!(end.outcome(), Outcome::Completed | Outcome::Cancelled));
        if name.as_str() == "first" {
            spawner.task("second").spawn(async |_cx| ()).unwrap().detach();
        }
    }
}

#[test]
fn an_observer_may_look_up_cancel_and_spawn() {
    let (heard, reenters) = (Arc::<Heard>::default(), Arc::<Reenters>::default());
    let inside = Arc::clone(&reenters);
    let lifespan = Lifespan::on(ByHand::new()).observer(reenters).observer(Arc::clone(&heard));
    let _ = run(lifespan.serve(async move |cx| {
        *inside.0.lock().unwrap() = Some(cx.spawner());
        let unwanted = cx.task("unwanted").spawn(async |_cx| unreachable!()).unwrap();
        assert!(unwanted.await.is_err());
        cx.task("first").spawn(async |_cx| ()).unwrap().await.unwrap();
        assert!(cx.tasks().contains("second"), "spawned before those who wait go on");
        cx.tasks().get("second").unwrap().finished().await;
        cx.task("to stop").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        next_round().await;
        *inside.0.lock().unwrap() = None;
    }));
    assert_eq!(heard.of("ended, completed").len(), 3);
    assert_eq!(heard.of("ended, cancelled").len(), 1);
}

#[test]
fn all_is_told_when_the_lifespan_has_ended() {
    let (heard, lifespan) = observed();
    let lifespan = lifespan.startup("spawns", async |cx| {
        for _ in 0..100 {
            cx.spawn(async |cx| cx.shutdown().wait().await).detach();
        }
    });
    let _ = run(lifespan.serve(async |_cx| ()));
    assert_eq!(heard.of("spawned").len(), 100);
    assert_eq!(heard.of("stopped").len(), 100);
    assert_eq!(heard.of("ended").len(), 100);
}

#[test]
fn it_hears_of_an_end_before_who_waits_for_that() {
    let (heard, lifespan) = observed();
    let by_waker = Arc::clone(&heard);
    let _ = run(lifespan.serve(async move |cx| {
        let task = cx.task("job").spawn(async |_cx| next_round().await).unwrap();
        let mut ended = task.task_ref().finished();
        let waker = call(move || by_waker.0.lock().unwrap().push(String::from("woken")));
        assert!(poll(&mut ended, &waker).is_pending());
        task.await
    }));
    let order = heard.take_a_look();
    let order = order.iter().filter(|line| line.starts_with("ended") || *line == "woken");
    assert_eq!(order.collect::<Vec<_>>(), ["ended, completed, heard: job", "woken"]);
}

#[test]
fn the_observers_of_all_workers_hear_of_each() {
    let (all, own) = (Arc::<Heard>::default(), Arc::<Heard>::default());
    let of_one = Arc::clone(&own);
    let report = Workers::new(3, move |worker| {
        let lifespan = Lifespan::on(ByHand::new());
        if worker.index() == 0 {
            // Its end is that of all.
            return lifespan.task("job", async |_cx| ()).observer(Arc::clone(&of_one)).until_idle();
        }
        lifespan.task("job", async |cx| {
            while !cx.shutdown().is_set() {
                next_round().await;
            }
        })
    })
    .observer(Arc::clone(&all))
    .run();
    assert!(report.is_clean(), "{report}");
    assert!(!own.of("spawned").is_empty());
    assert_eq!(all.of("spawned").len(), all.of("ended").len());
    assert!(all.of("spawned").len() >= own.of("spawned").len());
}

struct Everything;
impl Observer for Everything {}

#[test]
fn an_observer_writes_only_what_it_wants() {
    let boxed: Arc<dyn Observer> = Arc::new(Everything);
    let _ = run(Lifespan::on(ByHand::new()).observer(boxed).serve(async |cx| {
        cx.spawn(async |_cx| ()).await.unwrap();
    }));
    assert_eq!(Limit::Withdrawn.to_string(), "the stop was told to wait no more");
}
