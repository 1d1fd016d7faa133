//! A generic function asks for a loop, and then for more than it has asked.

use std::time::Duration;

use lifespan::{Cx, EventLoop};

async fn nap<L: EventLoop>(cx: &Cx<'_, L>) {
    cx.sleep(Duration::from_secs(1)).await;
}

fn main() {}
