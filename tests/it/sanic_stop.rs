//! What Sanic does when it starts and stops, and what it does wrong there: rows S-25 to S-33 and S-36
//! to S-39 of the promises, each as ours keeps it.

use std::future::pending;
use std::sync::mpsc;
use std::time::Duration;

use lifespan::{
    AwaitedKind, Blocking, Cx, HandlerOutcome, Lifespan, LoopOwner, Outcome, Reason, ShutdownEvent,
    StartError, Timer, Workers,
};

use crate::asgi_lifespan::Demands;
use crate::log::Log;
use crate::workers::AllHere;

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
/// A budget that is meant to run out.
const SHORT: Duration = Duration::from_millis(10);

on_every_loop!(
    s25_listeners_start_in_order_and_stop_in_reverse,
    s27_a_failed_start_is_undone_and_told,
    s28_a_failed_stop_skips_nothing,
    s29_a_handler_that_fails_is_run_once,
    s30_tasks_with_and_without_a_name_are_told_and_gone_before_the_shutdown_handler,
    s31_a_stop_spares_no_name_and_ends_when_nothing_is_left,
    s32_a_task_with_a_clean_up_ends_clean,
    s33_a_task_that_a_shutdown_handler_adds_is_awaited,
    s33_a_task_that_a_shutdown_handler_adds_cannot_hold_it_up,
    s36_a_second_demand_cancels_and_starts_nothing_anew,
    s37_a_demand_during_the_start_undoes_it,
    s39_a_blocking_closure_is_told_to_stop,
    s39_a_blocking_closure_that_goes_on_is_named_and_left,
);

mod per_worker {
    use super::*;

    on_every_worker_loop!(
        s26_the_main_stop_comes_after_every_worker,
        s27_a_worker_that_fails_to_start_kills_nobody,
        s37_a_worker_whose_start_hangs_hears_the_stop,
        s38_a_worker_whose_start_hangs_has_a_budget,
    );

    fn s26_the_main_stop_comes_after_every_worker<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
        let (log, all) = (Log::default(), AllHere::of(2));
        let main = log.clone();
        let report = Workers::new(2, |_worker| {
            let (log, all) = (log.clone(), all.clone());
            Lifespan::on(make())
                .shutdown("app", async move |_cx| log.add("worker"))
                .serve(async move |_cx| all.come().await)
        })
        .on_main_stop(move || main.add("main"))
        .run();
        assert!(report.is_clean(), "{report}");
        assert_eq!(log, ["worker", "worker", "main"].as_slice());
    }

    fn s27_a_worker_that_fails_to_start_kills_nobody<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
        let log = Log::default();
        let main = log.clone();
        let report = Workers::new(2, |worker| {
            let (log, fails) = (log.clone(), worker.index() == 0);
            Lifespan::on(make())
                .startup("db", async |_cx| ())
                .shutdown("db", async move |_cx| log.add("undone"))
                .startup("web", async move |cx| {
                    if fails {
                        return Err("no port");
                    }
                    cx.lifespan_event().wait().await; // the other's failure stops this one
                    Ok(())
                })
        })
        .on_main_stop(move || main.add("main"))
        .run();
        assert_eq!(report.exit_code(), 3, "{report}");
        // The second may have heard of it before its first handler ran.
        let lines = log.lines();
        assert_eq!(lines.last().unwrap(), "main");
        assert!(lines.contains(&String::from("undone")), "{lines:?}");
    }

    fn s37_a_worker_whose_start_hangs_hears_the_stop<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
        let event = ShutdownEvent::new();
        let stop = event.trigger();
        let report = Workers::new(2, |worker| {
            let (stop, hangs) = (stop.clone(), worker.index() == 0);
            Lifespan::on(make()).start_timeout(NEVER).startup("db", async move |_cx| {
                if hangs {
                    let _ = stop.set(Reason::Signal("SIGTERM"));
                    pending::<()>().await;
                }
            })
        })
        .event(event)
        .run();
        assert!(report.is_clean(), "{report}");
    }

    fn s38_a_worker_whose_start_hangs_has_a_budget<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
        let report = Workers::new(2, |worker| {
            let hangs = worker.index() == 0;
            Lifespan::on(make()).start_timeout(SHORT).startup("db", async move |_cx| {
                if hangs {
                    pending::<()>().await;
                }
            })
        })
        .run();
        assert_eq!(report.exit_code(), 3, "{report}");
        assert!(report.to_string().contains("had not ended after 10ms"), "{report}");
    }
}

