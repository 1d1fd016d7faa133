//! Two threads that register and leave at once, without a runtime: what counting alone costs.

use std::pin::{Pin, pin};
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Lifespan, Spawner};
use tokio_util::task::TaskTracker;

use crate::contender::{Contender, verdict};
use crate::floors::Records;

const THREADS: u32 = 2;
/// So many that it does not matter which thread begins first.
const EACH: u32 = 400_000;
const TARGET: f64 = 0.7;

/// Not a rival but a floor: a record in a slab behind a lock that no other thread takes.
const ALONE: &str = "a record, a lock of its own";

pub(crate) fn print(rounds: usize) {
    println!("\n{THREADS} threads that register and leave at once, without a runtime");
    let (send, receive) = std::sync::mpsc::channel();
    let report = Lifespan::on(TokioLoop::current_thread())
        .serve(async move |cx| {
            let spawner = cx.spawner();
            // On threads of their own: nobody drives a loop meanwhile.
            drop(send.send(measure(rounds, &spawner)));
        })
        .run();
    assert!(report.is_clean(), "{report}");
    let contenders = receive.recv().expect("the foreground has sent it");
    let [tokens, ours, _] = &contenders;
    for it in &contenders {
        let (name, time, ratio) = (it.name, it.nanoseconds(EACH), it.ratio_to(tokens));
        println!("  {name:<28} {time:>8.1} ns each  {ratio:>5.2}");
    }
    let ratio = ours.ratio_to(tokens);
    println!("  at most {TARGET:.2} of the token: {ratio:.2}, {}", verdict(ratio, TARGET));
}

fn measure(rounds: usize, spawner: &Spawner<Tokio>) -> [Contender; 3] {
    let tracker = TaskTracker::new();
    let names = ["TaskTracker, a token", "lifespan, track", ALONE];
    let [mut tokens, mut ours, mut alone] = names.map(Contender::new);
    for _ in 0..rounds {
        tokens.note(all(|| (), |()| drop(tracker.token())), 0);
        let track = |(): &()| {
            let tracked = pin!(spawner.track(Nothing).expect("the scope lives"));
            let mut context = Context::from_waker(Waker::noop());
            assert!(tracked.poll(&mut context).is_ready());
        };
        ours.note(all(|| (), track), 0);
        alone.note(all(Records::default, Records::open_and_close), 0);
    }
    [tokens, ours, alone]
}

/// A body of no size: what is measured is to register and to leave, as of the token, which has no body.
struct Nothing;

impl Future for Nothing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// How long it takes when both threads do it at once, each with what it begins with.
fn all<T>(begin: impl Fn() -> T + Sync, work: impl Fn(&T) + Sync) -> Duration {
    let barrier = Barrier::new(THREADS as usize);
    let run = || {
        let own = begin();
        barrier.wait();
        let begun = Instant::now();
        for _ in 0..EACH {
            work(&own);
        }
        begun.elapsed()
    };
    std::thread::scope(|scope| {
        let threads = [(); THREADS as usize].map(|()| scope.spawn(run));
        let times = threads.map(|thread| thread.join().expect("it does not panic"));
        times.into_iter().max().unwrap_or(Duration::ZERO)
    })
}
