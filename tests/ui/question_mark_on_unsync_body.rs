//! The error of a spawn has the body in it, which is not `Sync`, and a `BoxError` has to be.

use std::sync::mpsc::Receiver;

use lifespan::tokio::Tokio;
use lifespan::{BoxError, Cx};

async fn consume(cx: &Cx<'_, Tokio>, queue: Receiver<u32>) -> Result<(), BoxError> {
    let consumer = cx.task("consumer").spawn_blocking(move |_stop| queue.iter().for_each(drop))?;
    consumer.detach();
    Ok(())
}

fn main() {}
