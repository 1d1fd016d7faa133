//! Scopes that are opened inside others: how they are told apart, how they end, how deep they go.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifespan_core::{
    BoxError, Cx, Lifespan, OpenScope, Outcome, ScopeError, SpawnError, TaskError, TaskRef,
};

use crate::by_hand::{ByHand, Hand, next_round, run, serve};
use crate::outcomes::Gone;
use crate::woken::{call, poll};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_scope_is_a_member_of_the_one_around_it() {
    let report = serve(async |cx| {
        let scope = cx.scope("feed:42").open().unwrap();
        let receiver = scope.task("receiver").spawn(async |_cx| pending::<()>().await).unwrap();
        assert_eq!(receiver.task_ref().path(), "feed:42/receiver");
        assert_eq!(scope.task_ref().path(), "feed:42");
        assert!(cx.tasks().contains("feed:42") && !cx.tasks().contains("receiver"));
        assert!(scope.tasks().contains("receiver") && scope.tasks().len() == 1);
        assert!(matches!(cx.scope("feed:42").open(), Err(ScopeError::NameTaken { .. })));
        assert!(matches!(
            cx.task("feed:42").spawn(async |_cx| ()),
            Err(SpawnError::NameTaken { .. })
        ));
        assert!(matches!(cx.scope("").open(), Err(ScopeError::EmptyName)));
        drop(scope);
        assert!(matches!(receiver.await, Err(TaskError::Cancelled)));
        assert!(cx.tasks().is_empty());
        assert!(cx.scope("feed:42").open().is_ok(), "the name is free again");
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn what_a_task_of_a_scope_spawns_belongs_to_it() {
    let _ = serve(async |cx| {
        let scope = cx.scope("outer").open().unwrap();
        let path = scope.spawn(async |cx| {
            let inner = cx.task("inner").spawn(async |_cx| ()).unwrap();
            let path = inner.task_ref().path();
            assert_eq!(cx.this_scope().unwrap().path(), "outer");
            inner.await.unwrap();
            path
        });
        assert_eq!(path.unwrap().await.unwrap(), "outer/inner");
        assert!(cx.this_scope().is_none());
        let spawner = scope.spawner().clone();
        let thread = std::thread::spawn(move || spawner.task("far").spawn(async |_cx| ()));
        assert_eq!(thread.join().unwrap().unwrap().task_ref().path(), "outer/far");
        assert!(scope.close(&cx).await.is_clean());
    });
}

#[test]
fn a_scope_that_is_dropped_cancels_its_tasks() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        let gone = Gone::default();
        let guard = gone.guard();
        let task = scope.spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        next_round().await;
        let ended = scope.task_ref().finished();
        let spawner = scope.spawner().clone();
        drop(scope);
        assert!(!gone.is_gone(), "nothing is dropped in the call");
        assert!(spawner.spawn(async |_cx| ()).is_err(), "and nothing comes any more");
        assert!(matches!(ended.await, Outcome::Cancelled));
        assert!(gone.is_gone() && matches!(task.unwrap().await, Err(TaskError::Cancelled)));
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn an_empty_scope_ends_in_the_moment_of_its_drop() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        let task = scope.task_ref().clone();
        drop(scope);
        assert!(cx.tasks().is_empty() && matches!(task.outcome(), Some(Outcome::Completed)));
    });
}

#[test]
fn a_closed_scope_waits_for_its_tasks_and_says_how_they_ended() {
    let report = serve(async |cx| {
        let scope = cx.scope("scope").grace(SECOND).open().unwrap();
        for _ in 0..3 {
            scope.spawn(async |_cx| ()).unwrap().detach();
        }
        let failed = scope.task("fails").spawn(async |_cx| Err::<(), _>("no luck")).unwrap();
        scope
            .task("slow")
            .spawn(async |cx| {
                cx.shutdown().wait().await;
                cx.sleep(SECOND / 2).await;
            })
            .unwrap()
            .detach();
        scope.task("stubborn").spawn(async |_cx| pending::<()>().await).unwrap().detach();
        next_round().await;
        assert!(failed.await.is_err());
        let began = cx.now();
        let ended = scope.task_ref().clone();
        let report = scope.close(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 1, "that is the grace");
        assert!(ended.is_finished() && cx.tasks().is_empty());
        assert_eq!(report.completed, 4, "{report}");
        assert_eq!(report.failures.len(), 1);
        assert_eq!(report.first_failure().unwrap().path, "scope/fails");
        assert_eq!(report.cancelled.len(), 1);
        assert_eq!(report.cancelled[0].path, "scope/stubborn");
        assert!(report.stragglers.is_empty() && !report.is_clean());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_close_ends_with_the_last_task() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        scope.spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        next_round().await;
        let began = cx.now();
        let report = scope.close(&cx).await;
        assert!(cx.now().duration_since(began) < SECOND && report.is_clean());
        assert_eq!((report.completed, &*report.to_string()), (1, "1 task completed"));
    });
}

