//! A body is a closure that returns an async block, which cannot borrow the `Cx`.

use std::time::Duration;

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn spawn_block(cx: &Cx<'_, Tokio>) {
    cx.spawn(|cx| async move { cx.sleep(Duration::from_secs(1)).await }).detach();
}

fn main() {}
