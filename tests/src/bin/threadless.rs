//! Runs workers where the system gives no threads; for a test of `it/workers_report.rs`.

use lifespan::smol::SmolLoop;
use lifespan::{Lifespan, Workers, WorkersReport};

fn main() -> WorkersReport {
    Workers::new(2, |_worker| Lifespan::on(SmolLoop::new()).serve(async |_cx| {})).run()
}
