//! Strategies: which services of a scope begin again with one that does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_lite::future::yield_now;
use lifespan_core::{Cx, Lifespan, LoopOwner, Strategy, TaskState, Timer};

use crate::services::{Attempts, at_once};
use crate::support::{Log, Moment, NEVER, inside};

struct Gone(Log, &'static str);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.add(format!("-{}", self.1));
    }
}

/// All are gone before the first begins again, and they begin in order.
pub fn have_all_begin_again<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (log, all) = (Log::default(), Moment::default());
    let begun = Attempts::default();
    let mut lifespan = Lifespan::on(owner);
    lifespan = lifespan.component("group", |it| {
        ["a", "b", "c"].into_iter().fold(it.strategy(Strategy::OneForAll), |it, name| {
            let (log, all, begun) = (log.clone(), all.clone(), begun.clone());
            let body = async move |cx: Cx<'_, O::Handle>| {
                // Before it counts: who sees the count finds the lines.
                log.add(format!("+{name}"));
                let number = begun.begin();
                let _gone = Gone(log.clone(), name);
                // The first three are there before one of them fails.
                if number < 4 {
                    while begun.count() < 3 {
                        yield_now().await;
                    }
                    if name == "b" {
                        return Err("once");
                    }
                }
                if number == 6 {
                    all.come();
                }
                cx.shutdown().wait().await;
                Ok(())
            };
            it.service_with(name, |it| it.on_failure(at_once()), body)
        })
    });
    let report = lifespan.serve(async move |_cx| all.wait().await).run();
    assert!(report.is_clean(), "{report}");
    let lines = log.lines();
    let mut downs = lines[3..6].to_vec();
    downs.sort_unstable();
    assert_eq!(downs, ["-a", "-b", "-c"]);
    assert_eq!(lines[6..9], ["+a", "+b", "+c"]);
}

/// Those after the one that failed are gone before it begins, and begin after it; the one before goes on.
pub fn have_the_rest_begin_again<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (log, all) = (Log::default(), Moment::default());
    let begun = Attempts::default();
    let mut lifespan = Lifespan::on(owner).strategy(Strategy::RestForOne);
    for name in ["a", "b", "c"] {
        let (log, all, begun) = (log.clone(), all.clone(), begun.clone());
        let body = async move |cx: Cx<'_, O::Handle>| {
            // Before it counts: who sees the count finds the lines.
            log.add(format!("+{name}"));
            let number = begun.begin();
            let _gone = Gone(log.clone(), name);
            if number < 4 && name == "b" {
                while begun.count() < 3 {
                    yield_now().await;
                }
                return Err("once");
            }
            if number == 5 {
                all.come();
            }
            cx.shutdown().wait().await;
            Ok(())
        };
        lifespan = lifespan.service_with(name, |it| it.on_failure(at_once()), body);
    }
    let report = lifespan.serve(async move |_cx| all.wait().await).run();
    assert!(report.is_clean(), "{report}");
    let lines = log.lines();
    let mut downs = lines[3..5].to_vec();
    downs.sort_unstable();
    assert_eq!(downs, ["-b", "-c"]);
    assert_eq!(lines[5..7], ["+b", "+c"]);
    assert_eq!(begun.count(), 5, "the one before goes on");
}

/// Who waits for a delay of its own is woken out of it when one before it fails, and begins after that.
pub fn end_the_delay_of_who_begins_again_with_another<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (go_on, again) = (Moment::default(), Moment::default());
        let (gate, at_last) = (go_on.clone(), again.clone());
        let scope = cx.scope("group").strategy(Strategy::RestForOne).open().unwrap();
        let first = scope.service("first").on_failure(at_once()).spawn(async move |cx| {
            if cx.this_task().unwrap().attempts() == 1 {
                gate.wait().await;
                return Err("once");
            }
            cx.shutdown().wait().await;
            Ok(())
        });
        let never = at_once().backoff(NEVER, NEVER);
        let last = scope.service("last").on_failure(never).spawn(async move |cx| {
            if cx.this_task().unwrap().attempts() == 1 {
                return Err("once");
            }
            at_last.come();
            cx.shutdown().wait().await;
            Ok(())
        });
        let (first, last) = (first.unwrap(), last.unwrap());
        while last.task_ref().state() != TaskState::Restarting {
            yield_now().await;
        }
        let before = cx.now();
        go_on.come();
        again.wait().await;
        // Where time is virtual it would pass.
        assert!(cx.now().duration_since(before) < NEVER / 2);
        assert_eq!((first.task_ref().attempts(), last.task_ref().attempts()), (2, 2));
        assert!(scope.close(&cx).await.is_clean());
        first.await.unwrap();
        last.await
    });
}

/// Two that meet, and leave at one moment if they are on two threads.
#[derive(Default)]
struct Meeting {
    come: [Moment; 2],
    left: [AtomicBool; 2],
}

impl Meeting {
    async fn meet(&self, me: usize) {
        let other = 1 - me;
        self.come[me].come();
        self.come[other].wait().await;
        self.left[me].store(true, Ordering::Relaxed);
        // No longer: on one thread the other one comes later.
        let waits = (0..2000).take_while(|_| !self.left[other].load(Ordering::Relaxed));
        waits.for_each(|_| std::hint::spin_loop());
    }
}

/// Two that fail at one moment, on two threads where there are some: each begins again, once, and
/// together they count as one.
pub fn count_two_that_fail_at_once_as_one<O: LoopOwner<Handle: Timer>>(owner: O) {
    const ROUNDS: u32 = 200;
    inside(owner, async |cx| {
        let scope = cx.scope("group").strategy(Strategy::OneForAll);
        let scope = scope.restarts_at_most(ROUNDS, NEVER).open().unwrap();
        let meetings = (0..=ROUNDS).map(|_| Meeting::default()).collect::<Arc<[_]>>();
        let services = [0, 1].map(|me| {
            let meetings = Arc::clone(&meetings);
            let service = scope.service(["a", "b"][me]).on_failure(at_once());
            let service = service.spawn(async move |cx| {
                let attempt = cx.this_task().unwrap().attempts();
                meetings[attempt as usize - 1].meet(me).await;
                if attempt <= u64::from(ROUNDS) {
                    return Err("at once");
                }
                cx.shutdown().wait().await;
                Ok(())
            });
            service.unwrap()
        });
        let last = &meetings[ROUNDS as usize];
        for moment in &last.come {
            let come = scope.shutdown().run_until_set(moment.wait()).await;
            assert!(come.is_some(), "counted twice: {:?}", scope.shutdown().reason());
        }
        assert!(scope.close(&cx).await.is_clean());
        for service in services {
            assert_eq!(service.task_ref().attempts(), u64::from(ROUNDS + 1));
            service.await.unwrap();
        }
    });
}
