//! A `Cx` is kept in a static, for whoever wants to be inside the loop.

use std::sync::OnceLock;

use lifespan::Cx;
use lifespan::tokio::Tokio;

static CX: OnceLock<Cx<'static, Tokio>> = OnceLock::new();

async fn keep(cx: Cx<'_, Tokio>) {
    let _ = CX.set(cx);
}

fn main() {}