#[test]
fn the_end_of_a_scope_is_waited_for_without_a_stop() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        scope
            .spawn(async |cx| {
                cx.sleep(60 * SECOND).await;
                cx.spawn(async |cx| cx.sleep(60 * SECOND).await).detach();
                assert!(!cx.shutdown().is_set());
            })
            .unwrap()
            .detach();
        let began = cx.now();
        let report = scope.finish(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 120);
        assert_eq!(report.completed, 2);
    });
}

#[test]
fn a_task_that_comes_during_the_close_is_born_stopped_and_awaited() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        let spawner = scope.spawner().clone();
        let late = spawner.clone();
        scope
            .spawn(async move |cx| {
                cx.shutdown().wait().await;
                late.spawn(async |cx| {
                    assert!(cx.shutdown().is_set());
                    cx.sleep(SECOND).await;
                })
                .unwrap()
                .detach();
            })
            .unwrap()
            .detach();
        next_round().await;
        let report = scope.close(&cx).await;
        assert_eq!((report.completed, report.is_clean()), (2, true));
        let body = spawner.spawn(async |_cx| 7).unwrap_err();
        assert_eq!(cx.spawn(body.into_inner()).await.unwrap(), 7, "it came back");
        assert!(matches!(spawner.scope("inner").open(), Err(ScopeError::Closed)));
    });
}

#[test]
fn a_close_that_is_given_up_cancels() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        let task = scope.spawn(async |_cx| pending::<()>().await).unwrap();
        let waited = cx.timeout(SECOND, scope.close(&cx)).await;
        assert!(waited.is_err() && matches!(task.await, Err(TaskError::Cancelled)));
    });
}

#[test]
fn a_scope_may_be_closed_by_one_of_its_own_tasks() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").grace(SECOND).open().unwrap();
        let ended = scope.task_ref().finished();
        let inner = scope.scope("inner").open().unwrap();
        scope.task("stubborn").spawn(async |_cx| pending::<()>().await).unwrap().detach();
        let polite = async |cx: Cx<'_, Hand>| {
            cx.shutdown().wait().await;
            cx.sleep(SECOND / 2).await;
        };
        scope.task("polite").spawn(polite).unwrap().detach();
        let spawner = inner.spawner().clone();
        let closer = spawner.task("closer").spawn(async move |cx| {
            let began = cx.now();
            let report = scope.close(&cx).await;
            assert_eq!(cx.now().duration_since(began).as_secs(), 1);
            assert!(cx.shutdown().is_set());
            cx.sleep(60 * SECOND).await; // nobody cancels it
            Ok::<_, BoxError>(report)
        });
        let report = closer.unwrap().await.unwrap();
        assert_eq!((report.completed, report.cancelled.len()), (1, 1), "{report}");
        drop(inner);
        assert!(matches!(ended.await, Outcome::Completed));
        assert!(cx.tasks().is_empty());
    });
}

/// It ends in the moment of its cancel, and so while the close looks at it: its waker drops it.
#[test]
fn who_closes_its_own_scope_does_not_wait_for_who_ended_meanwhile() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        let spawner = scope.spawner().clone();
        let closer = spawner.spawn(async move |cx| {
            let other = scope.task("other").cancel_on_stop().track(pending::<()>()).unwrap();
            let held = Arc::new(Mutex::new(Some(Box::new(other))));
            let drops = Arc::clone(&held);
            let waker = call(move || drop(drops.lock().unwrap().take()));
            assert!(poll(held.lock().unwrap().as_mut().unwrap(), &waker).is_pending());
            let began = cx.now();
            let report = scope.close(&cx).await;
            assert!(cx.now().duration_since(began) < SECOND, "{report}");
            Ok::<_, BoxError>(report)
        });
        assert!(closer.unwrap().await.unwrap().is_clean());
    });
}

