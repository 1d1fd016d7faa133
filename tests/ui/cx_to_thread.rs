//! A `Cx` is sent to a thread, which is inside no task.

use std::thread;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn spawn_from_thread(cx: Cx<'_, Tokio>) {
    thread::spawn(move || cx.spawn(async |_cx| {}).detach());
}

fn main() {}
