//! A runtime's own handle is no loop handle, so it has no timers either.

use std::time::Instant;

use lifespan::{Cx, Timer};
use tokio::runtime::Handle;

fn began<L: Timer>(cx: &Cx<'_, L>) -> Instant {
    cx.now()
}

fn began_on_handle(cx: &Cx<'_, Handle>) -> Instant {
    began(cx)
}

fn main() {}
