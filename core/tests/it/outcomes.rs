//! Every exit of a task settles it, and the outcome says which it was.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lifespan_core::{BoxError, Outcome, TaskError};

use crate::by_hand::{next_round, serve, serve_with};
use crate::woken::{PanicOnDrop, panic_twice};

/// Tells when it was dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone(Arc<AtomicBool>);

impl Gone {
    pub(crate) fn is_gone(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn guard(&self) -> GoneGuard {
        GoneGuard(self.clone())
    }
}

#[derive(Debug)]
pub(crate) struct GoneGuard(Gone);

impl Drop for GoneGuard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_value_travels_to_who_awaits() {
    let report = serve(async |cx| {
        assert_eq!(cx.spawn(async |_cx| 7).await.unwrap(), 7);
        assert_eq!(cx.spawn(async |_cx| String::from("text")).await.unwrap(), "text");
        cx.spawn(async |_cx| ()).await.unwrap();
        let value = cx.spawn(async |_cx| Ok::<_, BoxError>(vec![1, 2])).await;
        assert_eq!(value.unwrap(), [1, 2]);
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn nothing_is_polled_inside_spawn() {
    let _ = serve(async |cx| {
        let gone = Gone::default();
        let guard = gone.guard();
        let task = cx.spawn(async move |_cx| drop(guard));
        assert!(!gone.is_gone() && !task.task_ref().is_finished());
        task.await.unwrap();
        assert!(gone.is_gone());
    });
}

#[test]
fn a_value_is_given_once() {
    let _ = serve(async |cx| {
        let mut task = cx.spawn(async |_cx| 7);
        assert_eq!((&mut task).await.unwrap(), 7);
        assert!(matches!((&mut task).await, Err(TaskError::Taken)));
        let mut failed = cx.spawn(async |_cx| Err::<(), _>("broken"));
        for _ in 0..2 {
            assert!(matches!((&mut failed).await, Err(TaskError::Failed(_))), "told again");
        }
    });
}

#[test]
fn an_error_is_an_outcome() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| Err::<u32, _>(std::fmt::Error));
        let ended = task.task_ref().clone();
        let Err(TaskError::Failed(failure)) = task.await else { panic!("not a failure") };
        assert!(failure.error().is::<std::fmt::Error>());
        assert!(matches!(ended.outcome(), Some(Outcome::Failed(_))));
    });
}

#[test]
fn a_panic_is_an_outcome_and_keeps_its_payload() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| {
            next_round().await;
            std::panic::panic_any(7_u8);
        });
        let Err(TaskError::Panicked(panic)) = task.await else { panic!("not a panic") };
        assert_eq!(panic.text(), "a payload that is no text");
        assert_eq!(panic.take_payload().unwrap().downcast_ref(), Some(&7_u8));
        assert!(panic.take_payload().is_none());
    });
}

