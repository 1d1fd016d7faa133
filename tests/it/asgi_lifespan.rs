//! What the ASGI lifespan protocol promises, and what its servers do: rows L-01 to L-10 of the
//! promises, each as ours keeps it.

use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use lifespan::{
    BoxError, HandlerOutcome, Lifespan, LoopOwner, Outcome, Reason, ShutdownTrigger, StartError,
    StopSource, Timer, Workers,
};

use crate::log::Log;
use crate::workers::AllHere;

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
/// A budget that is meant to run out.
const SHORT: Duration = Duration::from_millis(10);

on_every_loop!(
    l02_nothing_is_served_before_every_startup_has_ended,
    l02_a_startup_that_hangs_ends_with_its_budget,
    l02_a_stop_ends_a_startup_that_hangs,
    l03_a_failed_startup_is_told_by_message_and_exit_status,
    l04_a_start_that_fails_serves_nothing,
    l05_the_shutdown_comes_after_the_connections,
    l05_a_shutdown_handler_that_hangs_ends_with_its_budget,
    l05_a_second_demand_skips_no_shutdown_handler,
    l06_a_failed_shutdown_has_an_exit_status_of_its_own,
    l07_what_the_start_has_put_into_the_state_requests_share,
    l08_a_foreground_that_returns_early_is_shut_down_in_order,
    l09_what_is_not_run_runs_no_handler,
    l10_leftover_tasks_are_dropped_with_their_destructors_and_told,
);

mod per_worker {
    use super::*;

    on_every_worker_loop!(l01_each_loop_has_one_start_and_one_stop);

    fn l01_each_loop_has_one_start_and_one_stop<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
        let (log, all) = (Log::default(), AllHere::of(3));
        let report = Workers::new(3, |worker| {
            let (starts, stops, all) = (log.clone(), log.clone(), all.clone());
            let index = worker.index();
            Lifespan::on(make())
                .startup("app", async move |_cx| starts.add(format!("start {index}")))
                .shutdown("app", async move |_cx| stops.add(format!("stop {index}")))
                .serve(async move |_cx| all.come().await)
        })
        .run();
        assert!(report.is_clean(), "{report}");
        let mut lines = log.lines();
        lines.sort();
        assert_eq!(lines, ["start 0", "start 1", "start 2", "stop 0", "stop 1", "stop 2"]);
    }
}

fn l02_nothing_is_served_before_every_startup_has_ended(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let [db, cache, task, serve] = [(); 4].map(|()| log.clone());
    let report = Lifespan::on(owner)
        .startup("db", async move |cx| {
            cx.sleep(SHORT).await;
            db.add("db");
        })
        .startup("cache", async move |_cx| cache.add("cache"))
        .task("task", async move |_cx| task.add("task or serve"))
        .serve(async move |_cx| serve.add("task or serve"))
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["db", "cache", "task or serve", "task or serve"].as_slice());
}

fn l02_a_startup_that_hangs_ends_with_its_budget(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .startup("db", async |_cx| pending::<()>().await)
        .start_timeout(SHORT)
        .serve(async |_cx| unreachable!("the start failed"))
        .run();
    let hung = &report.component("db").unwrap().startup;
    assert!(matches!(hung, HandlerOutcome::TimedOut(SHORT)), "{report}");
    assert_eq!(report.exit_code(), 3);
}

fn l02_a_stop_ends_a_startup_that_hangs(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .startup("db", async |cx| {
            cx.trigger().set("enough").unwrap();
            pending::<()>().await;
        })
        .start_timeout(NEVER)
        .run();
    assert!(matches!(report.component("db").unwrap().startup, HandlerOutcome::Interrupted));
    assert_eq!((report.reason, report.start_error.is_none()), (Reason::from("enough"), true));
}

fn l03_a_failed_startup_is_told_by_message_and_exit_status(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner).startup("db", async |_cx| Err::<(), _>("no db")).run();
    assert_eq!(report.exit_code(), 3);
    let error = report.start_error.as_ref().unwrap();
    assert!(matches!(error, StartError::Startup { component, .. } if component.as_str() == "db"));
    assert!(report.to_string().contains("the start of \"db\" failed: no db"), "{report}");
}

/// There, a server goes on without the application's handlers; here a failed start is no start.
fn l04_a_start_that_fails_serves_nothing(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .startup("app", async |_cx| -> () { panic!("before it was complete") })
        .task("task", async |_cx| -> () { unreachable!("the start failed") })
        .serve(async |_cx| unreachable!("the start failed"))
        .run();
    assert!(report.serve.is_none() && report.tasks.is_empty(), "{report}");
    assert_eq!(report.exit_code(), 3);
}

fn l05_the_shutdown_comes_after_the_connections(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let [connection, handler] = [(); 2].map(|()| log.clone());
    let report = Lifespan::on(owner)
        .startup("server", async move |cx| {
            cx.spawn(async move |cx| {
                cx.shutdown().wait().await;
                cx.sleep(SHORT).await; // the request that is under way
                connection.add("the last answer is sent");
            })
            .detach();
        })
        .shutdown("server", async move |_cx| handler.add("shutdown"))
        .serve(async |_cx| {})
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["the last answer is sent", "shutdown"].as_slice());
}

