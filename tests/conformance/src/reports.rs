//! The report: what happened, and the exit status that says so.

use futures_lite::future::pending;
use lifespan_core::{Cx, Lifespan, LoopOwner, Outcome, Reason, Timer};

use crate::support::SHORT;

/// Clean: 0, and it says why it ended and how long it took.
pub fn of_a_clean_end<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("ticker", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| cx.sleep(SHORT).await)
        .run();
    assert_eq!((report.exit_code(), report.is_clean()), (0, true), "{report}");
    assert_eq!(report.reason, Reason::ServeEnded);
    assert!(report.phases.serving >= SHORT);
    assert!(report.to_string().contains("task ticker: completed"), "{report}");
}

/// The foreground returned an error: 4.
pub fn of_a_foreground_that_fails<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner).serve(async |_cx| Err::<(), _>("port in use")).run();
    assert!(matches!(&report.serve, Some(Outcome::Failed(e)) if e.to_string() == "port in use"));
    assert_eq!((report.exit_code(), report.reason.clone()), (4, Reason::ServeEnded));
    assert!(report.to_string().contains("port in use"), "{report}");
}

/// A task failed: 4, whatever the handlers did.
pub fn of_a_task_that_fails<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("fails", async |_cx| Err::<(), _>("no luck"))
        .shutdown("fails", async |_cx| Err::<(), _>("no luck either"))
        .until_idle()
        .run();
    assert_eq!(report.exit_code(), 4, "{report}");
}

/// A shutdown handler failed: 5, also one that was added late.
pub fn of_a_handler_that_fails<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let own = Lifespan::on(&mut owner)
        .shutdown("db", async |_cx| Err::<(), _>("no luck"))
        .until_idle()
        .run();
    let late = Lifespan::on(owner)
        .serve(async |cx| {
            let added = cx.on_shutdown(async |_cx| Err::<(), _>("no luck"));
            assert!(added.is_ok());
        })
        .run();
    assert_eq!((own.exit_code(), late.exit_code()), (5, 5), "{own}{late}");
}

/// Something was forced: 6, and it names who.
pub fn of_a_task_that_was_forced<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("deaf", async |_cx| pending::<()>().await)
        .grace(SHORT)
        .serve(async |_cx| {})
        .run();
    assert_eq!(report.exit_code(), 6, "{report}");
    assert!(report.to_string().contains("task deaf: cancelled because its grace was over"));
}

/// Of many failures that nobody awaits, each is listed or counted, once.
pub fn of_many_failures<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            for _ in 0..250 {
                let task = cx.spawn(async |_cx| Err::<(), _>("one of many"));
                task.detach();
            }
            while !cx.tasks().is_empty() {
                futures_lite::future::yield_now().await;
            }
        })
        .run();
    assert_eq!(report.tasks.len() as u64 + report.more_failures, 250);
    assert_eq!(report.exit_code(), 4);
}

/// A task that a component spawned is found by its path, with the line that spawned it.
pub fn names_what_it_lists<O: LoopOwner<Handle: Timer>>(owner: O) {
    let before = line!();
    let report = Lifespan::on(owner)
        .startup("db", async |cx| {
            let listens = async |cx: Cx<'_, _>| cx.shutdown().wait().await;
            cx.task("poller").spawn(listens).map(drop)
        })
        .serve(async |_cx| {})
        .run();
    let poller = report.task("db/poller").expect("it lived when the stop began");
    let place = poller.spawned_at;
    assert_eq!((place.file(), place.line()), (file!(), before + 4));
    assert!(report.to_string().contains("component db: startup completed; shutdown not run"));
}
