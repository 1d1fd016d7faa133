//! Scopes in virtual time, in many orders.

use std::future::pending;
use std::time::Duration;

use lifespan_core::{Cx, Lifespan, Outcome, Timer};
use lifespan_sim::{Sim, SimLoop};

const SECOND: Duration = Duration::from_secs(1);

/// Runs it in many orders; whatever is not clean is a failure of the test.
fn in_every_order<F>(body: F)
where
    F: for<'t> AsyncFnOnce(Cx<'t, Sim>) + Clone + 'static,
{
    for seed in 0..100 {
        let report = Lifespan::on(SimLoop::new(seed)).serve(body.clone()).run();
        assert!(report.is_clean(), "seed {seed}: {report}");
    }
}

async fn stubborn<L: Timer>(_cx: Cx<'_, L>) {
    pending::<()>().await;
}

#[test]
fn a_close_takes_the_longest_grace_of_what_lives_and_no_more() {
    in_every_order(async |cx| {
        let outer = cx.scope("outer").grace(4 * SECOND).open().unwrap();
        let inner = outer.scope("inner").grace(2 * SECOND).open().unwrap();
        let as_outer = outer.scope("as outer").open().unwrap();
        outer.task("own").grace(7 * SECOND).spawn(stubborn).unwrap().detach();
        outer.task("at once").cancel_on_stop().spawn(stubborn).unwrap().detach();
        for scope in [&outer, &inner, &as_outer] {
            scope.task("stubborn").spawn(stubborn).unwrap().detach();
            let polite = async |cx: Cx<'_, Sim>| {
                cx.shutdown().wait().await;
                cx.sleep(SECOND).await;
            };
            scope.task("polite").spawn(polite).unwrap().detach();
        }
        inner.detach();
        as_outer.detach();
        let began = cx.now();
        let report = outer.close(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 7);
        assert_eq!(report.completed, 3, "{report}");
        let mut cut = report.cancelled.iter().map(|task| (task.age.as_secs(), task.path.as_str()));
        let mut cut = cut.by_ref().collect::<Vec<_>>();
        cut.sort_unstable();
        let expected = [
            (2, "outer/inner/stubborn"),
            (4, "outer/as outer/stubborn"),
            (4, "outer/stubborn"),
            (7, "outer/own"),
        ];
        assert_eq!(cut, expected);
    });
}

#[test]
fn a_task_that_is_spawned_in_an_inner_scope_while_the_outer_stops_has_its_grace() {
    in_every_order(async |cx| {
        let outer = cx.scope("outer").grace(4 * SECOND).open().unwrap();
        let inner = outer.scope("inner").open().unwrap();
        let spawns = async |cx: Cx<'_, Sim>| {
            cx.shutdown().wait().await;
            cx.sleep(SECOND).await;
            let short = cx.task("short").grace(2 * SECOND);
            short.spawn(stubborn).unwrap().detach();
            cx.task("at once").cancel_on_stop().spawn(stubborn).unwrap().detach();
        };
        inner.spawn(spawns).unwrap().detach();
        inner.detach();
        let began = cx.now();
        let report = outer.close(&cx).await;
        assert_eq!(cx.now().duration_since(began).as_secs(), 2);
        assert_eq!((report.completed, report.cancelled.len()), (1, 1), "{report}");
    });
}

#[test]
fn so_many_at_once_take_so_long() {
    in_every_order(async |cx| {
        let scope = cx.scope("scope").max_concurrency(3).open().unwrap();
        for _ in 0..10 {
            scope.spawn(async |cx| cx.sleep(SECOND).await).unwrap().detach();
        }
        let began = cx.now();
        assert_eq!(scope.finish(&cx).await.completed, 10);
        assert_eq!(cx.now().duration_since(began).as_secs(), 4);
    });
}

#[test]
fn of_a_scope_that_fails_fast_every_task_is_counted_once() {
    in_every_order(async |cx| {
        let scope = cx.scope("group").fail_fast().grace(SECOND).open().unwrap();
        for number in 0..12 {
            let body = async move |cx: Cx<'_, Sim>| match number % 4 {
                0 => Err("no luck"),
                1 => Ok(()),
                2 => {
                    cx.shutdown().wait().await;
                    Ok(())
                }
                _ => {
                    pending::<()>().await;
                    Ok(())
                }
            };
            scope.spawn(body).unwrap().detach();
        }
        let report = scope.finish(&cx).await;
        let counts = (report.completed, report.failures.len(), report.cancelled.len());
        assert_eq!(counts, (6, 3, 3), "{report}");
    });
}

#[test]
fn whoever_ends_a_scope_leaves_nothing() {
    in_every_order(async |cx| {
        for id in 0..20 {
            let connection = async move |cx: Cx<'_, Sim>| {
                let scope = cx.scope(format_args!("conn:{id}")).open().unwrap();
                let receiver = scope.task("receiver").spawn(async |cx| {
                    cx.shutdown().wait().await;
                    cx.sleep(SECOND).await;
                });
                receiver.unwrap().detach();
                cx.sleep(SECOND * (id % 3)).await;
                match id % 4 {
                    0 => drop(scope),
                    1 => assert!(scope.close(&cx).await.failures.is_empty()),
                    2 => assert!(!matches!(scope.cancel().await, Outcome::Failed(_))),
                    _ => scope.detach(),
                }
            };
            cx.spawn(connection).detach();
        }
        cx.sleep(SECOND / 2).await;
        for id in 0..20 {
            if let Some(scope) = cx.tasks().get(&format!("conn:{id}")) {
                let _ = scope.stop_within(&cx, SECOND * (id % 2)).await;
            }
        }
        while let Some(task) = cx.tasks().iter().next() {
            task.finished().await;
        }
    });
}
