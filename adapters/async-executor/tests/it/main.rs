//! What is async-executor's own; what every adapter promises is tested across them.

mod attached;
mod local;
mod shared;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_lite::future::{poll_once, yield_now};

/// Only a broken program takes so long.
const HANG: Duration = Duration::from_secs(60);

/// Polls a future, and lets others run, until a condition holds.
async fn poll_until(mut future: Pin<&mut impl Future>, condition: impl Fn() -> bool) {
    while !condition() {
        assert!(poll_once(future.as_mut()).await.is_none(), "ended too early");
        yield_now().await;
    }
}
