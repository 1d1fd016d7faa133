//! Two threads that register and leave at once, without a runtime: what counting alone costs.

use std::pin::{Pin, pin};
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Lifespan, Spawner};
use tokio_util::task::TaskTracker;

use crate::floors::Records;

const THREADS: u32 = 2;
/// So many that it does not matter which thread begins first.
const EACH: u32 = 400_000;
const TARGET: f64 = 0.7;

/// Not a rival but a floor: a record in a slab behind a lock that no other thread takes.
const ALONE: &str = "a record, a lock of its own";

/// The times of all rounds of one contender, each.
type Times = Vec<f64>;

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
    let [tokens, ours, alone] = receive.recv().expect("the foreground has sent it");
    let ratio = |times: &Times| {
        let mut ratios = tokens.iter().zip(times).map(|(token, it)| it / token).collect::<Times>();
        median(&mut ratios)
    };
    let rows = [("TaskTracker, a token", &tokens), ("lifespan, track", &ours), (ALONE, &alone)];
    for (name, times) in rows {
        println!("  {name:<28} {:>8.1} ns each  {:>5.2}", median(&mut times.clone()), ratio(times));
    }
    let ratio = ratio(&ours);
    let verdict = if ratio <= TARGET { "kept" } else { "missed" };
    println!("  at most {TARGET:.2} of the token: {ratio:.2}, {verdict}");
}

fn measure(rounds: usize, spawner: &Spawner<Tokio>) -> [Times; 3] {
    let tracker = TaskTracker::new();
    let [mut tokens, mut ours, mut alone] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        tokens.push(each(|| (), |()| drop(tracker.token())));
        ours.push(each(
            || (),
            |()| {
                let tracked = pin!(spawner.track(Nothing).expect("the scope lives"));
                let mut context = Context::from_waker(Waker::noop());
                assert!(tracked.poll(&mut context).is_ready());
            },
        ));
        alone.push(each(Records::default, Records::open_and_close));
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

/// Nanoseconds for each, when both threads do it at once, each with what it begins with.
fn each<T>(begin: impl Fn() -> T + Sync, work: impl Fn(&T) + Sync) -> f64 {
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
    let slowest = std::thread::scope(|scope| {
        let threads = [(); THREADS as usize].map(|()| scope.spawn(run));
        let times = threads.map(|thread| thread.join().expect("it does not panic"));
        times.into_iter().max().unwrap_or(Duration::ZERO)
    });
    slowest.as_secs_f64() * 1e9 / f64::from(EACH)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
