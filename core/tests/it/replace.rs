//! Replacing a task: the old one goes first, one lives at the end, and nobody takes the name between.

use std::future::{Pending, pending};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use lifespan_core::{Lifespan, Observer, Outcome, SpawnError, TaskRef, TaskState, Tracked};

use crate::by_hand::{ByHand, next_round, run, serve, serve_with};
use crate::outcomes::Gone;

#[test]
fn the_new_body_begins_when_the_old_one_is_gone() {
    let report = serve(async |cx| {
        let gone = Gone::default();
        let guard = gone.guard();
        let old = cx.task("feed").spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        let old = old.unwrap();
        next_round().await;
        let new = cx.task("feed").replace(async move |_cx| gone.is_gone()).unwrap().await;
        assert!(matches!(old.task_ref().outcome(), Some(Outcome::Cancelled)));
        assert!(new.await.unwrap());
        assert!(cx.tasks().is_empty());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn where_nobody_has_the_name_it_is_a_spawn() {
    let _ = serve(async |cx| {
        let new = cx.task("feed").replace(async |_cx| 3).unwrap();
        assert!(new.old().is_none());
        assert_eq!(new.await.await.unwrap(), 3);
    });
}

#[test]
fn while_the_old_one_protects_itself_the_new_one_is_queued() {
    let _ = serve(async |cx| {
        let open = lifespan_core::ShutdownEvent::new();
        let gate = open.clone();
        let old = cx.task("feed").spawn(async move |cx| cx.protect(gate.wait()).await).unwrap();
        next_round().await;
        let mut new = cx.task("feed").replace(async |cx| cx.shutdown().wait().await).unwrap();
        assert_eq!(new.old().unwrap().id(), old.task_ref().id());
        next_round().await;
        assert_eq!(cx.tasks().len(), 2, "both live");
        let found = cx.tasks().get("feed").unwrap();
        assert_eq!((found.id(), found.state()), (old.task_ref().id(), TaskState::Cancelling));
        let queued = cx.tasks().iter().last().unwrap();
        assert_eq!((queued.path(), queued.state()), (String::from("feed"), TaskState::Queued));
        assert!(cx.task("feed").spawn(async |_cx| ()).is_err(), "the name is taken");
        open.trigger().set("open").unwrap();
        let new = (&mut new).await;
        assert_eq!(cx.tasks().get("feed").unwrap().id(), new.task_ref().id());
        assert_eq!(new.task_ref().state(), TaskState::Running);
        new.stop();
        assert_eq!(new.task_ref().state(), TaskState::Stopping);
        new.await.unwrap();
    });
}

#[test]
fn who_stops_waiting_loses_nothing() {
    let _ = serve(async |cx| {
        let _old = cx.task("feed").spawn(async |_cx| pending::<()>().await).unwrap();
        next_round().await;
        let has_run = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&has_run);
        drop(cx.task("feed").replace(async move |_cx| {
            counts.fetch_add(1, Ordering::Relaxed);
        }));
        while !cx.tasks().is_empty() {
            next_round().await;
        }
        assert_eq!(has_run.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn of_several_the_last_one_lives_and_who_had_not_begun_never_does() {
    let _ = serve(async |cx| {
        let begun = Arc::new(Mutex::new(Vec::new()));
        let _old = cx.task("feed").spawn(async |_cx| pending::<()>().await).unwrap();
        next_round().await;
        let replaces = (0..5).map(|number| {
            let begun = Arc::clone(&begun);
            let body = async move |cx: lifespan_core::Cx<'_, _>| {
                begun.lock().unwrap().push(number);
                cx.shutdown().wait().await;
            };
            cx.task("feed").replace(body).unwrap()
        });
        let replaces = replaces.collect::<Vec<_>>();
        let mut tasks = Vec::new();
        for replace in replaces {
            tasks.push(replace.await);
        }
        next_round().await;
        assert_eq!(*begun.lock().unwrap(), [4]);
        let last = tasks.pop().unwrap();
        for task in tasks {
            assert!(matches!(task.task_ref().finished().await, Outcome::Cancelled));
        }
        assert_eq!(cx.tasks().get("feed").unwrap().id(), last.task_ref().id());
        assert_eq!(cx.tasks().len(), 1);
    });
}

/// Drops the task that it has when it hears of another one.
#[derive(Default)]
struct LetsGo(Mutex<Option<Tracked<Pending<()>>>>);

impl Observer for LetsGo {
    fn task_spawned(&self, _task: &TaskRef) {
        let held = self.0.lock().unwrap().take();
        drop(held);
    }
}

/// The old one ends in the moment between the coming of the new one and its own cancel.
#[test]
fn the_name_goes_to_nobody_who_came_before_the_last() {
    let lets_go = Arc::<LetsGo>::default();
    let lifespan = Lifespan::on(ByHand::new()).observer(Arc::clone(&lets_go));
    let _ = run(lifespan.serve(async move |cx| {
        let old = cx.task("feed").track(pending::<()>()).unwrap();
        let first = cx.task("feed").replace(async |_cx| unreachable!("it never begins")).unwrap();
        *lets_go.0.lock().unwrap() = Some(old);
        let last = cx.task("feed").replace(async |cx| cx.shutdown().wait().await).unwrap();
        let last = last.await;
        assert_eq!(cx.tasks().get("feed").unwrap().id(), last.task_ref().id());
        assert_ne!(last.task_ref().state(), TaskState::Queued);
        assert!(matches!(first.await.task_ref().finished().await, Outcome::Cancelled));
        last.stop();
        last.await.unwrap();
    }));
}

#[test]
fn of_64_threads_that_replace_one_name_exactly_one_lives() {
    let _ = serve(async |cx| {
        let barrier = Arc::new(Barrier::new(64));
        let live = Arc::new(AtomicU32::new(0));
        let threads = (0..64).map(|_| {
            let (spawner, barrier, live) = (cx.spawner(), Arc::clone(&barrier), Arc::clone(&live));
            thread::spawn(move || {
                barrier.wait();
                let body = async move |_cx: lifespan_core::Cx<'_, _>| {
                    let lives = Lives::of(&live);
                    pending::<()>().await;
                    drop(lives);
                };
                drop(spawner.task("one").replace(body).unwrap());
            })
        });
        threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
        while cx.tasks().len() > 1 {
            next_round().await;
        }
        next_round().await;
        assert_eq!(live.load(Ordering::Relaxed), 1);
        assert_eq!(cx.tasks().get("one").unwrap().state(), TaskState::Running);
    });
}

/// Counts who lives, and says so when two do.
struct Lives(Arc<AtomicU32>);

impl Lives {
    fn of(count: &Arc<AtomicU32>) -> Self {
        assert_eq!(count.fetch_add(1, Ordering::Relaxed), 0, "two live at once");
        Self(Arc::clone(count))
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_queued_one_that_is_cancelled_never_begins_and_the_name_is_free() {
    let _ = serve(async |cx| {
        let open = lifespan_core::ShutdownEvent::new();
        let gate = open.clone();
        let _old = cx.task("feed").spawn(async move |cx| cx.protect(gate.wait()).await).unwrap();
        next_round().await;
        let gone = Gone::default();
        let guard = gone.guard();
        drop(cx.task("feed").replace(async move |_cx| {
            let _guard = guard;
            unreachable!("it never begins")
        }));
        let queued = cx.tasks().iter().last().unwrap();
        assert!(matches!(queued.cancel().await, Outcome::Cancelled));
        assert!(gone.is_gone());
        assert!(cx.tasks().contains("feed"), "the old one still has the name");
        open.trigger().set("open").unwrap();
        while !cx.tasks().is_empty() {
            next_round().await;
        }
        cx.task("feed").spawn(async |_cx| ()).unwrap().await.unwrap();
    });
}

#[test]
fn a_task_may_replace_itself() {
    let _ = serve(async |cx| {
        let first = cx.task("feed").spawn(async |cx| {
            drop(cx.task("feed").replace(async |_cx| 2).unwrap().await);
            unreachable!("it ends at its next await")
        });
        let first = first.unwrap();
        assert!(matches!(first.task_ref().finished().await, Outcome::Cancelled));
        let second = cx.tasks().get("feed").unwrap();
        assert!(matches!(second.finished().await, Outcome::Completed));
    });
}

#[test]
fn an_empty_name_is_refused_and_a_loop_that_ends_settles_who_waits() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let refused = cx.task("").replace(async |_cx| ());
            assert!(matches!(refused, Err(SpawnError::EmptyName { .. })));
            let old = cx.task("feed").spawn(async |_cx| pending::<()>().await).unwrap();
            next_round().await;
            let new = cx.task("feed").replace(async |_cx| ()).unwrap();
            hand.drop_tasks();
            let new = new.await;
            assert!(matches!(new.task_ref().finished().await, Outcome::LoopClosed));
            assert!(!old.task_ref().outcome().unwrap().is_failure() && cx.tasks().is_empty());
        }
    });
}

#[test]
fn a_replaced_task_keeps_the_grace_and_event_of_its_scope() {
    let report = serve(async |cx| {
        let open = lifespan_core::ShutdownEvent::new();
        let gate = open.clone();
        let _old = cx.task("feed").spawn(async move |cx| cx.protect(gate.wait()).await).unwrap();
        next_round().await;
        let body = async |cx: lifespan_core::Cx<'_, _>| cx.shutdown().wait().await;
        drop(cx.task("feed").replace(body).unwrap());
        cx.trigger().set("stop").unwrap();
        cx.shutdown().wait().await;
        open.trigger().set("open").unwrap();
    });
    assert!(report.is_clean(), "a stop lets the new one have its turn: {report}");
}
