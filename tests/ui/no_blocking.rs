//! A generic function asks for a loop, and then for threads.

use lifespan::{Cx, EventLoop};

async fn read_file<L: EventLoop>(cx: &Cx<'_, L>) {
    let _ = cx.spawn_blocking(|_stop| std::fs::read_to_string("file"));
}

fn main() {}
