//! The deadline of a stop: it bounds everything, and what is left behind is named.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::future::pending;
use lifespan_core::{Cx, HandlerOutcome, Lifespan, LoopOwner, Outcome, Spawner, Timer};

use crate::support::{GUARD, Log, Moment, NEVER, SHORT, inside};

/// It caps the grace of every task, own or not.
pub fn caps_every_grace<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let report = Lifespan::on(&mut owner)
        .startup("component", async move |cx| {
            let body = async move |_cx: Cx<'_, _>| {
                let _held = held;
                pending::<()>().await;
            };
            cx.task("deaf").grace(Duration::MAX).spawn(body).map(drop)
        })
        .grace(NEVER)
        .deadline(SHORT)
        .serve(async |_cx| {})
        .run();
    let deaf = report.task("component/deaf").unwrap();
    assert!(!matches!(deaf.outcome, Some(Outcome::Completed)) && deaf.overran, "{report}");
    assert_eq!(report.exit_code(), 6);
    assert_is_dropped(owner, gone);
}

/// A body is dropped: on several threads, perhaps a moment later; and not because its loop ends, which
/// goes on here.
fn assert_is_dropped<O: LoopOwner<Handle: Timer>>(owner: O, gone: Moment) {
    inside(owner, async move |cx| assert!(cx.timeout(GUARD, gone.wait()).await.is_ok()));
}

/// A protected block is dropped all the same when it is over.
pub fn bounds_a_protected_block<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let report = Lifespan::on(&mut owner)
        .startup("component", async move |cx| {
            let begun = Moment::default();
            let at_begin = begun.clone();
            let body = async move |cx: Cx<'_, _>| {
                let _held = held;
                cx.protect(async {
                    at_begin.come();
                    pending::<()>().await;
                })
                .await;
            };
            cx.task("writer").spawn(body).unwrap().detach();
            begun.wait().await;
        })
        .grace(Duration::ZERO)
        .deadline(SHORT)
        .serve(async |_cx| {})
        .run();
    let writer = report.task("component/writer").unwrap();
    assert!(!matches!(writer.outcome, Some(Outcome::Completed)) && writer.overran, "{report}");
    // It counts from the request, which is before the stop begins.
    let since_served = report.phases.serving + report.phases.draining + report.phases.stopping;
    assert!(since_served >= SHORT, "it had the time until then");
    assert_is_dropped(owner, gone);
}

/// It caps a shutdown handler's budget; every later one is still polled once.
pub fn caps_every_handler<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let down = log.clone();
    let report = Lifespan::on(owner)
        .shutdown("quick", async move |_cx| down.add("quick"))
        .shutdown("hangs", async |_cx| pending::<()>().await)
        .stop_timeout(NEVER)
        .deadline(SHORT)
        .serve(async |_cx| {})
        .run();
    assert!(matches!(report.component("hangs").unwrap().shutdown, HandlerOutcome::TimedOut(_)));
    assert_eq!(log, ["quick"]);
    assert_eq!(report.exit_code(), 5, "{report}");
}

/// A deadline of no time and one beyond the clock are both valid.
pub fn of_any_duration_is_valid<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let listens = async |cx: Cx<'_, O::Handle>| cx.shutdown().wait().await;
    let report = Lifespan::on(&mut owner)
        .task("task", listens)
        .grace(Duration::MAX)
        .start_timeout(Duration::MAX)
        .stop_timeout(Duration::MAX)
        .deadline(Duration::MAX)
        .shutdown("component", async |cx| cx.sleep(SHORT).await)
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    let stopped = Moment::default();
    let at_stop = stopped.clone();
    let report = Lifespan::on(owner)
        .shutdown("component", async move |_cx| at_stop.come())
        .deadline(Duration::ZERO)
        .grace(Duration::ZERO)
        .serve(async |_cx| {})
        .run();
    assert!(stopped.has_come() && report.is_clean(), "polled once even so: {report}");
}

/// Tasks that spawn another whenever one is dropped do not hold up the end: the rest is left.
pub fn is_not_held_up_by_destructors<O: LoopOwner<Handle: Timer>>(owner: O) {
    /// More than a stop can drop in its last look: a stop that comes so far is not bounded by it.
    const MANY: usize = 1_000_000;
    #[derive(Default)]
    struct Heads {
        dropped: AtomicUsize,
        scope_has_ended: AtomicBool,
    }
    struct Hydra<L: Timer>(Spawner<L>, Arc<Heads>);
    impl<L: Timer> Hydra<L> {
        fn grow(&self) {
            let head = Self(self.0.clone(), Arc::clone(&self.1));
            let body = async move |_cx: Cx<'_, L>| {
                let _head = head;
                pending::<()>().await;
            };
            if let Err(closed) = self.0.spawn(body) {
                self.1.scope_has_ended.store(true, Ordering::SeqCst);
                drop(closed); // with the head in it, which grows no other
            }
        }
    }
    impl<L: Timer> Drop for Hydra<L> {
        fn drop(&mut self) {
            let dropped = self.1.dropped.fetch_add(1, Ordering::SeqCst);
            if dropped < MANY && !self.1.scope_has_ended.load(Ordering::SeqCst) {
                self.grow();
            }
        }
    }
    let heads = Arc::new(Heads::default());
    let count = Arc::clone(&heads);
    let report = Lifespan::on(owner)
        .serve(async move |cx| Hydra(cx.spawner(), count).grow())
        .grace(Duration::ZERO)
        .deadline(SHORT)
        .run();
    assert_eq!(report.exit_code(), 6);
    let dropped = heads.dropped.load(Ordering::SeqCst);
    assert!(dropped < MANY, "the deadline did not bound the stop: {dropped} tasks were dropped");
}
