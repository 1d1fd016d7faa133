//! A body is a future, made outside of the task.

use lifespan::Cx;
use lifespan::tokio::Tokio;

// A function, not an `async { .. }` block: the compiler lays out its text by the length of a
// block's type, which holds the path of this file.
async fn hello() {}

async fn spawn_future(cx: &Cx<'_, Tokio>) {
    cx.spawn(hello()).detach();
}

fn main() {}
