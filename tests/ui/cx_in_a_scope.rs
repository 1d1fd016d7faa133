//! A task of a scope uses the `Cx` of the task that opened the scope.

use std::time::Duration;

use lifespan::smol::Smol;
use lifespan::{Cx, ScopeError};

async fn connection(mine: &Cx<'_, Smol>) -> Result<(), ScopeError> {
    let scope = mine.scope("conn:7").open()?;
    let slow = scope.spawn(async move |_cx| mine.sleep(Duration::from_secs(1)).await);
    drop(slow);
    Ok(())
}

fn main() {}
