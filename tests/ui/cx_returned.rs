//! A task returns its own `Cx`.

use lifespan::smol::Smol;
use lifespan::{Cx, TaskError};

async fn take_it_out(cx: &Cx<'_, Smol>) -> Result<(), TaskError> {
    let inner = cx.spawn(async |cx| Box::new(cx)).await?;
    inner.spawn(async |_cx| {}).await
}

fn main() {}
