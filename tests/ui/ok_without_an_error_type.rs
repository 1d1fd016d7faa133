//! A body returns `Ok(())`, and nothing says what its error would be.

use lifespan::Cx;
use lifespan::tokio::Tokio;

async fn spawn_fallible(cx: &Cx<'_, Tokio>) {
    let task = cx.spawn(async |cx| {
        cx.task("inner").spawn(async |_cx| {})?.await?;
        Ok(())
    });
    task.detach();
}

fn main() {}
