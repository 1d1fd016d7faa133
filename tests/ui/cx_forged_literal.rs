//! A `Cx` cannot be made by hand.

use lifespan::Cx;
use lifespan::smol::Smol;

fn forge() -> Cx<'static, Smol> {
    Cx { task: None }
}

fn main() {}
