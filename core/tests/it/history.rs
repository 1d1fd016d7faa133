//! What a scope remembers of tasks that have ended: nothing, or the last few.

use std::future::pending;
use std::sync::Arc;

use lifespan_core::{Lifespan, Name, Outcome, TaskState, Tasks};

use crate::by_hand::{ByHand, next_round, run, serve};
use crate::outcomes::Gone;
use crate::woken::PanicOnDrop;

fn names(tasks: &Tasks) -> Vec<String> {
    tasks
        .finished()
        .map(|task| task.name().unwrap_or_else(|| Name::from("-")).to_string())
        .collect()
}

#[test]
fn nothing_is_kept_unless_asked() {
    let _ = serve(async |cx| {
        cx.spawn(async |_cx| ()).await.unwrap();
        assert_eq!(cx.tasks().finished().count(), 0);
        assert_eq!(cx.tasks().purge(), 0);
    });
}

#[test]
fn the_last_ones_are_kept_in_the_order_of_their_ends() {
    let _ = serve(async |cx| {
        let running = cx.task("long").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        cx.tasks().keep_finished(3);
        for number in 0..5 {
            cx.task(format_args!("{number}")).spawn(async |_cx| ()).unwrap().await.unwrap();
        }
        assert_eq!(names(&cx.tasks()), ["2", "3", "4"]);
        running.stop();
        running.await.unwrap();
        assert_eq!(names(&cx.tasks()), ["3", "4", "long"], "also who lived before");
        cx.tasks().keep_finished(1);
        assert_eq!(names(&cx.tasks()), ["long"]);
        assert_eq!((cx.tasks().purge(), cx.tasks().finished().count()), (1, 0));
        cx.spawn(async |_cx| ()).await.unwrap();
        assert_eq!(names(&cx.tasks()), ["-"], "a purge forgets, and goes on keeping");
        cx.tasks().keep_finished(0);
        cx.spawn(async |_cx| ()).await.unwrap();
        assert_eq!(cx.tasks().finished().count(), 0);
    });
}

#[test]
fn how_each_ended_is_kept_and_its_name_is_free() {
    let report = serve(async |cx| {
        cx.tasks().keep_finished(10);
        let _ = cx.task("one").spawn(async |_cx| Err::<(), _>("no disk")).unwrap().await;
        let _ = cx.task("one").spawn(async |_cx| -> () { panic!("oh") }).unwrap().await;
        let cancelled = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap();
        next_round().await;
        cancelled.cancel().await;
        assert!(!cx.tasks().contains("one"));
        let finished = cx.tasks().finished().collect::<Vec<_>>();
        assert!(finished.iter().all(|task| task.path() == "one"));
        assert!(finished.iter().all(|task| task.state() == TaskState::Finished));
        let outcomes = finished.iter().map(|task| task.outcome().unwrap().to_string());
        let outcomes = outcomes.collect::<Vec<_>>();
        assert_eq!(outcomes, ["failed: no disk", "panicked: oh", "cancelled"]);
        assert!(!finished[0].stop(), "it is not live");
        assert!(matches!(finished[2].cancel().await, Outcome::Cancelled));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_kept_task_has_no_body_and_no_more_than_its_outcome() {
    let gone = Gone::default();
    let guard = gone.guard();
    let _ = serve(async move |cx| {
        cx.tasks().keep_finished(1);
        let value = Arc::new(());
        let kept = Arc::clone(&value);
        let task = cx.spawn(async move |_cx| {
            drop(guard);
            kept
        });
        task.task_ref().finished().await;
        task.detach();
        assert!(gone.is_gone());
        assert_eq!(Arc::strong_count(&value), 1, "nobody reads a value that was not awaited");
    });
}

#[test]
fn each_scope_keeps_its_own() {
    let lifespan = Lifespan::on(ByHand::new())
        .keep_finished(2)
        .component("db", |it| {
            it.keep_finished(1).task("a", async |_cx| ()).startup(async |cx| {
                let tasks = cx.tasks();
                cx.state().insert(tasks);
            })
        })
        .task("b", async |_cx| ())
        .task("c", async |_cx| ());
    let report = run(lifespan.serve(async |cx| {
        for _ in 0..5 {
            next_round().await;
        }
        assert_eq!(names(&cx.tasks()), ["b", "c"]);
        assert_eq!(names(&cx.state().get::<Tasks>().unwrap()), ["a"]);
    }));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn an_outcome_that_panics_when_it_is_forgotten_harms_nobody() {
    let _ = serve(async |cx| {
        cx.tasks().keep_finished(1);
        for _ in 0..3 {
            let _ = cx.spawn(async |_cx| Err::<(), _>(PanicOnDrop)).await;
        }
        cx.spawn(async |_cx| ()).await.unwrap();
        let _ = cx.spawn(async |_cx| Err::<(), _>(PanicOnDrop)).await;
        assert_eq!(cx.tasks().finished().count(), 1);
    });
}

#[test]
fn a_view_of_a_scope_that_has_ended_still_reads() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let _ = serve(async move |cx| {
        cx.tasks().keep_finished(1);
        cx.task("last").spawn(async |_cx| ()).unwrap().await.unwrap();
        sender.send(cx.tasks()).unwrap();
    });
    assert_eq!(names(&receiver.recv().unwrap()), ["last"]);
}
