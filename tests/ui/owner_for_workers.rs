//! An owner is one loop; each worker makes its own.

use lifespan::smol::SmolLoop;
use lifespan::{Lifespan, Workers};

fn main() {
    let owner = SmolLoop::new();
    let _ = Workers::new(2, move |_worker| Lifespan::on(owner)).run();
}
