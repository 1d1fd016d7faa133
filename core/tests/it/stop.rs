//! Stopping: grace, cancel, deadline; and the exit status that tells which it came to.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use lifespan_core::{
    AwaitedKind, Cx, HandlerOutcome, Lifespan, Outcome, Reason, Spawner, TaskError,
};

use crate::by_hand::{ByHand, Hand, next_round, run, serve};
use crate::outcomes::Gone;
use crate::woken::poll;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_task_that_ends_by_itself_within_its_grace_is_clean() {
    let report = serve(async |cx| {
        let task = cx.task("polite").spawn(async |cx| {
            cx.shutdown().wait().await;
            cx.sleep(9 * SECOND).await;
        });
        task.unwrap().detach();
    });
    assert!(report.is_clean(), "{report}");
    let task = report.task("polite").unwrap();
    assert!(matches!(task.outcome, Some(Outcome::Completed)) && !task.overran);
    assert_eq!(report.phases.stopping.as_secs(), 9, "a drain ends when it is empty");
}

#[test]
fn a_task_that_overruns_its_grace_is_cancelled_and_told() {
    let before = line!();
    let report = serve(async |cx| {
        let task = cx.task("deaf").spawn(async |_cx| pending::<()>().await);
        task.unwrap().detach();
        cx.sleep(SECOND).await;
    });
    let task = report.task("deaf").unwrap();
    assert!(matches!(task.outcome, Some(Outcome::Cancelled)) && task.overran);
    assert_eq!(task.age.as_secs(), 11, "a second of service, ten of grace");
    assert_eq!((task.spawned_at.file(), task.spawned_at.line()), (file!(), before + 2));
    assert_eq!((report.exit_code(), report.is_clean()), (6, false));
    assert!(report.to_string().contains("because its grace was over"), "{report}");
}

#[test]
fn an_unnamed_task_that_overruns_is_told_too() {
    let report = serve(async |cx| cx.spawn(async |_cx| pending::<()>().await).detach());
    let [task] = &report.tasks[..] else { panic!("{report}") };
    assert!(task.overran && task.path == task.id.to_string());
}

#[test]
fn a_task_has_the_grace_that_it_was_given() {
    let report = serve(async |cx| {
        let task = cx.task("short").grace(2 * SECOND).spawn(async |_cx| pending::<()>().await);
        task.unwrap().detach();
    });
    assert_eq!(report.task("short").unwrap().age.as_secs(), 2);
}

#[test]
fn a_task_that_is_to_be_cut_on_stop_is_clean_and_costs_no_time() {
    let gone = Gone::default();
    let guard = gone.guard();
    let report = serve(async move |cx| {
        let task = cx.task("cut").cancel_on_stop().spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        task.unwrap().detach();
    });
    assert!(gone.is_gone() && report.is_clean(), "{report}");
    let task = report.task("cut").unwrap();
    assert!(matches!(task.outcome, Some(Outcome::Cancelled)) && !task.overran);
    assert_eq!(report.phases.stopping.as_secs(), 0);
}

#[test]
fn a_task_spawned_while_stopping_is_born_stopped_and_awaited() {
    let ended = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&ended);
    let report = serve(async move |cx| {
        let first = cx.spawn(async move |cx| {
            cx.shutdown().wait().await;
            cx.spawn(async move |cx| {
                assert!(cx.shutdown().is_set());
                cx.sleep(SECOND).await;
                inner.fetch_add(1, Ordering::SeqCst);
            })
            .detach();
        });
        first.detach();
    });
    assert!(report.is_clean(), "{report}");
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

fn spawn_for_ever(scope: &Spawner<Hand>, count: Arc<AtomicUsize>) {
    let inner = scope.clone();
    let spawned = scope.spawn(async move |_cx| {
        count.fetch_add(1, Ordering::SeqCst);
        spawn_for_ever(&inner, count);
    });
    if let Ok(task) = spawned {
        task.detach();
    }
}

#[test]
fn tasks_that_spawn_for_ever_while_stopping_end_with_the_deadline() {
    let count = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&count);
    let deadline = Duration::from_millis(20);
    let lifespan = Lifespan::on(ByHand::new()).deadline(deadline);
    let report =
        run(lifespan.serve(async move |cx| spawn_for_ever(&cx.spawner(), Arc::clone(&inner))));
    assert!(count.load(Ordering::SeqCst) > 1000);
    assert!(report.phases.stopping < 2 * deadline, "{report}");
    assert!(report.stragglers.is_empty(), "{report}");
    assert_eq!(report.exit_code(), 6);
}

