//! The end of a foreground: asked for, bounded, or by a drop.

use std::sync::{Arc, mpsc};

use lifespan::tokio::TokioLocalLoop;
use lifespan::{BoxError, Foreground, Outcome, Reason};

use super::{GUARD, HOUR, Passes, SHORT, on, wait_until};
use crate::log::Log;

on_every_loop_that_stands_still! {
    a_request_to_stop_can_be_waited_for,
    a_stop_is_that_of_a_lifespan,
    a_stop_is_bounded,
    dropping_it_drops_its_tasks,
}

fn a_request_to_stop_can_be_waited_for<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    foreground.schedule(async |cx| drop(cx.trigger().set("enough"))).detach();
    let works = foreground.schedule(async |cx| cx.shutdown().wait().await);
    let event = foreground.lifespan_event().clone();
    foreground.run_until(event.wait()).unwrap();
    assert!(!works.task_ref().is_finished(), "nothing stops before the program says so");
    let report = foreground.stop();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason.to_string(), "enough");
    assert!(works.task_ref().is_finished());
}

fn a_stop_is_that_of_a_lifespan<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make).grace(SHORT);
    let log = Log::default();
    let (bye, shut) = (log.clone(), log.clone());
    let polite = foreground.task("polite").grace(GUARD).spawn(async move |cx| {
        cx.shutdown().wait().await;
        bye.add("bye");
    });
    let deaf = foreground.task("deaf").spawn(async |cx| cx.sleep(HOUR).await);
    foreground
        .task("fails")
        .spawn(async |_cx| Err::<(), BoxError>("broken".into()))
        .unwrap()
        .detach();
    foreground
        .run(async move |cx| cx.on_shutdown(async move |_cx| shut.add("shut down")).is_ok())
        .unwrap();
    foreground.step().unwrap();
    let report = foreground.stop();
    assert_eq!(log, ["bye", "shut down"].as_slice());
    assert!(matches!(report.reason, Reason::Requested), "{report}");
    let outcome = |path| report.task(path).unwrap().outcome.as_ref();
    assert!(matches!(outcome("polite"), Some(Outcome::Completed)), "{report}");
    assert!(matches!(outcome("deaf"), Some(Outcome::Cancelled)), "{report}");
    assert!(report.task("deaf").unwrap().overran, "{report}");
    assert!(report.task("fails").unwrap().unheard, "{report}");
    assert_eq!(report.exit_code(), 4);
    drop((polite, deaf));
}

fn a_stop_is_bounded<O: Passes>(make: impl Fn() -> O) {
    let foreground = on(make).grace(HOUR).deadline(SHORT);
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let held = foreground.task("held").spawn_blocking(move |_stop| {
        begin.send(()).unwrap();
        released.recv().is_err()
    });
    begun.recv_timeout(GUARD).unwrap();
    let protected = foreground.schedule(async |cx| cx.protect(std::future::pending::<()>()).await);
    let report = foreground.stop();
    assert_eq!(report.stragglers.len(), 1, "{report}");
    assert_eq!(report.stragglers[0].path, "held");
    assert!(protected.task_ref().is_finished());
    drop((release, held));
}

fn dropping_it_drops_its_tasks<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let (polled, unpolled) = (Arc::new(()), Arc::new(()));
    let held = Arc::clone(&polled);
    let first = foreground.schedule(async move |cx| {
        cx.sleep(HOUR).await;
        drop(held);
    });
    foreground.step().unwrap();
    let held = Arc::clone(&unpolled);
    let second = foreground.schedule(async move |_cx| drop(held));
    let event = foreground.lifespan_event().clone();
    let spawner = foreground.spawner();
    drop(foreground);
    wait_until(|| Arc::strong_count(&polled) == 1 && Arc::strong_count(&unpolled) == 1);
    for task in [first, second] {
        let outcome = task.task_ref().outcome();
        assert!(matches!(outcome, Some(Outcome::Cancelled | Outcome::LoopClosed)), "{outcome:?}");
    }
    assert!(event.is_set());
    assert!(spawner.spawn(async |_cx| {}).is_err());
}

/// Also where the owner is kept, and so drops nothing by itself.
#[test]
fn the_next_foreground_on_an_owner_finds_nothing_of_the_last() {
    let mut owner = TokioLocalLoop::new();
    let held = Arc::new(());
    let (in_task, mut foreground) = (Arc::clone(&held), Foreground::on(&mut owner).unwrap());
    foreground
        .schedule(async move |cx| {
            cx.sleep(HOUR).await;
            drop(in_task);
        })
        .detach();
    foreground.step().unwrap();
    drop(foreground);
    let mut foreground = Foreground::on(&mut owner).unwrap();
    assert!(foreground.tasks().is_empty());
    foreground.step().unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
}