fn s25_listeners_start_in_order_and_stop_in_reverse(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let mut lifespan = Lifespan::on(owner).serve(async |_cx| {});
    for name in ["one", "two", "three"] {
        let (starts, stops) = (log.clone(), log.clone());
        lifespan = lifespan
            .startup(name, async move |_cx| starts.add(format!("start {name}")))
            .shutdown(name, async move |_cx| stops.add(format!("stop {name}")));
    }
    let report = lifespan.run();
    assert!(report.is_clean(), "{report}");
    let order = ["start one", "start two", "start three", "stop three", "stop two", "stop one"];
    assert_eq!(log, order.as_slice());
}

fn s27_a_failed_start_is_undone_and_told(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let undone = log.clone();
    let report = Lifespan::on(owner)
        .startup("db", async |_cx| ())
        .shutdown("db", async move |_cx| undone.add("db"))
        .startup("web", async |_cx| Err::<(), _>("no port"))
        .shutdown("web", async |_cx| -> () { unreachable!("it was not opened") })
        .run();
    assert_eq!(log, ["db"].as_slice());
    assert!(matches!(report.start_error, Some(StartError::Startup { .. })), "{report}");
    assert_eq!(report.exit_code(), 3);
}

fn s28_a_failed_stop_skips_nothing(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let [task, db] = [(); 2].map(|()| log.clone());
    let report = Lifespan::on(owner)
        .startup("db", async move |cx| {
            let connection = async move |cx: Cx<'_, _>| {
                cx.shutdown().wait().await;
                task.add("connection closed");
            };
            cx.spawn(connection).detach();
        })
        .shutdown("db", async move |_cx| db.add("db"))
        .shutdown("web", async |_cx| Err::<(), _>("before everything else"))
        .serve(async |_cx| {})
        .run();
    assert_eq!(log, ["connection closed", "db"].as_slice());
    assert_eq!(report.exit_code(), 5, "{report}");
}

fn s29_a_handler_that_fails_is_run_once(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let once = log.clone();
    let report = Lifespan::on(owner)
        .shutdown("web", async move |_cx| -> () {
            once.add("run");
            panic!("RuntimeError")
        })
        .serve(async |_cx| {})
        .run();
    assert_eq!(log, ["run"].as_slice());
    assert!(matches!(report.component("web").unwrap().shutdown, HandlerOutcome::Panicked(_)));
    assert_eq!(report.exit_code(), 5, "{report}");
}

fn s30_tasks_with_and_without_a_name_are_told_and_gone_before_the_shutdown_handler(
    owner: impl LoopOwner<Handle: Timer>,
) {
    let log = Log::default();
    let [named, unnamed, handler] = [(); 3].map(|()| log.clone());
    let report = Lifespan::on(owner)
        .startup("app", async move |cx| {
            let waits = async |cx: Cx<'_, _>, log: Log| {
                cx.shutdown().wait().await;
                log.add("a task ends by itself");
            };
            let task = cx.task("named").spawn(async move |cx| waits(cx, named).await);
            task.unwrap().detach();
            cx.spawn(async move |cx| waits(cx, unnamed).await).detach();
        })
        .shutdown("app", async move |cx| {
            assert!(cx.tasks().is_empty());
            handler.add("shutdown");
        })
        .serve(async |_cx| {})
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    let order = ["a task ends by itself", "a task ends by itself", "shutdown"];
    assert_eq!(log, order.as_slice());
}

fn s31_a_stop_spares_no_name_and_ends_when_nothing_is_left(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .task("RunServer", async |cx| cx.shutdown().wait().await)
        .serve(async |_cx| {})
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    // Had it waited out its grace, this would not have ended.
    assert!(report.is_clean() && report.phases.stopping < NEVER, "{report}");
    assert!(matches!(report.task("RunServer").unwrap().outcome, Some(Outcome::Completed)));
}