#[test]
fn a_body_that_panics_when_it_is_called_settles() {
    let _ = serve(async |cx| {
        fn body(_cx: lifespan_core::Cx<'_, crate::by_hand::Hand>) -> std::future::Ready<()> {
            panic!("when called")
        }
        let Err(TaskError::Panicked(panic)) = cx.spawn(body).await else { panic!("no panic") };
        assert_eq!(panic.text(), "when called");
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn a_panic_in_the_bodys_destructor_is_an_outcome() {
    let _ = serve(async |cx| {
        let returned = cx.spawn(async |_cx| {
            let _bad = PanicOnDrop;
            next_round().await;
        });
        assert!(matches!(returned.await, Err(TaskError::Panicked(_))));
        let cancelled = cx.spawn(async |_cx| {
            let _bad = PanicOnDrop;
            pending::<()>().await;
        });
        next_round().await;
        assert!(matches!(cancelled.cancel().await, Outcome::Panicked(_)));
        let bad = PanicOnDrop;
        let unpolled = cx.spawn(async move |_cx| drop(bad));
        assert!(matches!(unpolled.cancel().await, Outcome::Panicked(_)));
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn an_error_is_not_hidden_by_a_panic_in_the_destructor() {
    let _ = serve(async |cx| {
        struct Body(PanicOnDrop);
        impl Future for Body {
            type Output = Result<(), &'static str>;

            fn poll(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Self::Output> {
                std::task::Poll::Ready(Err("broken"))
            }
        }
        let task = cx.spawn(|_cx: lifespan_core::Cx<'_, _>| Body(PanicOnDrop));
        let Err(TaskError::Failed(failure)) = task.await else { panic!("not a failure") };
        assert_eq!(failure.to_string(), "broken");
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_value_nobody_wants_is_an_outcome() {
    let report = serve(async |cx| {
        let task = cx.spawn(async |_cx| {
            next_round().await;
            Some(PanicOnDrop)
        });
        let ended = task.task_ref().clone();
        task.detach();
        assert!(matches!(ended.finished().await, Outcome::Panicked(_)));
    });
    assert_eq!(report.exit_code(), 4);
}

#[test]
fn a_panic_whose_payload_panics_when_dropped_leaves_no_task() {
    let report = serve(async |cx| {
        for _ in 0..3 {
            cx.spawn(async |_cx| panic_twice()).detach();
            let bad = cx.spawn(async |_cx| {
                panic_twice();
                7
            });
            let Err(TaskError::Panicked(panic)) = bad.await else { panic!("no panic") };
            let _ = std::mem::ManuallyDrop::new(panic.take_payload());
        }
        cx.spawn(async |_cx| ()).await.unwrap();
        assert!(cx.tasks().is_empty());
    });
    // The payloads of those that nobody awaited are in the report: its reader's to drop.
    for task in &report.tasks {
        let Some(Outcome::Panicked(panic)) = &task.outcome else { continue };
        let _ = std::mem::ManuallyDrop::new(panic.take_payload());
    }
}

#[test]
fn a_loop_that_drops_a_task_settles_it_polled_or_not() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let (gone, both) = (Gone::default(), Gone::default());
            let (guard, also) = (gone.guard(), both.guard());
            let unpolled = cx.spawn(async move |_cx| drop(guard));
            hand.drop_tasks();
            assert!(gone.is_gone());
            assert!(matches!(unpolled.await, Err(TaskError::LoopClosed)));
            let midway = cx.spawn(async move |_cx| {
                let _guard = also;
                pending::<()>().await;
            });
            next_round().await;
            assert!(!both.is_gone());
            hand.drop_tasks();
            assert!(both.is_gone());
            assert!(matches!(midway.task_ref().outcome(), Some(Outcome::LoopClosed)));
            assert!(matches!(midway.await, Err(TaskError::LoopClosed)));
            assert!(cx.tasks().is_empty());
        }
    });
}

#[test]
fn a_task_that_was_cancelled_before_its_loop_dropped_it_is_cancelled() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let task = cx.spawn(async |_cx| pending::<()>().await);
            let cancelled = task.cancel();
            hand.drop_tasks();
            assert!(matches!(cancelled.await, Outcome::Cancelled));
        }
    });
}

#[test]
fn a_loop_that_refuses_a_task_settles_it() {
    let report = serve_with(|hand| {
        async move |cx| {
            hand.close();
            assert!(matches!(cx.spawn(async |_cx| 7).await, Err(TaskError::LoopClosed)));
            let work = cx.spawn_blocking(|_| 7).unwrap();
            assert!(matches!(work.await, Err(TaskError::LoopClosed)));
            let named = cx.task("named").spawn(async |_cx| ()).unwrap();
            assert!(!cx.tasks().contains("named") && named.task_ref().is_finished());
        }
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn the_body_is_gone_before_the_outcome_stands() {
    let _ = serve(async |cx| {
        struct Looks(lifespan_core::Spawner<crate::by_hand::Hand>);
        impl Drop for Looks {
            fn drop(&mut self) {
                let me = self.0.tasks().get("looks").expect("the name is held to the end");
                assert!(!me.is_finished() && me.outcome().is_none());
            }
        }
        for is_cut in [false, true] {
            let looks = Looks(cx.spawner());
            let task = cx.task("looks").spawn(async move |_cx| {
                let _looks = looks;
                next_round().await;
            });
            let task = task.unwrap();
            let outcome = if is_cut { task.cancel() } else { task.task_ref().finished() }.await;
            assert!(!outcome.is_failure(), "{outcome}");
            assert!(!cx.tasks().contains("looks"));
        }
    });
}
