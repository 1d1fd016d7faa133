//! A task uses the `Cx` of the task that spawned it.

use std::time::Duration;

use lifespan::Cx;
use lifespan::smol::Smol;

async fn spawn_with_mine(mine: &Cx<'_, Smol>) {
    mine.spawn(async move |_cx| mine.sleep(Duration::from_secs(1)).await).detach();
}

fn main() {}
