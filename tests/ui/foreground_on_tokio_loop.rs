//! A foreground needs a loop that stands still, and a `TokioLoop` may be multi-threaded.

use lifespan::Foreground;
use lifespan::tokio::TokioLoop;

fn main() {
    let _ = Foreground::on(TokioLoop::current_thread());
}