/// What a destructor starts at the deadline can be dropped like everything else.
#[test]
fn what_the_destructors_of_the_forced_spawn_is_dropped_too() {
    struct SpawnsAgain(Spawner<Hand>, usize);
    impl Drop for SpawnsAgain {
        fn drop(&mut self) {
            if self.1 == 0 {
                return;
            }
            let next = Self(self.0.clone(), self.1 - 1);
            let spawned = self.0.spawn(async move |cx| {
                let _next = next;
                cx.protect(pending::<()>()).await;
            });
            if let Ok(task) = spawned {
                task.detach();
            }
        }
    }
    let lifespan = Lifespan::on(ByHand::new()).deadline(SECOND);
    let report = run(lifespan.serve(async |cx| {
        let again = SpawnsAgain(cx.spawner(), 3);
        let task = cx.spawn(async move |cx| {
            let _again = again;
            cx.protect(pending::<()>()).await;
        });
        task.detach();
    }));
    assert!(report.stragglers.is_empty(), "{report}");
    assert_eq!(report.exit_code(), 6);
}

#[test]
fn what_a_shutdown_handler_spawns_after_the_deadline_is_dropped_and_no_straggler() {
    let gone = Gone::default();
    let guard = Mutex::new(Some(gone.guard()));
    let lifespan = Lifespan::on(ByHand::new()).deadline(SECOND);
    let lifespan = lifespan.shutdown("db", async move |cx| {
        let guard = guard.lock().unwrap().take();
        cx.spawn(async move |cx| {
            let _guard = guard;
            cx.protect(pending::<()>()).await;
        })
        .detach();
    });
    let report = run(lifespan.serve(async |cx| {
        cx.spawn(async |cx| cx.protect(pending::<()>()).await).detach();
    }));
    assert!(gone.is_gone() && report.stragglers.is_empty(), "{report}");
    assert_eq!(report.exit_code(), 6);
}

#[test]
fn a_spawner_gives_the_body_back_when_the_scope_has_ended() {
    let kept = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&kept);
    let _ = serve(async move |cx| {
        *inner.lock().unwrap() = Some(cx.spawner());
    });
    let spawner = kept.lock().unwrap().take().unwrap();
    let gone = Gone::default();
    let guard = gone.guard();
    let closed = spawner.spawn(async move |_cx| drop(guard)).unwrap_err();
    assert!(!gone.is_gone());
    drop(closed.into_inner());
    assert!(gone.is_gone());
    assert!(spawner.task("named").spawn(async |_cx| ()).is_err());
    assert!(spawner.spawn_blocking(|_| ()).is_err());
    assert!(spawner.tasks().is_empty());
}

/// Spawns by the `Cx` of its task when that is dropped.
struct SpawnsAtEnd<'t>(Cx<'t, Hand>, Arc<Mutex<Option<TaskError>>>);

impl Drop for SpawnsAtEnd<'_> {
    fn drop(&mut self) {
        let mut task = self.0.spawn(async |_cx| 7);
        if let Poll::Ready(Err(error)) = poll(&mut task, Waker::noop()) {
            *self.1.lock().unwrap() = Some(error);
        }
    }
}

#[test]
fn a_task_that_its_loop_never_drops_is_a_straggler_and_can_still_call_spawn() {
    let error = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&error);
    let owner = ByHand::new();
    let hand = owner.handle();
    let report = run(Lifespan::on(owner).deadline(SECOND).serve(async move |cx| {
        let task = cx.task("stuck").spawn(async move |cx| {
            let _at_end = SpawnsAtEnd(cx.clone(), inner);
            pending::<()>().await;
        });
        task.unwrap().detach();
        next_round().await;
        hand.hold_tasks();
    }));
    let [straggler] = &report.stragglers[..] else { panic!("{report}") };
    assert_eq!((straggler.path.as_str(), straggler.kind), ("stuck", AwaitedKind::Task));
    assert!(report.task("stuck").unwrap().outcome.is_none());
    assert_eq!(report.exit_code(), 6);
    // The loop has dropped the body since, which found its scope closed.
    assert!(matches!(*error.lock().unwrap(), Some(TaskError::LoopClosed)));
}

