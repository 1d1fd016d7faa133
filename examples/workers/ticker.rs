//! The background task of each worker: counts its ticks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lifespan::{BoxError, Cx, Timer};

const PERIOD: Duration = Duration::from_secs(1);

/// How often the ticker of this worker has ticked; each worker has a state of its own.
#[derive(Default)]
struct Ticks(AtomicU64);

/// The start-up handler.
pub(crate) fn start<L: Timer>(cx: &Cx<'_, L>) -> Result<(), BoxError> {
    cx.state().insert(Ticks::default());
    cx.task("ticks").spawn(tick)?.detach();
    Ok(())
}

async fn tick<L: Timer>(cx: Cx<'_, L>) {
    let ticks = cx.state().get::<Ticks>().unwrap_or_default();
    let mut interval = cx.interval(PERIOD);
    while cx.shutdown().run_until_set(interval.tick()).await.is_some() {
        ticks.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a request is answered with.
pub(crate) fn answer<L>(cx: &Cx<'_, L>) -> String {
    let ticks = cx.state().get::<Ticks>().unwrap_or_default();
    format!("{}, {} ticks\n", cx.worker(), ticks.0.load(Ordering::Relaxed))
}
