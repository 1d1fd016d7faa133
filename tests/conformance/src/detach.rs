//! Dropping a handle: it detaches, the same on every loop, and what was made is dropped once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::yield_now;
use lifespan_core::{Lifespan, LoopOwner, Outcome, Timer};

use crate::support::{Moment, inside};

/// A handle dropped at once does not cancel its task.
pub fn a_handle_dropped_before_the_first_poll_detaches<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let ended = Moment::default();
        let at_end = ended.clone();
        drop(cx.spawn(async move |_cx| {
            yield_now().await;
            at_end.come();
        }));
        ended.wait().await;
    });
}

/// A handle dropped while its task is pending does not cancel it.
pub fn a_handle_dropped_while_pending_detaches<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, go_on, ended) = (Moment::default(), Moment::default(), Moment::default());
        let (at_begin, gate, at_end) = (begun.clone(), go_on.clone(), ended.clone());
        let task = cx.spawn(async move |_cx| {
            at_begin.come();
            gate.wait().await;
            at_end.come();
        });
        begun.wait().await;
        let task_ref = task.task_ref().clone();
        drop(task);
        assert!(!task_ref.is_finished());
        go_on.come();
        ended.wait().await;
        assert!(matches!(task_ref.finished().await, Outcome::Completed));
    });
}

/// A handle dropped after the end changes nothing of the outcome.
pub fn a_handle_dropped_after_the_end_changes_nothing<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| 3);
        let task_ref = task.task_ref().clone();
        task_ref.finished().await;
        drop(task);
        assert!(matches!(task_ref.outcome(), Some(Outcome::Completed)));
    });
}

/// A handle whose await was given up half-way detaches as well.
pub fn an_await_that_was_given_up_detaches<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (go_on, ended) = (Moment::default(), Moment::default());
        let (gate, at_end) = (go_on.clone(), ended.clone());
        let mut task = cx.spawn(async move |_cx| {
            gate.wait().await;
            at_end.come();
        });
        assert!(futures_lite::future::poll_once(&mut task).await.is_none());
        drop(task);
        go_on.come();
        ended.wait().await;
    });
}

/// What the body holds is dropped at its end, though the handle is kept.
pub fn the_body_is_gone_before_the_end_is_told<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let gone = Moment::default();
        let held = gone.on_drop();
        let task = cx.spawn(async move |_cx| {
            let _held = held;
            yield_now().await;
        });
        task.task_ref().finished().await;
        assert!(gone.has_come(), "the end was told while the body was there");
        task.await
    });
}

/// A value that nobody takes is dropped, once, whenever its handle is.
pub fn a_value_nobody_takes_is_dropped_once<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    inside(owner, async |cx| {
        let drops = Arc::new(AtomicUsize::new(0));
        for waits_for_the_end in [true, false] {
            let counted = Counted(Arc::clone(&drops));
            let task = cx.spawn(async move |_cx| Some(counted));
            let end = task.task_ref().finished();
            if waits_for_the_end {
                task.task_ref().finished().await;
            }
            drop(task);
            end.await;
        }
        assert!(cx.tasks().is_empty());
        while drops.load(Ordering::SeqCst) < 2 {
            yield_now().await; // the end is told before the value of a detached task is dropped
        }
        assert_eq!(drops.load(Ordering::SeqCst), 2);
    });
}

/// A failure that nobody awaits is in the report, once, whenever the handle is dropped.
pub fn a_failure_nobody_awaits_is_reported_once<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let early = cx.task("early").spawn(async |_cx| Err::<(), _>("lost early")).unwrap();
            let end = early.task_ref().finished();
            drop(early);
            end.await;
            let late = cx.task("late").spawn(async |_cx| Err::<(), _>("lost late")).unwrap();
            late.task_ref().finished().await;
            drop(late);
        })
        .run();
    let failed = |text: &str| {
        let outcomes = report.tasks.iter().filter_map(|task| task.outcome.as_ref());
        outcomes.filter(|outcome| outcome.to_string().contains(text)).count()
    };
    assert_eq!((failed("lost early"), failed("lost late")), (1, 1), "{report}");
    assert_eq!(report.exit_code(), 4, "{report}");
}

/// A failure that was awaited is not in the report.
pub fn a_failure_that_was_awaited_is_not_reported<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| Err::<(), _>("heard"));
        assert!(task.await.is_err());
    });
}
