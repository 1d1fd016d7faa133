//! A body takes its `Cx` by reference; it is given one of its own.

use std::time::Duration;

use lifespan::tokio::Tokio;
use lifespan::{Cx, Timer};

async fn nap<L: Timer>(cx: &Cx<'_, L>) {
    cx.sleep(Duration::from_secs(1)).await;
}

async fn spawn_nap(cx: &Cx<'_, Tokio>) {
    cx.spawn(nap).detach();
}

fn main() {}
