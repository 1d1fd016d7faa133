//! A function for any loop is given the `Cx` of a certain one.

use std::time::Duration;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn nap(cx: &Cx<'_>) {
    cx.sleep(Duration::from_secs(1)).await;
}

async fn body(cx: Cx<'_, Tokio>) {
    nap(&cx).await;
}

fn main() {}
