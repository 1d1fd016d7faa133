//! The remote control of one loop, stored as that of the other.

use lifespan::tokio::Tokio;
use lifespan::{Spawner, tag};

tag! {
    struct Jobs;
    struct Api;
}

struct Server {
    spawner: Spawner<Tokio<Api>>,
}

fn serve(jobs: Spawner<Tokio<Jobs>>) -> Server {
    Server { spawner: jobs }
}

fn main() {}
