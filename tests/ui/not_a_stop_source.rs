//! Something that cannot stop a lifespan is given as what does.

use lifespan::smol::SmolLoop;
use lifespan::{Lifespan, ShutdownEvent};

fn main() {
    let event = ShutdownEvent::new();
    let _ = Lifespan::on(SmolLoop::new()).stop_on(event).run();
}
