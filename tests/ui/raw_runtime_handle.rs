//! A runtime's own handle is no loop handle.

use lifespan::{Cx, EventLoop};
use tokio::runtime::Handle;

fn spawn_two<L: EventLoop>(cx: &Cx<'_, L>) {
    cx.spawn(async |_cx| {}).detach();
    cx.spawn(async |_cx| {}).detach();
}

fn spawn_on_handle(cx: &Cx<'_, Handle>) {
    spawn_two(cx);
}

fn main() {}
