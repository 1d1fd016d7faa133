//! A task that blocks one thread of several holds up nobody else's budget.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Lifespan, Report, Timer};

/// Longer than any test may take.
const GUARD: Duration = Duration::from_secs(60);

/// Unblocks the thread when the future that has it is dropped.
struct Release(Sender<()>);

impl Drop for Release {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// The task blocks as soon as it was woken by a timer, so on the thread that watched the clock. It
/// goes on when another is cancelled, which is when that one's grace is over.
fn describe<O, L: Timer>(lifespan: Lifespan<O, L>) -> Lifespan<O, L> {
    lifespan.deadline(GUARD).startup("app", async |cx| {
        let (release, released) = channel();
        let (release, released) = (Release(release), Mutex::new(released));
        let stubborn = cx.task("stubborn").grace(Duration::from_millis(50));
        stubborn
            .spawn(async move |_cx| {
                let _release = release;
                std::future::pending::<()>().await;
            })?
            .detach();
        let blocks = cx.task("blocks").grace(GUARD);
        blocks
            .spawn(async move |cx| {
                cx.sleep(Duration::from_millis(10)).await;
                let _ = cx.trigger().set("it blocks");
                let _ = released.lock().unwrap().recv();
            })?
            .detach();
        Ok::<_, lifespan::BoxError>(())
    })
}

fn is_in_order(report: &Report) {
    assert!(!report.hard_ended && report.stragglers.is_empty(), "{report}");
    assert!(report.task("app/stubborn").is_some_and(|task| task.overran), "{report}");
}

#[test]
fn a_grace_ends_while_the_thread_that_watched_the_clock_is_blocked() {
    is_in_order(&describe(Lifespan::on(TokioLoop::multi_thread())).run());
}

#[test]
fn a_grace_ends_in_an_attached_lifespan_while_a_thread_is_blocked() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let lifespan = async { describe(Lifespan::attach(Tokio::current().unwrap())).run().await };
    is_in_order(&runtime.block_on(lifespan));
}
