//! A remote control has no timers: it may be on any thread.

use std::time::Duration;

use lifespan::Spawner;
use lifespan::smol::Smol;

async fn nap(spawner: Spawner<Smol>) {
    spawner.sleep(Duration::from_secs(1)).await;
}

fn main() {}