#[test]
fn a_deadline_caps_every_grace() {
    let lifespan = Lifespan::on(ByHand::new()).deadline(3 * SECOND).grace(Duration::MAX);
    let report = run(lifespan.serve(async |cx| {
        let task = cx.task("deaf").grace(100 * SECOND).spawn(async |_cx| pending::<()>().await);
        task.unwrap().detach();
    }));
    assert_eq!(report.task("deaf").unwrap().age.as_secs(), 3);
    assert_eq!(report.exit_code(), 6);
}

#[test]
fn a_foreground_that_does_not_end_is_cancelled_when_the_grace_is_over() {
    let report = run(Lifespan::on(ByHand::new()).serve(async |cx| {
        cx.trigger().set("enough").unwrap();
        pending::<()>().await;
    }));
    assert!(matches!(report.serve, Some(Outcome::Cancelled)));
    assert_eq!((report.phases.stopping.as_secs(), report.exit_code()), (10, 6));
    assert_eq!(report.reason, Reason::from("enough"));
}

#[test]
fn the_exit_status_tells_the_first_thing_that_went_wrong() {
    let lifespan = || Lifespan::on(ByHand::new());
    let fails = async |_cx: Cx<'_, Hand>| Err::<(), _>("broken");
    let start = lifespan().startup("db", fails).shutdown("db", async |_cx| ());
    assert_eq!(start.run().exit_code(), 3);
    let task = run(lifespan().shutdown("db", fails).serve(async |cx| {
        cx.spawn(async |_cx| Err::<(), _>("broken")).detach();
        cx.spawn(async |_cx| pending::<()>().await).detach();
        next_round().await;
    }));
    assert_eq!(task.exit_code(), 4);
    let shutdown = run(lifespan().shutdown("db", fails).serve(async |cx| {
        cx.spawn(async |_cx| pending::<()>().await).detach();
    }));
    assert_eq!(shutdown.exit_code(), 5);
    let forced = run(lifespan().serve(async |cx| {
        cx.spawn(async |_cx| pending::<()>().await).detach();
    }));
    assert_eq!(forced.exit_code(), 6);
    assert_eq!(run(lifespan().serve(async |_cx| ())).exit_code(), 0);
    assert_eq!(run(lifespan().serve(fails)).exit_code(), 4);
}

#[test]
fn a_run_inside_a_loop_is_refused() {
    let outer = serve(async |_cx| {
        let inner = Lifespan::on(ByHand::new()).serve(async |_cx| panic!("it ran")).run();
        assert_eq!(inner.exit_code(), 3);
        assert!(inner.to_string().contains("this thread is running an event loop"), "{inner}");
    });
    assert!(outer.is_clean());
}

#[test]
fn shutdown_handlers_that_add_another_each_end_with_the_deadline() {
    fn add_another(cx: &Cx<'_, Hand>) {
        let _ = cx.on_shutdown(async |cx| add_another(&cx));
    }
    let deadline = Duration::from_millis(1);
    let lifespan = Lifespan::on(ByHand::new()).deadline(deadline);
    let report = run(lifespan
        .startup("hydra", async |cx| add_another(&cx))
        .shutdown("hydra", async |_cx| {})
        .serve(async |_cx| {}));
    let component = report.component("hydra").unwrap();
    assert!(component.late_shutdowns.len() > 1);
    assert!(matches!(component.shutdown, HandlerOutcome::Completed), "{report}");
}

#[test]
fn a_protected_block_that_the_deadline_cut_is_not_clean_though_the_task_is_cut_on_stop() {
    let lifespan = Lifespan::on(ByHand::new()).deadline(Duration::from_millis(1));
    let report = run(lifespan.serve(async |cx| {
        let writer = cx.task("writer").cancel_on_stop();
        let writer = writer.spawn(async |cx| cx.protect(pending::<()>()).await);
        writer.unwrap().detach();
        next_round().await;
    }));
    assert!(report.task("writer").unwrap().overran);
    assert_eq!(report.exit_code(), 6);
}

#[test]
fn what_is_listed_of_forced_tasks_is_bounded_and_the_rest_is_counted() {
    let report = run(Lifespan::on(ByHand::new()).grace(Duration::ZERO).serve(async |cx| {
        for _ in 0..1500 {
            cx.spawn(async |_cx| pending::<()>().await).detach();
        }
    }));
    assert_eq!((report.tasks.len(), report.more_forced, report.exit_code()), (1000, 500, 6));
}
