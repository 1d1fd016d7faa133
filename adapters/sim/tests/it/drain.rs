//! The drain in virtual time: what goes on, how long, and what ends it early.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifespan_core::{
    BoxError, Cx, Lifespan, Outcome, Phase, Reason, Report, ShutdownTrigger, StopSource,
};
use lifespan_sim::{Sim, SimLoop};

const SECOND: Duration = Duration::from_secs(1);

/// Serves until it is told to stop.
async fn waits(cx: Cx<'_, Sim>) {
    cx.shutdown().wait().await;
}

async fn asks_after_a_second(cx: Cx<'_, Sim>) {
    cx.sleep(SECOND).await;
    let _ = cx.trigger().set("enough");
}

fn seconds(report: &Report) -> [u64; 4] {
    let phases = report.phases;
    [phases.starting, phases.serving, phases.draining, phases.stopping].map(|took| took.as_secs())
}

#[test]
fn all_goes_on_while_it_drains_and_nothing_is_ready() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let report = Lifespan::on(SimLoop::new(0))
        .drain(SECOND * 10)
        .task("asks", asks_after_a_second)
        .task("looks", async move |cx| {
            let monitor = cx.monitor();
            cx.lifespan_event().wait().await;
            for _ in 0..3 {
                let health = monitor.health();
                assert!(health.live && !cx.shutdown().is_set());
                noted.lock().unwrap().push((health.phase, health.ready, health.to_string()));
                cx.sleep(SECOND * 4).await;
            }
            cx.shutdown().wait().await;
        })
        .run();
    assert!(report.is_clean(), "{report}");
    // The third sleep began within the drain, and ended after it.
    assert_eq!(seconds(&report), [0, 1, 10, 2]);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(phase, ready, _)| (*phase, *ready) == (Phase::Draining, false)));
    assert_eq!(seen[1].2, "draining, not ready\n  awaits drain for 4.0s, 6.0s left");
    assert!(report.to_string().contains("served for 1.0s, drained for 10.0s, stopped in 2.0s"));
}

#[test]
fn it_ends_when_the_foreground_ends_or_every_task() {
    let report = Lifespan::on(SimLoop::new(0))
        .drain(SECOND * 10)
        .task("asks", asks_after_a_second)
        .task("waits", waits)
        .serve(async |cx| cx.sleep(SECOND * 4).await)
        .run();
    assert_eq!((seconds(&report), &report.reason), ([0, 1, 3, 0], &Reason::from("enough")));
    assert!(matches!(report.serve, Some(Outcome::Completed)));
    let report = Lifespan::on(SimLoop::new(0))
        .drain(SECOND * 10)
        .task("asks", asks_after_a_second)
        .task("ends", async |cx| cx.sleep(SECOND * 3).await)
        .run();
    assert_eq!(seconds(&report), [0, 1, 2, 0]);
}

#[test]
fn it_does_not_begin_when_what_serves_has_ended() {
    let report = Lifespan::on(SimLoop::new(0))
        .drain(SECOND * 10)
        .task("waits", waits)
        .serve(async |cx| cx.sleep(SECOND).await)
        .run();
    assert_eq!((seconds(&report), &report.reason), ([0, 1, 0, 0], &Reason::ServeEnded));
}

/// Asks at once, and asks twice.
struct Impatient;

impl StopSource for Impatient {
    type Bound = ();

    fn bind(self, stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
        let _ = (stop.set("first"), cancel.set("second"));
        Ok(())
    }
}

#[test]
fn a_second_demand_ends_it() {
    let event = lifespan_core::ShutdownEvent::new();
    let (stop, second) = (event.trigger(), Arc::new(Mutex::new(None)));
    struct Kept(Arc<Mutex<Option<ShutdownTrigger>>>);
    impl StopSource for Kept {
        type Bound = ();
        fn bind(self, _stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
            *self.0.lock().unwrap() = Some(cancel);
            Ok(())
        }
    }
    let report = Lifespan::on(SimLoop::new(0))
        .event(event)
        .stop_on(Kept(Arc::clone(&second)))
        .drain(SECOND * 10)
        .task("asks twice", async move |cx: Cx<'_, Sim>| {
            let _ = stop.set("first");
            cx.sleep(SECOND * 2).await;
            let cancel = second.lock().unwrap().take();
            let _ = cancel.unwrap().set("second");
            pending::<()>().await;
        })
        .run();
    assert_eq!(seconds(&report), [0, 0, 2, 0]);
}

#[test]
fn a_stop_before_the_start_has_ended_does_not_drain() {
    let report = Lifespan::on(SimLoop::new(0))
        .drain(SECOND * 10)
        .stop_on(Impatient)
        .task("waits", waits)
        .run();
    assert_eq!(seconds(&report), [0; 4]);
    let report = Lifespan::on(SimLoop::new(0))
        .drain(SECOND * 10)
        .component("asks", |it| it.startup(async |cx| drop(cx.trigger().set("no"))))
        .task("waits", waits)
        .run();
    assert_eq!((seconds(&report), report.tasks.len()), ([0; 4], 0));
}

#[test]
fn zero_is_none_and_the_longest_waits_for_the_second_demand_only() {
    let zero = Lifespan::on(SimLoop::new(0))
        .drain(Duration::ZERO)
        .task("asks", asks_after_a_second)
        .task("waits", waits)
        .run();
    assert_eq!(seconds(&zero), [0, 1, 0, 0]);
    let longest = Lifespan::on(SimLoop::new(0))
        .drain(Duration::MAX)
        .task("asks", asks_after_a_second)
        .serve(async |cx| cx.sleep(SECOND * 1000).await)
        .run();
    assert_eq!(seconds(&longest), [0, 1, 999, 0]);
}

#[test]
fn the_deadline_counts_from_the_end_of_the_drain() {
    let report = Lifespan::on(SimLoop::new(0))
        .drain(SECOND * 10)
        .deadline(SECOND * 5)
        .grace(Duration::MAX)
        .task("asks", asks_after_a_second)
        .task("deaf", async |_cx| pending::<()>().await)
        .run();
    assert_eq!(seconds(&report), [0, 1, 10, 5]);
}
