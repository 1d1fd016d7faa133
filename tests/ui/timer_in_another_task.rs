//! A timer is made in one task and awaited in another.

use std::time::Duration;

use lifespan::Cx;
use lifespan::smol::Smol;

async fn nap_in_another(cx: &Cx<'_, Smol>) {
    let nap = cx.sleep(Duration::from_secs(1));
    cx.spawn(async move |_cx| nap.await).detach();
}

fn main() {}
