//! A body of one loop, spawned on the other.

use lifespan::tokio::Tokio;
use lifespan::{Cx, Spawner, tag};

tag! {
    struct Jobs;
    struct Api;
}

async fn job(_cx: Cx<'_, Tokio<Jobs>>) {}

fn start(api: &Spawner<Tokio<Api>>) {
    let _ = api.spawn(job);
}

fn main() {}
