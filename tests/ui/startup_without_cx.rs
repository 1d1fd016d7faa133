//! A start-up handler is `async |cx| ..`, so that it runs inside the loop; what it opens belongs there.

use lifespan::Lifespan;
use lifespan::smol::SmolLoop;

fn open() {}

fn main() {
    let _report = Lifespan::on(SmolLoop::new()).startup("db", open).run();
}
