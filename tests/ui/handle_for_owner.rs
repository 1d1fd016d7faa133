//! A lifespan takes the owner of a loop, not a handle of one.

use lifespan::Lifespan;
use lifespan::tokio::Tokio;

fn describe_on(handle: Tokio) {
    let _ = Lifespan::on(handle);
}

fn main() {}