#[test]
fn a_cancel_by_name_drops_all_in_a_scope_and_waits_for_that() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let inner = outer.scope("inner").open().unwrap();
        let gones = [(); 2].map(|()| Gone::default());
        for (scope, gone) in [&outer, &inner].into_iter().zip(&gones) {
            let guard = gone.guard();
            let body = async move |_cx: Cx<'_, Hand>| {
                let _guard = guard;
                pending::<()>().await;
            };
            scope.spawn(body).unwrap().detach();
        }
        next_round().await;
        assert!(matches!(cx.tasks().cancel("outer").await, Ok(Outcome::Cancelled)));
        assert!(gones.iter().all(Gone::is_gone) && cx.tasks().is_empty());
        assert!(inner.task_ref().is_finished() && inner.spawn(async |_cx| ()).is_err());
        assert!(outer.close(&cx).await.is_clean(), "a scope that has ended closes at once");
    });
}

#[test]
fn a_stop_by_name_ends_a_scope_with_its_last_task() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let inner = outer.scope("inner").open().unwrap();
        inner.spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        next_round().await;
        let task = cx.tasks().stop("outer").unwrap();
        assert!(matches!(task.finished().await, Outcome::Completed));
        assert!(outer.shutdown().is_set() && inner.task_ref().is_finished());
    });
}

#[test]
fn a_scope_that_is_detached_ends_with_its_last_task() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        let task = scope.spawn(async |cx| cx.sleep(SECOND).await).unwrap();
        let ended = scope.task_ref().finished();
        scope.detach();
        task.await.unwrap();
        assert!(matches!(ended.await, Outcome::Completed));
        let empty = cx.scope("empty").open().unwrap();
        empty.detach();
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn a_task_that_cancels_its_scope_goes_no_further_than_its_next_await() {
    let _ = serve(async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let inner = outer.scope("inner").open().unwrap();
        let body = async |cx: Cx<'_, Hand>| {
            let scope = cx.this_scope().unwrap();
            let _ = scope.cancel().await;
            panic!("it went on");
        };
        let task = inner.spawn(body).unwrap();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(inner.task_ref().is_finished() && !outer.task_ref().is_finished());
        let parent = outer.task_ref().clone();
        let task = outer.spawn(async move |_cx| {
            let _ = parent.cancel().await;
            panic!("it went on");
        });
        assert!(matches!(task.unwrap().await, Err(TaskError::Cancelled)));
        assert!(outer.task_ref().is_finished());
    });
}

#[test]
fn a_task_that_stops_its_scope_waits_for_nothing_and_sees_it() {
    let _ = serve(async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        let task = scope.spawn(async |cx| {
            let scope = cx.this_scope().unwrap();
            assert!(scope.stop() && cx.shutdown().is_set());
        });
        task.unwrap().await.unwrap();
        assert!(scope.task_ref().is_finished());
    });
}

#[test]
fn the_stop_of_a_lifespan_stops_what_is_in_scopes_with_their_grace() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeps = kept.clone();
    let lifespan = Lifespan::on(ByHand::new()).grace(4 * SECOND).serve(async move |cx| {
        let stubborn = async |_cx: Cx<'_, Hand>| pending::<()>().await;
        let short = cx.scope("short").grace(SECOND).open().unwrap();
        short.task("stubborn").spawn(stubborn).unwrap().detach();
        let long = cx.scope("long").grace(8 * SECOND).open().unwrap();
        long.task("stubborn").spawn(stubborn).unwrap().detach();
        let plain = cx.scope("plain").open().unwrap();
        let inner = plain.scope("inner").open().unwrap();
        inner.task("stubborn").spawn(stubborn).unwrap().detach();
        let cut = plain.task("cut").cancel_on_stop();
        cut.spawn(stubborn).unwrap().detach();
        let empty = cx.scope("empty").open().unwrap();
        keeps.lock().unwrap().extend([short, long, plain, inner, empty]);
        next_round().await;
    });
    let report = run(lifespan);
    let age = |path: &str| report.task(path).map(|task| (task.overran, task.age.as_secs()));
    assert_eq!(age("short/stubborn"), Some((true, 1)), "{report}");
    assert_eq!(age("plain/inner/stubborn"), Some((true, 4)), "{report}");
    assert_eq!(age("long/stubborn"), Some((true, 8)), "{report}");
    assert_eq!(age("plain/cut"), Some((false, 0)), "{report}");
    assert_eq!(report.phases.stopping.as_secs(), 8, "{report}");
    assert!(report.stragglers.is_empty(), "{report}");
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    assert!(kept.iter().all(|scope: &OpenScope<Hand>| scope.task_ref().is_finished()));
}

