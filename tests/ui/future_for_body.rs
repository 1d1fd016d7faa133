//! A body is a future, made outside of the task.

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn spawn_future(cx: &Cx<'_, Tokio>) {
    cx.spawn(async { println!("hello") }).detach();
}

fn main() {}
