//! A timer is the value of one task, written as short as one would.

use std::time::Duration;

use lifespan::smol::Smol;
use lifespan::{Cx, TaskError};

async fn nap_elsewhere(cx: &Cx<'_, Smol>) -> Result<(), TaskError> {
    cx.spawn(async |cx| cx.sleep(Duration::from_secs(1))).await?.await;
    Ok(())
}

fn main() {}
