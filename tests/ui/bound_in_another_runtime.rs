//! A pool that was made on tokio, opened in a task on smol.

use lifespan::smol::Smol;
use lifespan::tokio::Tokio;
use lifespan::{Bound, Cx, WrongLoop};

struct Pool;

async fn work(cx: Cx<'_, Smol>, pool: Bound<Pool, Tokio>) -> Result<(), WrongLoop> {
    let _pool: &Pool = pool.get(&cx)?;
    Ok(())
}

fn main() {}
