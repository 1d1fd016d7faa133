//! A `Cx` cannot be made by a constructor.

use lifespan::Cx;
use lifespan::smol::Smol;

fn forge(handle: Smol) -> Cx<'static, Smol> {
    Cx::new(handle)
}

fn main() {}
