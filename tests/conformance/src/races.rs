//! Stops at random moments while tasks and scopes come and go on other threads: none of them waits for
//! a time that is meant for who does not end.
//!
//! Whoever misses in such a moment that something has changed waits for the whole grace, and so fails.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::{pending, yield_now};
use lifespan_core::{
    BoxError, Cx, Lifespan, LoopOwner, ShutdownEvent, ShutdownTrigger, StopSource, Timer,
};

use crate::support::{Random, at_the_least, inside};

const ROUNDS: usize = 500;

/// Nobody needs it: who waits for it, or for a deadline, has missed something.
const GRACE: Duration = Duration::from_secs(60);

/// Less than any of these, and more than a busy machine needs.
const SOON: Duration = Duration::from_secs(20);

/// Of a turn of a ticker.
const TICK: Duration = Duration::from_micros(50);

/// A scope is closed while another task spawns and opens scopes in it.
pub fn of_a_scope<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        // In a task, so on one of the loop's threads if it has several.
        cx.spawn(async |cx| {
            let (mut random, until) = (Random::new(1), at_the_least());
            let mut round = 0;
            while round < ROUNDS || Instant::now() < until {
                round += 1;
                close_while_tasks_come(&cx, &mut random).await;
                let_time_pass(&cx).await;
            }
        })
        .await
        .unwrap();
    });
}

async fn close_while_tasks_come<L: Timer>(cx: &Cx<'_, L>, random: &mut Random) {
    let scope = cx.scope("scope").grace(GRACE).open().unwrap();
    let (spawner, mut others) = (scope.spawner().clone(), random.clone());
    let feeder = cx.spawn(async move |_cx| {
        for _ in 0..others.below(12) {
            let kind = others.below(KINDS);
            let Ok(task) = spawner.spawn(async move |cx| live(cx, kind).await) else { return };
            task.detach();
            wait(&mut others, 300).await;
        }
    });
    wait(random, 2_000).await;
    let began = cx.now();
    let report = scope.close(cx).await;
    assert!(cx.now().duration_since(began) < SOON, "{report}");
    feeder.await.unwrap();
}

/// A scope is closed by one of its tasks, while the others end.
pub fn of_ones_own_scope<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        cx.spawn(async |cx| {
            let (mut random, until) = (Random::new(2), at_the_least());
            let mut round = 0;
            while round < ROUNDS || Instant::now() < until {
                round += 1;
                close_from_inside(&cx, &mut random).await;
                let_time_pass(&cx).await;
            }
        })
        .await
        .unwrap();
    });
}

async fn close_from_inside<L: Timer>(cx: &Cx<'_, L>, random: &mut Random) {
    let scope = cx.scope("scope").grace(GRACE).open().unwrap();
    // A moment after that of its last task, which is the closer.
    let end = scope.task_ref().finished();
    let (spawner, mut others) = (scope.spawner().clone(), random.clone());
    let closer = spawner.spawn(async move |cx| {
        for _ in 0..=others.below(3) {
            let kind = others.below(KINDS);
            scope.spawn(async move |cx| live(cx, kind).await).unwrap().detach();
        }
        let cut = scope.task("cut").cancel_on_stop();
        cut.spawn(async |_cx| pending::<()>().await).unwrap().detach();
        wait(&mut others, 2_000).await;
        let began = cx.now();
        let report = scope.close(&cx).await;
        assert!(cx.now().duration_since(began) < SOON, "{report}");
    });
    closer.unwrap().await.unwrap();
    end.await;
    wait(random, 10).await;
}

/// A lifespan is asked to stop by another thread, and perhaps once more, as by a second signal.
pub fn of_a_lifespan<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (mut random, until) = (Random::new(3), at_the_least());
    let mut round = 0;
    while round < ROUNDS || Instant::now() < until {
        round += 1;
        stop_and_press(&mut owner, &mut random);
    }
}

fn stop_and_press<O: LoopOwner<Handle: Timer>>(owner: &mut O, random: &mut Random) {
    let (stop, demand) = (ShutdownEvent::new(), SecondDemand::default());
    let (trigger, second, mut others) = (stop.trigger(), Arc::clone(&demand.0), random.clone());
    let is_deaf = random.below(2) == 0;
    let presses = thread::spawn(move || {
        spin(&mut others, 20_000);
        let _ = trigger.set("asked by a thread");
        if is_deaf {
            spin(&mut others, 20_000);
            // It is bound before anything starts.
            while second.get().is_none() {
                thread::yield_now();
            }
            let _ = second.get().unwrap().set("asked twice");
        }
    });
    let kinds = [(); 3].map(|()| random.below(KINDS));
    let report = Lifespan::on(owner)
        .event(stop)
        .stop_on(demand)
        .grace(GRACE)
        .deadline(GRACE)
        .task("first", async move |cx| live(cx, kinds[0]).await)
        .startup("part", async move |cx| {
            cx.spawn(async move |cx| live(cx, kinds[1]).await).detach();
            if is_deaf {
                let deaf = cx.task("deaf").spawn(async |_cx| pending::<()>().await);
                deaf.unwrap().detach();
            }
        })
        .serve(async move |cx| {
            cx.spawn(async move |cx| live(cx, kinds[2]).await).detach();
            cx.shutdown().wait().await;
        })
        .run();
    presses.join().unwrap();
    assert!(report.phases.stopping < SOON && report.stragglers.is_empty(), "{report}");
    spin(random, 10);
}

/// Hands out what asks for the second time.
#[derive(Default)]
struct SecondDemand(Arc<OnceLock<ShutdownTrigger>>);

impl StopSource for SecondDemand {
    type Bound = ();

    fn bind(self, _stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
        self.0.set(cancel).map_err(|_cancel| "it was bound before".into())
    }
}

const KINDS: usize = 7;

/// What a task does: each ends by itself, or when it is told to stop.
async fn live<L: Timer>(cx: Cx<'_, L>, kind: usize) {
    match kind {
        0 => {}
        1 => yield_now().await,
        2 => cx.shutdown().wait().await,
        3 => while !cx.wait_timeout(TICK).await.is_set() {},
        4 => {
            cx.shutdown().wait().await;
            yield_now().await;
            cx.spawn(async |cx| cx.shutdown().wait().await).detach();
        }
        5 => {
            let Ok(scope) = cx.scope("below").open() else { return };
            if let Ok(task) = scope.spawn(async |cx| cx.shutdown().wait().await) {
                task.detach();
            }
            cx.shutdown().wait().await;
            let _ = scope.close(&cx).await;
        }
        _ => {
            cx.shutdown().wait().await;
            // Its end is that of a scope that was opened during the stop.
            if let Ok(scope) = cx.scope("late").open() {
                let _ = scope.task_ref().finished().await;
            }
        }
    }
}

/// Until nothing is ready: a simulator whose tasks always are moves its time on by ever longer steps.
async fn let_time_pass<L: Timer>(cx: &Cx<'_, L>) {
    cx.sleep(TICK).await;
}

/// A random time: some turns of the loop, or of the processor.
async fn wait(random: &mut Random, most: usize) {
    match random.below(3) {
        0 => {}
        1 => yield_now().await,
        _ => spin(random, most),
    }
}

fn spin(random: &mut Random, most: usize) {
    (0..random.below(most)).for_each(|_| std::hint::spin_loop());
}
