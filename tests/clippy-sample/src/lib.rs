//! Each line that ends in `// disallowed` is refused with docs/clippy.toml, and no other.
#![allow(clippy::let_underscore_future, unused_must_use)]

use std::time::Duration;

use lifespan::{Blocking, Cx, LocalLoop, Timer};
use tokio::runtime::{Handle, Runtime};

const SHORT: Duration = Duration::from_millis(1);

pub fn of_tokio(runtime: &Runtime, handle: &Handle) {
    let _ = tokio::spawn(async {}); // disallowed
    let _ = tokio::task::spawn(async {}); // disallowed
    let _ = tokio::task::spawn_local(async {}); // disallowed
    let _ = tokio::task::spawn_blocking(|| {}); // disallowed
    let _ = Handle::current(); // disallowed
    let _ = handle.spawn(async {}); // disallowed
    handle.block_on(async {}); // disallowed
    let _ = runtime.spawn(async {}); // disallowed
    let _ = tokio::time::sleep(SHORT); // disallowed
    let _ = tokio::time::sleep_until(tokio::time::Instant::now()); // disallowed
    let _ = tokio::time::timeout(SHORT, async {}); // disallowed
    let _ = tokio::time::timeout_at(tokio::time::Instant::now(), async {}); // disallowed
    let _ = tokio::time::interval(SHORT); // disallowed
    let _ = tokio::time::interval_at(tokio::time::Instant::now(), SHORT); // disallowed
}

pub fn of_smol() {
    let _ = smol::spawn(async {}); // disallowed
    let _ = smol::unblock(|| {}); // disallowed
    smol::block_on(async {}); // disallowed
    let _ = smol::Timer::after(SHORT); // disallowed
    let _ = async_io::Timer::interval(SHORT); // disallowed
    async_io::block_on(async {}); // disallowed
}

pub fn of_async_std() {
    let _ = async_std::task::spawn(async {}); // disallowed
    let _ = async_std::task::spawn_local(async {}); // disallowed
    let _ = async_std::task::spawn_blocking(|| {}); // disallowed
    let _ = async_std::task::sleep(SHORT); // disallowed
    let _ = async_std::future::timeout(SHORT, async {}); // disallowed
}

pub fn of_futures() {
    futures_lite::future::block_on(async {}); // disallowed
}

pub async fn the_right_way<L: Timer + Blocking + LocalLoop>(cx: Cx<'_, L>) {
    cx.spawn(async |_cx| {}).detach();
    cx.spawn_local(async |_cx| {}).detach();
    let _ = cx.spawn_blocking(|_stop| {});
    cx.sleep(SHORT).await;
    let _ = cx.timeout(SHORT, async {}).await;
    cx.interval(SHORT).tick().await;
    let _ = cx.spawner().spawn(async |_cx| {});
    let _ = lifespan::tokio::Tokio::current();
}

/// A runtime's own entry point is no way around it: a lifespan is attached inside.
#[tokio::main(flavor = "current_thread")]
pub async fn attached() -> Result<lifespan::Report, lifespan::NoLoop> {
    Ok(lifespan::Lifespan::attach(lifespan::tokio::Tokio::current()?).run().await)
}
