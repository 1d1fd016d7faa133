//! What all workers share is shared between threads; what is one worker's own is made in the closure.

use std::rc::Rc;

use lifespan::smol::SmolLoop;
use lifespan::{Lifespan, Workers};

fn main() {
    let shared = Rc::new(0);
    let _ = Workers::new(2, |_worker| {
        let shared = shared.clone();
        Lifespan::on(SmolLoop::new()).serve(async move |_cx| assert_eq!(*shared, 0))
    })
    .run();
}
