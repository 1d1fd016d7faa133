//! A ticker is sent to a thread, where no loop drives it.

use std::thread;
use std::time::Duration;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn tick_on_thread(cx: Cx<'_, Tokio>) {
    let interval = cx.interval(Duration::from_secs(1));
    thread::spawn(move || drop(interval));
}

fn main() {}