fn l05_a_shutdown_handler_that_hangs_ends_with_its_budget(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let after = log.clone();
    let report = Lifespan::on(owner)
        .shutdown("first", async move |_cx| after.add("the next one runs"))
        .shutdown("hangs", async |_cx| pending::<()>().await)
        .serve(async |_cx| {})
        .stop_timeout(SHORT)
        .deadline(NEVER)
        .run();
    let hung = &report.component("hangs").unwrap().shutdown;
    assert!(matches!(hung, HandlerOutcome::TimedOut(SHORT)), "{report}");
    assert_eq!(log, ["the next one runs"].as_slice());
}

/// Sends what it was bound with to whoever demands.
pub(crate) struct Demands(pub(crate) std::sync::mpsc::Sender<[ShutdownTrigger; 2]>);

impl StopSource for Demands {
    type Bound = ();

    fn bind(self, stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
        Ok(self.0.send([stop, cancel])?)
    }
}

fn l05_a_second_demand_skips_no_shutdown_handler(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let [db, web] = [(); 2].map(|()| log.clone());
    let (sender, receiver) = std::sync::mpsc::channel();
    let report = Lifespan::on(owner)
        .stop_on(Demands(sender))
        .shutdown("db", async move |_cx| db.add("db"))
        .shutdown("web", async move |_cx| web.add("web"))
        .task("deaf", async |_cx| pending::<()>().await)
        .serve(async move |_cx| {
            for demand in receiver.recv().unwrap() {
                demand.set(Reason::Signal("SIGINT")).unwrap();
            }
        })
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert_eq!(log, ["web", "db"].as_slice());
    assert_eq!(report.exit_code(), 6, "{report}");
}

fn l06_a_failed_shutdown_has_an_exit_status_of_its_own(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .shutdown("db", async |_cx| Err::<(), _>("not flushed"))
        .serve(async |_cx| {})
        .run();
    assert_eq!(report.exit_code(), 5);
    assert!(report.to_string().contains("shutdown failed: not flushed"), "{report}");
}

/// There, each request has a shallow copy; here one value of each type is everybody's.
fn l07_what_the_start_has_put_into_the_state_requests_share(owner: impl LoopOwner<Handle: Timer>) {
    #[derive(Default)]
    struct Hits(Mutex<u32>);
    let report = Lifespan::on(owner)
        .startup("hits", async |cx| drop(cx.state().insert(Hits::default())))
        .shutdown("hits", async |cx| {
            let hits = cx.state().get::<Hits>().ok_or("it lives until here")?;
            assert_eq!(*hits.0.lock().unwrap(), 2);
            Ok::<_, BoxError>(())
        })
        .serve(async |cx| {
            for _ in 0..2 {
                let request = cx.spawn(async |cx| {
                    *cx.state().get::<Hits>().unwrap().0.lock().unwrap() += 1;
                });
                request.await?;
            }
            Ok::<_, BoxError>(())
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn l08_a_foreground_that_returns_early_is_shut_down_in_order(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let [db, web] = [(); 2].map(|()| log.clone());
    let report = Lifespan::on(owner)
        .shutdown("db", async move |_cx| db.add("db"))
        .shutdown("web", async move |_cx| web.add("web"))
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::ServeEnded);
    assert_eq!(log, ["web", "db"].as_slice());
}

fn l09_what_is_not_run_runs_no_handler(owner: impl LoopOwner<Handle: Timer>) {
    let lifespan = Lifespan::on(owner)
        .startup("db", async |_cx| -> () { unreachable!("it is not run") })
        .shutdown("db", async |_cx| -> () { unreachable!("it is not run") });
    drop(lifespan);
}

fn l10_leftover_tasks_are_dropped_with_their_destructors_and_told(
    owner: impl LoopOwner<Handle: Timer>,
) {
    struct Finally(Log);
    impl Drop for Finally {
        fn drop(&mut self) {
            self.0.add("finally");
        }
    }
    let log = Log::default();
    let [task, handler] = [(); 2].map(|()| log.clone());
    let report = Lifespan::on(owner)
        .startup("app", async move |cx| {
            let finally = Finally(task);
            let leftover = async move |_cx: lifespan::Cx<'_, _>| {
                let _finally = finally;
                pending::<()>().await;
            };
            cx.task("leftover").spawn(leftover).map(drop)
        })
        .shutdown("app", async move |_cx| handler.add("shutdown"))
        .serve(async |_cx| {})
        .grace(SHORT)
        .deadline(NEVER)
        .run();
    assert_eq!(log, ["finally", "shutdown"].as_slice());
    let leftover = report.task("app/leftover").unwrap();
    assert!(matches!(leftover.outcome, Some(Outcome::Cancelled)) && leftover.overran, "{report}");
    assert_eq!(report.exit_code(), 6);
}
