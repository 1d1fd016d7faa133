//! Time, virtual: sleeps, timeouts, intervals, and the limits of `Duration`.

use std::future::pending;
use std::task::Poll;
use std::time::Duration;

use lifespan_core::{Cx, Lifespan, Outcome, Waited};

use crate::by_hand::{ByHand, Hand, next_round, run, serve};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Whole seconds, which a few rounds do not change.
fn seconds_since(cx: &Cx<'_, Hand>, began: std::time::Instant) -> u64 {
    (cx.now() - began).as_secs()
}

#[test]
fn every_wait_takes_zero() {
    let _ = serve(async |cx| {
        cx.sleep(Duration::ZERO).await;
        assert!(cx.timeout(Duration::ZERO, pending::<()>()).await.is_err());
        assert_eq!(cx.timeout(Duration::ZERO, async { 7 }).await, Ok(7), "the future wins a tie");
        assert_eq!(cx.wait_timeout(Duration::ZERO).await, Waited::Elapsed);
        let mut interval = cx.interval(Duration::ZERO);
        for _ in 0..100 {
            interval.tick().await;
        }
    });
}

#[test]
fn every_wait_takes_max() {
    let report = serve(async |cx| {
        assert!(cx.timeout(HOUR, cx.sleep(Duration::MAX)).await.is_err());
        assert_eq!(cx.timeout(Duration::MAX, cx.sleep(HOUR)).await, Ok(()));
        let mut interval = cx.interval(Duration::MAX);
        interval.tick().await; // the first is at once
        assert!(cx.timeout(HOUR, interval.tick()).await.is_err());
        let task = cx.spawn(async |cx| cx.wait_timeout(Duration::MAX).await.is_set());
        next_round().await;
        task.stop();
        assert!(task.await.unwrap());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_timeout_gives_the_value_or_drops_the_future() {
    let _ = serve(async |cx| {
        let began = cx.now();
        let value = cx.timeout(2 * SECOND, async {
            cx.sleep(SECOND).await;
            7
        });
        assert_eq!(value.await, Ok(7));
        let elapsed = cx.timeout(SECOND, pending::<()>()).await.unwrap_err();
        assert_eq!(elapsed.to_string(), "not done within 1s");
        assert_eq!(seconds_since(&cx, began), 2);
    });
}

#[test]
fn wait_timeout_ends_at_once_when_the_event_is_set() {
    let _ = serve(async |cx| {
        let began = cx.now();
        assert_eq!(cx.wait_timeout(SECOND).await, Waited::Elapsed);
        let task = cx.spawn(async |cx| {
            assert!(cx.wait_timeout(HOUR).await.is_set());
            assert!(cx.wait_timeout(HOUR).await.is_set(), "and again: it is a level");
        });
        next_round().await;
        task.stop();
        task.await.unwrap();
        assert_eq!(seconds_since(&cx, began), 1);
    });
}

#[test]
fn an_interval_ticks_at_once_and_then_each_period() {
    let _ = serve(async |cx| {
        let began = cx.now();
        let mut interval = cx.interval(10 * SECOND);
        let mut ticks = Vec::new();
        for _ in 0..4 {
            interval.tick().await;
            ticks.push(seconds_since(&cx, began));
        }
        assert_eq!(ticks, [0, 10, 20, 30]);
    });
}

#[test]
fn an_interval_skips_the_ticks_that_were_missed() {
    let _ = serve(async |cx| {
        let began = cx.now();
        let mut interval = cx.interval(10 * SECOND);
        interval.tick().await;
        cx.sleep(35 * SECOND).await;
        interval.tick().await; // the one that was due at 10
        assert_eq!(seconds_since(&cx, began), 35);
        interval.tick().await;
        assert_eq!(seconds_since(&cx, began), 40, "in step with the first");
    });
}

#[test]
fn a_tick_that_was_waited_for_in_vain_is_still_due() {
    let _ = serve(async |cx| {
        let began = cx.now();
        let mut interval = cx.interval(10 * SECOND);
        interval.tick().await;
        assert!(cx.timeout(4 * SECOND, interval.tick()).await.is_err());
        interval.tick().await;
        assert_eq!(seconds_since(&cx, began), 10);
    });
}

fn with_every_budget(budget: Duration) -> Lifespan<ByHand> {
    Lifespan::on(ByHand::new())
        .start_timeout(budget)
        .grace(budget)
        .stop_timeout(budget)
        .deadline(budget)
        .startup("db", async |cx| {
            cx.spawn(async |cx| cx.shutdown().wait().await).detach();
        })
        .shutdown("db", async |_cx| ())
}

#[test]
fn every_budget_takes_max() {
    let lifespan = with_every_budget(Duration::MAX);
    let report = run(lifespan.serve(async |cx| {
        let slow = cx.task("slow").grace(Duration::MAX).spawn(async |cx| {
            cx.shutdown().wait().await;
            cx.sleep(1000 * HOUR).await;
        });
        slow.unwrap().detach();
    }));
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.stopping >= 1000 * HOUR);
}

#[test]
fn every_budget_takes_zero() {
    let lifespan = with_every_budget(Duration::ZERO);
    let report = run(lifespan.serve(async |cx| {
        let task = cx.task("cut").grace(Duration::ZERO).spawn(async |_cx| pending::<()>().await);
        task.unwrap().detach();
    }));
    // Handlers that need no waiting have had their one poll.
    assert!(!report.component("db").unwrap().startup.is_failure(), "{report}");
    assert!(!report.component("db").unwrap().shutdown.is_failure(), "{report}");
    assert!(matches!(report.task("cut").unwrap().outcome, Some(Outcome::Cancelled)), "{report}");
    assert!(report.stragglers.is_empty(), "{report}");
    assert_eq!(report.exit_code(), 6);
}

#[test]
fn a_start_handler_with_no_budget_that_waits_has_timed_out() {
    let lifespan = with_every_budget(Duration::ZERO);
    let report = lifespan.startup("slow", async |_cx| pending::<()>().await).run();
    assert_eq!(report.exit_code(), 3);
    let slow = &report.component("slow").unwrap().startup;
    assert!(matches!(slow, lifespan_core::HandlerOutcome::TimedOut(Duration::ZERO)), "{slow}");
}

#[test]
fn a_sleep_is_bound_to_the_loop_that_made_it() {
    let _ = serve(async |cx| {
        let (began, id) = (cx.now(), cx.loop_id());
        let mut sleep = Box::pin(cx.sleep(SECOND));
        let other = serve(async move |cx| assert_ne!(cx.loop_id(), id));
        // A loop inside a loop is refused, so nothing ran in there.
        assert_eq!(other.exit_code(), 3);
        let first = std::future::poll_fn(|context| Poll::Ready(sleep.as_mut().poll(context)));
        assert!(first.await.is_pending());
        sleep.await;
        assert_eq!(seconds_since(&cx, began), 1);
    });
}
