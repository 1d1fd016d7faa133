#![forbid(unsafe_code)]
//! A library as its author would write it: it depends on lifespan-core alone, and names no runtime.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifespan_core::{Cx, Lifespan, LoopOwner, Timer};

/// How often the heart has beaten; found in the shared state.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Beats(pub AtomicU32);

/// Beats until it is told to stop.
pub async fn heartbeat<L: Timer>(cx: &Cx<'_, L>, pause: Duration) {
    loop {
        if let Some(beats) = cx.state().get::<Beats>() {
            beats.0.fetch_add(1, Ordering::Relaxed);
        }
        if cx.wait_timeout(pause).await.is_set() {
            return;
        }
    }
}

/// Adds the heart as a component: its state, and its task.
pub fn install<O: LoopOwner>(lifespan: Lifespan<O>) -> Lifespan<O>
where
    O::Handle: Timer,
{
    lifespan.startup("heart", async |cx| {
        cx.state().insert(Beats::default());
        cx.spawn(async |cx| heartbeat(&cx, Duration::from_millis(1)).await).detach();
    })
}

/// Counts down to one, a pause before each number, until it is told to stop. Names no loop at all.
pub async fn count_down(cx: &Cx<'_>, from: u32, pause: Duration) -> Vec<u32> {
    let mut counted = Vec::new();
    for number in (1..=from).rev() {
        if cx.wait_timeout(pause).await.is_set() {
            break;
        }
        counted.push(number);
    }
    counted
}
