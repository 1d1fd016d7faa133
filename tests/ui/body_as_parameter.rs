//! A function takes a body as its parameter, and does not ask for a future that is `Send`.

use lifespan::{Closed, Cx, EventLoop, Spawner};

fn begin<L: EventLoop, F>(spawner: &Spawner<L>, body: F) -> Result<(), Closed<F>>
where
    F: AsyncFnOnce(Cx<'_, L>) + Send + 'static,
{
    spawner.spawn(body).map(drop)
}

fn main() {}
