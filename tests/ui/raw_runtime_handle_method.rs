//! A runtime's own handle is no loop handle, so its `Cx` has no methods that spawn.

use lifespan::Cx;
use tokio::runtime::Handle;

async fn spawn_on_handle(cx: &Cx<'_, Handle>) {
    cx.spawn(async |_cx| {}).detach();
}

fn main() {}
