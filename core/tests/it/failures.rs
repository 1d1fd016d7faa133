//! Failures that nobody awaits are in the report, exactly once; those that somebody heard are not.

use std::sync::{Arc, Mutex};

use lifespan_core::{HandlerOutcome, Lifespan, Outcome, Reason, Report, ShutdownEvent};

use crate::by_hand::{ByHand, next_round, run, serve};
use crate::woken::Count;

fn failures(report: &Report) -> Vec<String> {
    report.tasks.iter().map(|task| task.outcome.as_ref().unwrap().to_string()).collect()
}

async fn fail(why: &'static str) -> Result<(), &'static str> {
    next_round().await;
    Err(why)
}

#[test]
fn a_handle_that_was_dropped_before_the_end() {
    let report = serve(async |cx| {
        let task = cx.spawn(async |_cx| fail("early").await);
        let ended = task.task_ref().clone();
        drop(task);
        ended.finished().await;
    });
    assert_eq!(failures(&report), ["failed: early"]);
    assert_eq!(report.exit_code(), 4);
}

#[test]
fn a_handle_that_was_dropped_unread_after_the_end() {
    let report = serve(async |cx| {
        let task = cx.spawn(async |_cx| fail("late").await);
        task.task_ref().finished().await;
        drop(task);
    });
    assert_eq!(failures(&report), ["failed: late"]);
}

#[test]
fn a_handle_that_was_kept_in_the_state() {
    let report = serve(async |cx| {
        let task = cx.spawn(async |_cx| fail("kept").await);
        task.task_ref().finished().await;
        cx.state().insert(Mutex::new(task));
    });
    assert_eq!(failures(&report), ["failed: kept"]);
}

#[test]
fn a_handle_that_another_task_held_to_the_end() {
    let report = serve(async |cx| {
        let task = cx.spawn(async |_cx| fail("held").await);
        let holder = cx.spawn(async |cx| {
            let _task = task;
            cx.shutdown().wait().await;
        });
        next_round().await;
        holder.detach();
    });
    assert_eq!(failures(&report), ["failed: held"]);
}

#[test]
fn a_failure_that_was_awaited_is_not_in_the_report() {
    let report = serve(async |cx| {
        assert!(cx.spawn(async |_cx| fail("heard").await).await.is_err());
        let named = cx.task("named").spawn(async |_cx| fail("heard too").await).unwrap();
        assert!(named.await.is_err());
        let panicked = cx.spawn(async |_cx| -> () { panic!("heard as well") });
        assert!(panicked.await.is_err());
    });
    assert!(report.tasks.is_empty() && report.is_clean(), "{report}");
}

#[test]
fn a_panic_is_reported_with_its_text_and_its_place() {
    let before = line!();
    let report = serve(async |cx| {
        cx.task("bad").spawn(async |_cx| -> () { panic!("it broke") }).unwrap().detach();
        next_round().await;
    });
    assert_eq!(failures(&report), ["panicked: it broke"]);
    let task = report.task("bad").unwrap();
    assert_eq!((task.spawned_at.file(), task.spawned_at.line()), (file!(), before + 2));
    assert!(matches!(&task.outcome, Some(Outcome::Panicked(panic)) if panic.text() == "it broke"));
    assert!(report.to_string().contains("task bad: panicked: it broke"), "{report}");
}

#[test]
fn a_task_that_is_listed_for_another_reason_is_listed_once() {
    let report = serve(async |cx| {
        let task = cx.task("named").spawn(async |cx| {
            cx.shutdown().wait().await;
            Err::<(), _>("at the stop")
        });
        task.unwrap().detach();
    });
    assert_eq!(failures(&report), ["failed: at the stop"]);
}

#[test]
fn a_failure_breaks_nothing_else() {
    let report = serve(async |cx| {
        let other = cx.spawn(async |cx| {
            cx.sleep(std::time::Duration::from_secs(1)).await;
            7
        });
        cx.spawn(async |_cx| fail("alone").await).detach();
        cx.spawn(async |_cx| -> () { panic!("alone too") }).detach();
        assert_eq!(other.await.unwrap(), 7);
        assert!(!cx.shutdown().is_set() && !cx.lifespan_event().is_set());
    });
    assert_eq!(failures(&report), ["failed: alone", "panicked: alone too"]);
}

#[test]
fn what_is_kept_of_failures_is_bounded_and_the_rest_is_counted() {
    let report = serve(async |cx| {
        for _ in 0..1000 {
            cx.spawn(async |_cx| Err::<(), _>("one of many")).detach();
        }
        next_round().await;
    });
    assert_eq!(report.tasks.len() as u64 + report.more_failures, 1000);
    assert!(report.tasks.len() <= 100 && report.exit_code() == 4);
}

#[test]
fn an_error_is_dropped_when_nobody_can_ask_for_it_any_more() {
    #[derive(Debug)]
    struct Error(#[expect(dead_code, reason = "counted by its clones")] Arc<Count>);
    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("counted")
        }
    }
    impl std::error::Error for Error {}
    let count = Arc::new(Count::default());
    let inner = Arc::clone(&count);
    let report = serve(async move |cx| {
        let error = Error(Arc::clone(&inner));
        assert!(cx.spawn(async move |_cx| Err::<(), _>(error)).await.is_err());
        next_round().await;
        assert_eq!(Arc::strong_count(&inner), 2, "the registry keeps no outcome of the finished");
    });
    assert!(report.is_clean());
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn a_named_task_that_fails_in_the_stop_and_is_awaited_is_listed_and_not_counted() {
    let report = serve(async |cx| {
        let late = cx.task("late").spawn(async |cx| {
            cx.shutdown().wait().await;
            fail("heard").await
        });
        let late = late.unwrap();
        let holder = cx.spawn(async move |_cx| assert!(late.await.is_err()));
        next_round().await;
        holder.detach();
    });
    assert_eq!(failures(&report), ["failed: heard"]);
    assert!(!report.task("late").unwrap().unheard);
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_refused_start_sets_the_event_that_others_wait_for() {
    let event = ShutdownEvent::new();
    let twice = Lifespan::on(ByHand::new()).event(event.clone());
    let report = run(twice.task("one", async |_cx| {}).task("one", async |_cx| {}));
    assert_eq!(report.exit_code(), 3);
    assert_eq!(event.reason(), Some(Reason::StartFailed));
}

struct NoClone;

impl Clone for NoClone {
    fn clone(&self) -> Self {
        panic!("there is only one")
    }
}

#[test]
fn a_body_that_cannot_be_cloned_fails_the_start_and_undoes_it() {
    let body = NoClone;
    let lifespan = Lifespan::on(ByHand::new()).shutdown("db", async |_cx| {}).task(
        "single",
        async move |_cx| {
            let _body = body;
        },
    );
    let report = run(lifespan);
    assert!(report.to_string().contains("\"single\" panicked: there is only one"), "{report}");
    assert!(matches!(report.component("db").unwrap().shutdown, HandlerOutcome::Completed));
}

#[test]
fn a_body_without_a_name_that_cannot_be_cloned_is_told_by_its_line() {
    let (body, line) = (NoClone, line!() + 1);
    let report = run(Lifespan::on(ByHand::new()).spawn(async move |_cx| {
        let _body = body;
    }));
    let place = format!("\"task of {}:{line}:", file!());
    assert!(report.to_string().contains(&place), "{report}");
}
