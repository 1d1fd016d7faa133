//! A timer is the value of one task, to be awaited in another.

use std::time::Duration;

use lifespan::smol::Smol;
use lifespan::{Cx, TaskError};

async fn nap_elsewhere(cx: &Cx<'_, Smol>) -> Result<(), TaskError> {
    let nap = cx.spawn(async |cx| Box::new(cx.sleep(Duration::from_secs(1)))).await?;
    Box::into_pin(nap).await;
    Ok(())
}

fn main() {}
