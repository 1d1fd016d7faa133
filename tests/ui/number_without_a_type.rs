//! A body returns a number of no type in particular, and who awaits it goes on with `?`.

use lifespan::tokio::Tokio;
use lifespan::{Cx, TaskError};

async fn answer(cx: &Cx<'_, Tokio>) -> Result<(), TaskError> {
    let answer = cx.spawn(async |_cx| 6 * 7).await?;
    assert_eq!(answer, 42);
    Ok(())
}

fn main() {}
