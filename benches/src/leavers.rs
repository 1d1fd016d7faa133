//! Two threads that register and leave at once, without a runtime: what counting alone costs.

use std::pin::{Pin, pin};
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Lifespan, Spawner};
use tokio_util::task::TaskTracker;

const THREADS: u32 = 2;
const EACH: u32 = 50_000;
const TARGET: f64 = 0.7;

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
    let (mut tokens, mut ours) = receive.recv().expect("the foreground has sent it");
    let mut ratios = tokens.iter().zip(&ours).map(|(token, our)| our / token).collect::<Vec<f64>>();
    for (name, times) in [("TaskTracker, a token", &mut tokens), ("lifespan, track", &mut ours)] {
        println!("  {name:<28} {:>8.1} ns each", median(times));
    }
    let ratio = median(&mut ratios);
    let verdict = if ratio <= TARGET { "kept" } else { "missed" };
    println!("  at most {TARGET:.2} of the token: {ratio:.2}, {verdict}");
}

fn measure(rounds: usize, spawner: &Spawner<Tokio>) -> (Vec<f64>, Vec<f64>) {
    let tracker = TaskTracker::new();
    let (mut tokens, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        tokens.push(each(|| drop(tracker.token())));
        ours.push(each(|| {
            let tracked = pin!(spawner.track(Nothing).expect("the scope lives"));
            let mut context = Context::from_waker(Waker::noop());
            assert!(tracked.poll(&mut context).is_ready());
        }));
    }
    (tokens, ours)
}

/// A body of no size: what is measured is to register and to leave, as of the token, which has no body.
struct Nothing;

impl Future for Nothing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Nanoseconds for each, when both threads do it at once.
fn each(work: impl Fn() + Sync) -> f64 {
    let barrier = Barrier::new(THREADS as usize);
    let run = || {
        barrier.wait();
        let begun = Instant::now();
        for _ in 0..EACH {
            work();
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