fn s32_a_task_with_a_clean_up_ends_clean(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let cleaned = log.clone();
    let report = Lifespan::on(owner)
        .task("clean", async move |cx| {
            cx.shutdown().wait().await;
            cx.sleep(Duration::from_millis(300)).await;
            cleaned.add("cleaned up");
        })
        .serve(async |_cx| {})
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["cleaned up"].as_slice());
}

fn s33_a_task_that_a_shutdown_handler_adds_is_awaited(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let ended = log.clone();
    let report = Lifespan::on(owner)
        .shutdown("app", async move |cx| {
            let flush = async move |cx: Cx<'_, _>| {
                assert!(cx.shutdown().is_set(), "it is born stopped");
                cx.sleep(SHORT).await;
                ended.add("flushed");
            };
            cx.task("flush").spawn(flush).unwrap().detach();
        })
        .serve(async |_cx| {})
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["flushed"].as_slice());
}

fn s33_a_task_that_a_shutdown_handler_adds_cannot_hold_it_up(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .shutdown("app", async |cx| {
            let deaf = async |_cx: Cx<'_, _>| pending::<()>().await;
            cx.task("deaf").spawn(deaf).unwrap().detach();
        })
        .serve(async |_cx| {})
        .grace(SHORT)
        .deadline(NEVER)
        .run();
    let deaf = report.task("app/deaf").unwrap();
    assert!(matches!(deaf.outcome, Some(Outcome::Cancelled)) && deaf.overran, "{report}");
}

fn s36_a_second_demand_cancels_and_starts_nothing_anew(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let stops = log.clone();
    let (sender, receiver) = mpsc::channel();
    let report = Lifespan::on(owner)
        .stop_on(Demands(sender))
        .shutdown("app", async move |_cx| stops.add("shutdown"))
        .serve(async move |cx| {
            let [stop, cancel] = receiver.recv().unwrap();
            stop.set(Reason::Signal("SIGTERM")).unwrap();
            cx.shutdown().wait().await;
            cancel.set(Reason::Signal("SIGTERM")).unwrap();
            pending::<()>().await;
        })
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(matches!(report.serve, Some(Outcome::Cancelled)), "{report}");
    assert_eq!(log, ["shutdown"].as_slice());
    assert_eq!(report.exit_code(), 6);
}

fn s37_a_demand_during_the_start_undoes_it(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let undone = log.clone();
    let report = Lifespan::on(owner)
        .startup("db", async |_cx| ())
        .shutdown("db", async move |_cx| undone.add("db"))
        .startup("web", async |cx| {
            cx.trigger().set(Reason::Signal("SIGTERM")).unwrap();
            pending::<()>().await;
        })
        .start_timeout(NEVER)
        .run();
    assert_eq!(log, ["db"].as_slice());
    assert!(report.is_clean() && report.reason == Reason::Signal("SIGTERM"), "{report}");
}

fn s39_a_blocking_closure_is_told_to_stop(owner: impl LoopOwner<Handle: Timer + Blocking>) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let work = cx.task("work").spawn_blocking(|stop| drop(stop.wait_blocking()));
            work.unwrap().detach();
        })
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
}

fn s39_a_blocking_closure_that_goes_on_is_named_and_left(
    owner: impl LoopOwner<Handle: Timer + Blocking>,
) {
    let (release, wait) = mpsc::channel::<()>();
    let begun = ShutdownEvent::new();
    let trigger = begun.trigger();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            let work = cx.task("work").spawn_blocking(move |_stop| {
                let _ = trigger.set("begun");
                let _ = wait.recv();
            });
            work.unwrap().detach();
            begun.wait().await;
        })
        .grace(SHORT)
        .deadline(SHORT * 2)
        .run();
    drop(release);
    let [straggler] = report.stragglers.as_slice() else { panic!("{report}") };
    assert_eq!((straggler.path.as_str(), straggler.kind), ("work", AwaitedKind::Blocking));
    assert_eq!(report.exit_code(), 6);
}
