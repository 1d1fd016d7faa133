//! A close has a timer, so it is made inside: a remote control has none.

use lifespan::OpenScope;
use lifespan::smol::Smol;

async fn end(scope: OpenScope<Smol>) {
    let spawner = scope.spawner().clone();
    let _report = scope.close(&spawner).await;
}

fn main() {}
