//! The spawner of one runtime is given where the other's is wanted.

use lifespan::Spawner;
use lifespan::smol::Smol;
use lifespan::tokio::Tokio;

fn serve_on(_spawner: Spawner<Smol>) {}

fn mix(spawner: Spawner<Tokio>) {
    serve_on(spawner);
}

fn main() {}
