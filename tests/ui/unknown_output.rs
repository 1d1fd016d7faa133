//! A body returns a type of which nobody knows whether it is a failure.

use lifespan::Cx;
use lifespan::tokio::Tokio;

struct Verdict;

async fn judge(cx: &Cx<'_, Tokio>) {
    let _ = cx.spawn(async |_cx| Verdict).await;
}

fn main() {}
