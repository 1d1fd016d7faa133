//! A body borrows what belongs to the function that spawns it.

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn greet(cx: &Cx<'_, Tokio>) {
    let name = String::from("world");
    cx.spawn(async |_cx| println!("hello, {name}")).detach();
}

fn main() {}
