//! A pool that was made in the loop of the jobs, opened in a task of the other loop.

use lifespan::tokio::Tokio;
use lifespan::{Bound, Cx, WrongLoop, tag};

tag! {
    struct Jobs;
    struct Api;
}

struct Pool;

async fn answer(cx: Cx<'_, Tokio<Api>>, pool: &Bound<Pool, Tokio<Jobs>>) -> Result<(), WrongLoop> {
    let _pool: &Pool = pool.get(&cx)?;
    Ok(())
}

fn main() {}
