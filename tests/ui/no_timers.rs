//! A loop without timers spawns, and does not sleep.

use std::future::Future;
use std::time::Duration;

use lifespan::{Closed, Cx, EventLoop, LoopId};

#[derive(Clone)]
struct Bare;

impl EventLoop for Bare {
    const NAME: &'static str = "bare";

    fn id(&self) -> LoopId {
        LoopId::unique()
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, _future: F) -> Result<(), Closed> {
        Ok(())
    }
}

async fn nap(cx: Cx<'_, Bare>) {
    cx.sleep(Duration::from_secs(1)).await;
}

fn main() {}
