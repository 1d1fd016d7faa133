//! Any type is no tag: a tag is claimed by one running loop at a time.

use lifespan::tokio::TokioLoop;

struct Jobs;

fn main() {
    let _owner = TokioLoop::multi_thread().tag::<Jobs>();
}
