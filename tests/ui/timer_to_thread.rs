//! A timer is sent to a thread, where no loop drives it.

use std::thread;
use std::time::Duration;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn nap_on_thread(cx: Cx<'_, Tokio>) {
    let nap = cx.sleep(Duration::from_secs(1));
    thread::spawn(move || drop(nap));
}

fn main() {}
