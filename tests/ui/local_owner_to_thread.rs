//! A loop with tasks that are not `Send` stays on the thread that made it.

use lifespan::tokio::TokioLocalLoop;

/// As `std::thread::spawn` asks it of what a thread is given.
fn to_thread(_owner: impl Send + 'static) {}

fn main() {
    to_thread(TokioLocalLoop::new());
}
