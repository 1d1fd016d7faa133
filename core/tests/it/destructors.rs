//! Destructors that panic, two at a time: under one guard they would end the process.

use std::future::pending;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::Waker;
use std::time::Duration;

use lifespan_core::{
    BoxError, Cx, Lifespan, LoopOwner, Observer, OnEnd, OpenScope, Outcome, RestartPolicy,
    ShutdownTrigger, StartError, StopSource, TaskError, Workers,
};

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
fn what_a_subscriber_has_not_heard_harms_nobody() {
    let _ = serve(async |cx| {
        let subscription = cx.events().subscribe::<PanicOnDrop>("it").unwrap();
        for _ in 0..2 {
            assert_eq!(cx.events().dispatch("it", PanicOnDrop).unwrap(), 1);
        }
        drop(subscription);
        assert_eq!(cx.events().subscribers("it"), 0);
    });
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

#[test]
fn a_body_whose_original_panics_when_it_is_dropped_runs_and_its_start_leaves_nothing_behind() {
    struct Original(bool);
    impl Clone for Original {
        fn clone(&self) -> Self {
            Self(false)
        }
    }
    impl Drop for Original {
        fn drop(&mut self) {
            assert!(!self.0, "a destructor that panics");
        }
    }
    struct Hears;
    impl Observer for Hears {}
    let (observer, original) = (Arc::new(Hears), Original(true));
    let body = async move |cx: Cx<'_, Hand>| {
        let _original = &original;
        let _ = cx.trigger().set("it ran");
    };
    let lifespan = Lifespan::on(ByHand::new()).observer(Arc::clone(&observer));
    let report = run(lifespan.component("db", |it| it.task("poller", body)));
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason.to_string(), "it ran");
    drop(report);
    assert_eq!(Arc::strong_count(&observer), 1, "something holds a registry");
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

/// A body of a service holds one, and so does what makes the bodies.
#[test]
fn a_service_is_cut_whose_body_and_factory_both_panic_when_they_are_dropped() {
    let _ = serve(async |cx| {
        let bad = PanicOnDrop;
        let service = cx.service("bad").spawn(async move |_cx| {
            let _bad = &bad;
            pending::<()>().await;
        });
        let service = service.unwrap();
        next_round().await;
        assert!(matches!(service.cancel().await, Outcome::Panicked(_)));
    });
}

#[test]
fn a_service_that_panics_when_its_factory_does_so_when_it_is_dropped_has_panicked() {
    let _ = serve(async |cx| {
        let bad = PanicOnDrop;
        let service =
            cx.service("bad").on_failure(OnEnd::Ignore).spawn::<(), _>(async move |_cx| {
                let _bad = ManuallyDrop::new(bad);
                panic!("no disk");
            });
        let ended = service.unwrap().await;
        let Err(TaskError::Panicked(panic)) = ended else { panic!("{ended:?}") };
        assert_eq!(panic.text(), "no disk");
    });
}

/// Its bodies drop nothing.
#[test]
fn a_factory_that_panics_when_it_is_dropped_is_how_a_service_ends_unless_that_had_failed() {
    let _ = serve(async |cx| {
        for fails in [false, true] {
            let bad = PanicOnDrop;
            let service = cx.service("bad").on_failure(OnEnd::Ignore).spawn(async move |_cx| {
                let _bad = ManuallyDrop::new(bad);
                if fails { Err("no disk") } else { Ok(()) }
            });
            match service.unwrap().await {
                Err(TaskError::Failed(_)) => assert!(fails),
                Err(TaskError::Panicked(_)) => assert!(!fails),
                ended => panic!("{ended:?}"),
            }
        }
    });
}

#[test]
fn failures_that_a_report_does_not_list_harm_nobody_who_asks_for_it() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").fail_fast().open().unwrap();
        let last = scope.spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let heard = async |_cx: Cx<'_, Hand>| Err::<(), _>("no disk");
        let heard = [(); 100].map(|()| scope.spawn(heard).unwrap());
        for _ in 0..2 {
            scope.spawn(fail).unwrap().detach();
        }
        for task in heard {
            assert!(task.await.is_err());
        }
        last.await.unwrap();
        let report = scope.close(&cx).await;
        assert_eq!((report.failures.len(), report.more_failures), (100, 2));
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

#[test]
fn late_shutdown_handlers_that_do_not_run_harm_nobody() {
    run_and_drop(async |cx| {
        for _ in 0..2 {
            let bad = PanicOnDrop;
            assert!(cx.on_shutdown(async move |_cx| drop(bad)).is_ok());
        }
    });
}

#[test]
fn what_was_described_and_does_not_run_harms_nobody() {
    let task = || {
        let bad = Arc::new(PanicOnDrop);
        async move |_cx: Cx<'_, Hand>| drop(bad)
    };
    let handler = || {
        let bad = PanicOnDrop;
        async move |_cx: Cx<'_, Hand>| drop(bad)
    };
    let described = || {
        Lifespan::on(ByHand::new())
            .startup("db", async |_cx| Err::<(), _>("no disk"))
            .startup("web", handler())
            .shutdown("web", handler())
            .component("jobs", |it| it.task("one", task()).task("two", task()))
            .task("one", task())
            .task("two", task())
            .serve(handler())
    };
    let report = described().run();
    assert_eq!(report.components[0].startup.to_string(), "failed: no disk", "{report}");
    let report = described().task("one", async |_cx| ()).run();
    assert!(matches!(report.start_error, Some(StartError::NameTaken { .. })), "{report}");
}

/// Binds what panics when it is released.
struct Source(Result<(), BoxError>);

impl StopSource for Source {
    type Bound = PanicOnDrop;

    fn bind(
        self,
        _stop: ShutdownTrigger,
        _cancel: ShutdownTrigger,
    ) -> Result<PanicOnDrop, BoxError> {
        self.0.map(|()| PanicOnDrop)
    }
}

#[test]
fn sources_whose_release_panics_do_not_cost_the_report() {
    let with_two = || Lifespan::on(ByHand::new()).stop_on(Source(Ok(()))).stop_on(Source(Ok(())));
    let report = with_two().serve(async |_cx| ()).run();
    assert!(report.is_clean(), "{report}");
    let report = with_two().stop_on(Source(Err("no signals".into()))).run();
    assert!(report.start_error.is_some(), "{report}");
}

#[test]
fn callbacks_of_a_hard_end_that_are_not_called_harm_nobody() {
    let (gone, is_gone) = mpsc::channel::<()>();
    let (first, second, also_gone) = (PanicOnDrop, PanicOnDrop, gone.clone());
    let report = Lifespan::on(ByHand::new())
        .on_hard_end(move |_report| drop((first, also_gone)))
        .on_waiting(move |_line| {
            let _ = (&second, &gone);
        })
        .serve(async |_cx| ())
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(is_gone.recv().is_err(), "the thread that had them has dropped them");
}

#[test]
fn what_workers_do_not_call_does_not_cost_their_report() {
    let (work, start, stop) = (PanicOnDrop, PanicOnDrop, PanicOnDrop);
    let workers = Workers::new(1, move |_worker| {
        let _work = &work;
        Lifespan::on(ByHand::new())
    });
    let report = workers
        .stop_on(Source(Err("no signals".into())))
        .on_main_start(move || drop(start))
        .on_main_stop(move || drop(stop))
        .run();
    assert!(report.start_error.is_some(), "{report}");
}
