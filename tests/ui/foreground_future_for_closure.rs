//! A closure is called on a thread, a body is driven by the loop: neither is taken for the other.

use lifespan::Foreground;
use lifespan::smol::SmolLoop;

fn background(foreground: &Foreground<SmolLoop>) {
    let _ = foreground.call_in_background(std::future::ready(1));
}

fn main() {}
