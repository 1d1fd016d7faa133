//! The stop: in reverse, each task its grace, every handler its turn, whatever they do.

use futures_lite::future::{pending, yield_now};
use lifespan_core::{
    BoxError, Cx, HandlerOutcome, Lifespan, LoopOwner, Outcome, Reason, ShutdownTrigger,
    StopSource, TaskError, TaskState, Timer,
};

use crate::support::{Log, Moment, NEVER, SHORT, inside};

/// A component's tasks end before its handler runs, and before those registered earlier are told.
pub fn is_in_reverse_one_component_at_a_time<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let mut lifespan = Lifespan::on(owner);
    for name in ["a", "b"] {
        let (in_task, down) = (log.clone(), log.clone());
        lifespan = lifespan
            .startup(name, async move |cx| {
                cx.spawn(async move |cx| {
                    cx.shutdown().wait().await;
                    yield_now().await;
                    in_task.add(format!("the task of {name}"));
                })
                .detach();
            })
            .shutdown(name, async move |cx| {
                assert!(cx.tasks().is_empty(), "its tasks are gone");
                down.add(format!("stop {name}"));
            });
    }
    let report = lifespan.serve(async |_cx| {}).run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["the task of b", "stop b", "the task of a", "stop a"]);
}

/// A task that does not look is dropped when the grace is over: listed, and not clean.
pub fn the_grace_is_bounded<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let is_virtual = owner.run(async |handle| handle.has_virtual_time()).expect("the loop runs");
    let gone = Moment::default();
    let held = gone.on_drop();
    let report = Lifespan::on(owner)
        .startup("component", async move |cx| {
            cx.task("deaf")
                .spawn(async move |_cx: Cx<'_, _>| {
                    let _held = held;
                    pending::<()>().await;
                })
                .unwrap()
                .detach();
        })
        .grace(SHORT)
        .deadline(NEVER)
        .serve(async |_cx| {})
        .run();
    let deaf = report.task("component/deaf").unwrap();
    assert!(matches!(deaf.outcome, Some(Outcome::Cancelled)) && deaf.overran, "{report}");
    assert!(gone.has_come() && deaf.age >= SHORT);
    // Where time does not pass by itself it is on time to the nanosecond.
    assert!(if is_virtual {
        report.phases.stopping == SHORT
    } else {
        report.phases.stopping < NEVER
    });
    assert_eq!(report.exit_code(), 6);
}

/// A task that ends within its grace is not waited for any longer.
pub fn the_grace_ends_with_the_last_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("slow", async |cx| {
            cx.shutdown().wait().await;
            cx.sleep(SHORT).await;
        })
        .grace(NEVER)
        .deadline(NEVER)
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.stopping >= SHORT && report.phases.stopping < NEVER);
}

/// A task's own grace counts for it alone, shorter or longer than the lifespan's.
pub fn a_task_may_have_its_own_grace<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .startup("component", async |cx| {
            let long = async |cx: Cx<'_, _>| {
                cx.shutdown().wait().await;
                // Outlives the others, which are cut before.
                while cx.tasks().len() > 1 {
                    cx.sleep(std::time::Duration::from_millis(1)).await;
                }
            };
            let deaf = async |_cx: Cx<'_, _>| pending::<()>().await;
            cx.task("long").grace(NEVER).spawn(long).unwrap().detach();
            cx.task("short").grace(std::time::Duration::ZERO).spawn(deaf).unwrap().detach();
            cx.task("usual").spawn(deaf).unwrap().detach();
        })
        .grace(SHORT)
        .deadline(NEVER)
        .serve(async |_cx| {})
        .run();
    let task = |path| report.task(path).unwrap();
    assert!(matches!(task("component/long").outcome, Some(Outcome::Completed)), "{report}");
    for cut in ["component/short", "component/usual"] {
        assert!(matches!(task(cut).outcome, Some(Outcome::Cancelled)) && task(cut).overran);
    }
}

/// `cancel_on_stop`: dropped at once, and clean.
pub fn a_task_may_be_cancelled_on_stop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .startup("clock", async |cx| {
            let body = async |_cx: Cx<'_, _>| pending::<()>().await;
            cx.task("ticker").cancel_on_stop().spawn(body).map(drop)
        })
        .grace(NEVER)
        .deadline(NEVER)
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    let ticker = report.task("clock/ticker").unwrap();
    assert!(matches!(ticker.outcome, Some(Outcome::Cancelled)) && !ticker.overran);
}

