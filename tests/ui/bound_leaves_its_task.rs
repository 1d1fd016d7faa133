//! The inside of a bound value is open as long as the proof of being in its loop is there.

use lifespan::tokio::Tokio;
use lifespan::{Bound, Cx, WrongLoop};

struct Pool;

async fn open(cx: Cx<'_, Tokio>, pool: &'static Bound<Pool, Tokio>) -> Result<(), WrongLoop> {
    let pool: &'static Pool = pool.get(&cx)?;
    std::thread::spawn(move || {
        let _pool = pool;
    });
    Ok(())
}

fn main() {}
