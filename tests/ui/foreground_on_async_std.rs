//! A foreground needs a loop that stands still, and async-std's has threads of its own.

use lifespan::Foreground;
use lifespan::async_std::AsyncStdLoop;

fn main() {
    let _ = Foreground::on(AsyncStdLoop::new());
}
