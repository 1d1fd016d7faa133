//! Not a lifespan but what makes one: it is made anew on each worker.

use lifespan::smol::SmolLoop;
use lifespan::{Lifespan, Workers};

fn main() {
    let lifespan = Lifespan::on(SmolLoop::new()).task("ticker", async |_cx| {});
    let _ = Workers::new(2, lifespan).run();
}
