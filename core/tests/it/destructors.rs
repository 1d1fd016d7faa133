//! Destructors that panic, two at a time: under one guard they would end the process.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use lifespan_core::{Cx, Lifespan, LoopOwner, Observer, OpenScope, Outcome, RestartPolicy};

use crate::by_hand::{ByHand, Hand, next_round, run, serve};
use crate::woken::{PanicOnDrop, poll};

async fn fail(_cx: Cx<'_, Hand>) -> Result<(), PanicOnDrop> {
    Err(PanicOnDrop)
}

/// So many that neither a report nor a scope lists another one.
async fn fail_until_lists_are_full(cx: &Cx<'_, Hand>) {
    for _ in 0..100 {
        cx.spawn(async |_cx| Err::<(), _>("no disk")).detach();
    }
    next_round().await;
}

#[test]
fn an_error_that_only_observers_have_heard_of_does_not_harm_the_loop() {
    struct Hears;
    impl Observer for Hears {}
    let lifespan = Lifespan::on(ByHand::new()).observer(Hears);
    let _ = run(lifespan.serve(async |cx| {
        fail_until_lists_are_full(&cx).await;
        cx.spawn(fail).detach();
        next_round().await;
        assert_eq!(cx.spawn(async |_cx| 7).await.unwrap(), 7);
    }));
}

/// Two fail, and somebody hears of it: what is left of them is what the scope lists.
async fn fail_twice(scope: &OpenScope<Hand>) {
    for _ in 0..2 {
        assert!(scope.spawn(fail).unwrap().await.is_err());
    }
}

#[test]
fn errors_that_a_scope_has_listed_harm_nobody_when_no_scope_is_around_it() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        fail_twice(&scope).await;
        drop(scope);
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn errors_that_a_scope_has_listed_harm_nobody_when_the_one_around_it_lists_no_more() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        for _ in 0..100 {
            assert!(outer.spawn(async |_cx| Err::<(), _>("no disk")).unwrap().await.is_err());
        }
        let inner = outer.scope("inner").open().unwrap();
        fail_twice(&inner).await;
        drop(inner);
        assert!(outer.tasks().is_empty());
    });
}

#[test]
fn the_last_errors_of_services_go_with_their_registry() {
    let _ = serve(async |cx| {
        let at_once = RestartPolicy::default().backoff(Duration::ZERO, Duration::ZERO);
        for name in ["one", "two"] {
            let first = Arc::new(AtomicBool::new(true));
            let service = cx.service(name).on_failure(at_once).spawn(async move |_cx| {
                if first.swap(false, Ordering::Relaxed) {
                    return Err::<(), _>(PanicOnDrop);
                }
                pending().await
            });
            let service = service.unwrap();
            while service.task_ref().attempts() < 2 {
                next_round().await;
            }
            assert!(matches!(service.cancel().await, Outcome::Cancelled));
        }
    });
}

/// Has a lifespan run until its foreground waits, and drops it there.
fn run_and_drop(body: impl for<'t> AsyncFnOnce(Cx<'t, Hand>) + 'static) {
    let done = ByHand::new().run(async move |hand| {
        let lifespan = Lifespan::attach(hand.clone()).serve(async move |cx| {
            body(cx).await;
            pending::<()>().await;
        });
        let mut run = Box::pin(lifespan.run());
        for _ in 0..10 {
            assert!(poll(&mut run, Waker::noop()).is_pending());
            next_round().await;
        }
    });
    done.unwrap();
}

#[test]
fn failures_that_no_report_has_told_go_with_their_lifespan() {
    run_and_drop(async |cx| {
        cx.spawn(fail).detach();
        cx.spawn(fail).detach();
    });
}
