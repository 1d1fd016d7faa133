//! A runtime's own `spawn` wants what lives for ever, and a `Cx` lives as long as its task.

use std::time::Duration;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn body(cx: Cx<'_, Tokio>) {
    tokio::spawn(async move {
        cx.sleep(Duration::from_secs(1)).await;
    });
}

fn main() {}
