//! A body is a plain closure, which does its work while it is called.

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn spawn_closure(cx: &Cx<'_, Tokio>) {
    cx.spawn(|_cx| println!("hello")).detach();
}

fn main() {}
