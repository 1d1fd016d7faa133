//! A lifespan is built, run, and over.

use lifespan::Lifespan;
use lifespan::smol::SmolLoop;

fn main() {
    let lifespan = Lifespan::on(SmolLoop::new());
    let _first = lifespan.run();
    let _second = lifespan.run();
}