/// The second stage of a stop source cancels what the stop still waits for.
pub fn a_second_signal_cancels<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Triggers(std::sync::mpsc::Sender<(ShutdownTrigger, ShutdownTrigger)>);
    impl StopSource for Triggers {
        type Bound = ();

        fn bind(self, stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
            Ok(self.0.send((stop, cancel))?)
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let report = Lifespan::on(owner)
        .stop_on(Triggers(sender))
        .startup("component", async |cx| {
            let deaf = async |_cx: Cx<'_, _>| pending::<()>().await;
            cx.task("deaf").spawn(deaf).map(drop)
        })
        .serve(async move |cx| {
            let (stop, cancel) = receiver.recv().unwrap();
            stop.set(Reason::Signal("first")).unwrap();
            cx.shutdown().wait().await;
            cancel.set(Reason::Signal("second")).unwrap();
        })
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert_eq!(report.reason, Reason::Signal("first"));
    let deaf = report.task("component/deaf").unwrap();
    assert!(matches!(deaf.outcome, Some(Outcome::Cancelled)) && deaf.overran, "{report}");
    assert_eq!(report.exit_code(), 6);
}

/// A stop source that cannot be bound starts nothing, and its error is told.
pub fn a_source_that_fails_starts_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Broken;
    impl StopSource for Broken {
        type Bound = ();

        fn bind(self, _stop: ShutdownTrigger, _cancel: ShutdownTrigger) -> Result<(), BoxError> {
            Err("no such device".into())
        }
    }
    let report = Lifespan::on(owner)
        .stop_on(Broken)
        .startup("never", async |_cx| unreachable!("nothing starts"))
        .run();
    assert_eq!(report.exit_code(), 3);
    assert!(report.to_string().contains("no such device"), "{report}");
}

/// Handlers added while it runs: the last added first, all before the component's own.
pub fn late_handlers_run_first<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let (late, own) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .startup("db", async move |cx| {
            let first = late.clone();
            cx.on_shutdown(async move |_cx| first.add("added first")).unwrap();
            cx.spawn(async move |cx| {
                let added = cx.on_shutdown(async move |_cx| late.add("added by a task"));
                assert!(added.is_ok());
            })
            .await
        })
        .shutdown("db", async move |cx| {
            own.add("own");
            assert!(cx.on_shutdown(async |_cx| {}).is_err(), "they have run");
        })
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["added by a task", "added first", "own"]);
}

/// A handler that fails, panics or hangs keeps no other from its turn; each is told.
pub fn a_bad_handler_skips_nobody<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let down = log.clone();
    let report = Lifespan::on(owner)
        .shutdown("first", async move |_cx| down.add("first"))
        .shutdown("fails", async |_cx| Err::<(), _>("no luck"))
        .shutdown("panics", async |_cx| -> () { panic!("oh") })
        .shutdown("hangs", async |_cx| pending::<()>().await)
        .stop_timeout(SHORT)
        .serve(async |_cx| {})
        .run();
    assert_eq!(log, ["first"]);
    let shutdown = |name| &report.component(name).unwrap().shutdown;
    assert!(matches!(shutdown("fails"), HandlerOutcome::Failed(_)));
    assert!(matches!(shutdown("panics"), HandlerOutcome::Panicked(_)));
    assert!(matches!(shutdown("hangs"), HandlerOutcome::TimedOut(_)));
    assert_eq!(report.exit_code(), 5);
}

/// A task spawned while its scope stops is born stopped, and waited for.
pub fn what_is_spawned_meanwhile_is_awaited<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let in_task = log.clone();
    let report = Lifespan::on(owner)
        .task("parent", async move |cx| {
            cx.shutdown().wait().await;
            let log = in_task.clone();
            cx.spawn(async move |cx| {
                assert!(cx.shutdown().is_set());
                cx.sleep(SHORT).await;
                log.add("the child has ended");
            })
            .detach();
        })
        .shutdown("component", {
            let log = log.clone();
            async move |cx| {
                let spawned = log.clone();
                cx.spawn(async move |cx| {
                    cx.sleep(SHORT).await;
                    spawned.add("what a handler spawned has ended");
                })
                .detach();
            }
        })
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["the child has ended", "what a handler spawned has ended"]);
}

/// A task spawned while its scope stops has the grace that it was given, though others have a longer one.
pub fn what_is_spawned_meanwhile_has_its_grace<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("parent", async |cx| {
            cx.shutdown().wait().await;
            let deaf = async |_cx: Cx<'_, _>| pending::<()>().await;
            let short = cx.task("short").grace(SHORT).spawn(deaf).unwrap();
            assert!(matches!(short.await, Err(TaskError::Cancelled)));
            let cut = cx.task("cut").cancel_on_stop().spawn(deaf).unwrap();
            assert!(matches!(cut.await, Err(TaskError::Cancelled)));
        })
        .serve(async |_cx| {})
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    let parent = report.task("parent").unwrap();
    assert!(matches!(parent.outcome, Some(Outcome::Completed)), "{report}");
    assert!(report.task("short").unwrap().overran && report.task("cut").is_none(), "{report}");
    assert!(report.phases.stopping < NEVER && report.exit_code() == 6, "{report}");
}

