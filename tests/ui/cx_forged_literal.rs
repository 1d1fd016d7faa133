//! A `Cx` cannot be made by hand.

use std::marker::PhantomData;
use std::sync::OnceLock;

use lifespan::Cx;
use lifespan::smol::Smol;

fn forge(handle: Smol) -> Cx<'static, Smol> {
    Cx { handle, task: None, event: OnceLock::new(), lifetime: PhantomData }
}

fn main() {}