#[test]
fn what_is_left_in_a_scope_at_the_deadline_is_a_straggler() {
    let owner = ByHand::new();
    let hand = owner.handle();
    let lifespan = Lifespan::on(owner).grace(SECOND).deadline(2 * SECOND).serve(async move |cx| {
        hand.hold_work();
        let scope = cx.scope("scope").open().unwrap();
        let protected = async |cx: Cx<'_, Hand>| cx.protect(pending::<()>()).await;
        scope.task("protected").spawn(protected).unwrap().detach();
        scope.task("blocks").spawn_blocking(|_| ()).unwrap().detach();
        scope.detach();
        next_round().await;
    });
    let report = run(lifespan);
    let left = report.stragglers.iter().map(|task| task.path.as_str()).collect::<Vec<_>>();
    assert_eq!(left, ["scope/blocks"], "{report}");
    assert!(report.task("scope/protected").unwrap().overran);
}

#[test]
fn a_close_leaves_behind_what_cannot_be_dropped() {
    let owner = ByHand::new();
    let hand = owner.handle();
    let _ = run(Lifespan::on(owner).serve(async move |cx| {
        hand.hold_work();
        let scope = cx.scope("scope").grace(SECOND).deadline(2 * SECOND).open().unwrap();
        let protected = async |cx: Cx<'_, Hand>| cx.protect(pending::<()>()).await;
        scope.task("protected").spawn(protected).unwrap().detach();
        let blocks = scope.task("blocks").spawn_blocking(|_| ()).unwrap();
        next_round().await;
        let began = cx.now();
        let report = scope.close(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 2);
        assert_eq!(report.cancelled[0].path, "scope/protected", "{report}");
        assert_eq!(report.stragglers[0].path, "scope/blocks", "{report}");
        assert!(cx.tasks().contains("scope"), "its name is not free yet");
        blocks.detach();
    }));
}

/// So deep that whatever recurses overflows the stack of a test's thread.
const DEEP: usize = 100_000;

/// Scopes inside each other, the outermost first.
fn chain(cx: &Cx<'_, Hand>) -> Vec<OpenScope<Hand>> {
    let mut chain = vec![cx.scope("s").open().unwrap()];
    for depth in 1..DEEP {
        let inner = chain[depth - 1].scope("s").open().unwrap();
        chain.push(inner);
    }
    chain
}

fn sleeper(scope: &OpenScope<Hand>) -> TaskRef {
    scope.spawn(async |cx| cx.shutdown().wait().await).unwrap().task_ref().clone()
}

#[test]
fn a_chain_of_scopes_settles_from_the_innermost_outwards() {
    let _ = serve(async |cx| {
        let chain = chain(&cx);
        let task = sleeper(&chain[DEEP - 1]);
        next_round().await;
        assert_eq!(task.path().len(), 2 * DEEP + task.id().to_string().len());
        assert!(cx.tasks().stop("s").is_ok() && chain[DEEP - 1].shutdown().is_set());
        assert!(matches!(chain[0].task_ref().finished().await, Outcome::Completed));
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn a_chain_of_scopes_is_cancelled_at_once() {
    let _ = serve(async |cx| {
        let chain = chain(&cx);
        for scope in &chain {
            let _ = sleeper(scope);
        }
        next_round().await;
        assert!(matches!(cx.tasks().cancel("s").await, Ok(Outcome::Cancelled)));
        assert!(chain.iter().all(|scope| scope.task_ref().is_finished()));
    });
}

#[test]
fn a_chain_of_scopes_is_dropped_from_either_end() {
    let _ = serve(async |cx| {
        let outermost_first = chain(&cx);
        let _ = sleeper(&outermost_first[DEEP - 1]);
        drop(outermost_first);
        next_round().await;
        assert!(cx.tasks().is_empty());
        let mut innermost_last = chain(&cx);
        let last = innermost_last.pop().unwrap();
        innermost_last.into_iter().rev().for_each(OpenScope::detach);
        // It holds all those around it, and lets them go one by one.
        drop(last);
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn a_chain_of_scopes_is_closed_and_stopped_with_the_lifespan() {
    let report = serve(async |cx| {
        let mut chain = chain(&cx).into_iter();
        let outermost = chain.next().unwrap();
        let rest = chain.collect::<Vec<_>>();
        let _ = sleeper(&rest[DEEP - 2]);
        let report = outermost.close(&cx).await;
        assert_eq!((report.completed, report.is_clean()), (0, true));
        drop(rest);
    });
    assert!(report.is_clean(), "{report}");
    let report = serve(async |cx| {
        let chain = chain(&cx);
        let _ = sleeper(&chain[DEEP - 1]);
        chain.into_iter().for_each(OpenScope::detach);
    });
    assert!(report.is_clean(), "{report}");
}