/// The foreground sees the stop, ends in its own time, and is dropped after the grace.
pub fn the_foreground_has_the_grace<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let report = Lifespan::on(&mut owner)
        .task("asks", async |cx| drop(cx.trigger().set("enough")))
        .serve(async |cx| {
            cx.shutdown().wait().await;
            cx.sleep(SHORT).await;
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("enough"));
    let report = Lifespan::on(owner)
        .task("asks", async |cx| drop(cx.trigger().set("enough")))
        .serve(async |_cx| pending::<()>().await)
        .grace(SHORT)
        .run();
    assert!(matches!(report.serve, Some(Outcome::Cancelled)), "{report}");
    assert_eq!(report.exit_code(), 6);
}

/// `until_idle`: it stops when every task of every scope has ended, those spawned later too.
pub fn until_idle_waits_for_all<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let log = Log::default();
    let (first, second) = (log.clone(), log.clone());
    let report = Lifespan::on(&mut owner)
        .startup("component", async move |cx| {
            cx.spawn(async move |cx| {
                cx.sleep(SHORT).await;
                first.add("a task of a component");
            })
            .detach();
        })
        .task("task", async move |cx| {
            let second = second.clone();
            cx.spawn(async move |cx| {
                cx.sleep(SHORT * 3).await;
                second.add("a task of a task");
            })
            .detach();
        })
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::AllTasksEnded);
    assert_eq!(log.lines().len(), 2, "{log:?}");
    let idle_at_once = Lifespan::on(owner).until_idle().run();
    assert!(idle_at_once.is_clean(), "{idle_at_once}");
}

/// `until_idle`: a scope that somebody holds open counts, though no task lives in it.
pub fn until_idle_waits_for_open_scopes<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let scope = cx.scope("open").open().expect("the name is free");
            cx.sleep(SHORT).await;
            assert!(!cx.shutdown().is_set(), "a task may still come");
            drop(scope);
            cx.shutdown().wait().await;
        })
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::AllTasksEnded);
}

/// A task that stops itself sees that at once, ends by itself, and stops nobody else.
pub fn of_a_task_by_itself<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let other = cx.spawn(polite);
        let task = cx.task("itself").spawn(async |cx| {
            assert_eq!(cx.this_task().unwrap().state(), TaskState::Running);
            assert!(cx.tasks().stop("itself").is_ok());
            end_by_itself(&cx).await;
            7
        });
        let task = task.unwrap();
        let ended = task.task_ref().clone();
        assert_eq!(task.await.unwrap(), 7);
        assert!(!ended.stop() && !cx.shutdown().is_set(), "it has ended, and nobody else was told");
        assert_eq!(other.task_ref().state(), TaskState::Running);
        other.stop();
        other.await
    });
}

/// A task may stop its own scope, then the one around that: all in them see it, and end by themselves.
pub fn of_the_scopes_around_a_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let beside = outer.spawn(polite).unwrap();
        let inner = outer.scope("inner").open().unwrap();
        let sibling = inner.spawn(polite).unwrap();
        let of_its_own = inner.spawn(async |cx: Cx<'_, O::Handle>| {
            assert!(cx.this_scope().unwrap().stop());
            end_by_itself(&cx).await;
        });
        of_its_own.unwrap().await.unwrap();
        sibling.await.unwrap();
        assert!(matches!(inner.task_ref().finished().await, Outcome::Completed));
        assert_eq!(beside.task_ref().state(), TaskState::Running);

        let inner = outer.scope("inner").open().unwrap();
        let sibling = inner.spawn(polite).unwrap();
        let of_the_outer = inner.spawn(async |cx: Cx<'_, O::Handle>| {
            assert!(cx.root().tasks().stop("outer").is_ok());
            end_by_itself(&cx).await;
        });
        of_the_outer.unwrap().await.unwrap();
        sibling.await.unwrap();
        beside.await.unwrap();
        for scope in [inner.task_ref(), outer.task_ref()] {
            assert!(matches!(scope.finished().await, Outcome::Completed));
        }
        assert!(!cx.shutdown().is_set() && cx.tasks().is_empty());
    });
}

/// A task may stop all that there is: it ends by itself all the same, and so do the others.
pub fn of_all_by_one_of_them<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let (in_task, in_scope) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .task("other", polite)
        .serve(async move |cx| {
            let scope = cx.scope("scope").open().unwrap();
            let task = scope.task("task").spawn(async move |cx| {
                cx.trigger().set("enough").unwrap();
                cx.shutdown().wait().await;
                end_by_itself(&cx).await;
                in_task.add("it ends");
            });
            task.unwrap().detach();
            let report = scope.finish(&cx).await;
            in_scope.add(format!("{} completed", report.completed));
        })
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("enough"));
    assert_eq!(log, ["it ends", "1 completed"]);
}

/// Ends when it is told to.
async fn polite<L: Timer>(cx: Cx<'_, L>) {
    cx.shutdown().wait().await;
}

/// What is left of a task that has just been stopped by itself: it knows, and goes on to its own end.
async fn end_by_itself<L: Timer>(cx: &Cx<'_, L>) {
    assert!(cx.shutdown().is_set());
    assert_eq!(cx.this_task().unwrap().state(), TaskState::Stopping);
    cx.shutdown().wait().await;
    yield_now().await; // it cleans up
}
