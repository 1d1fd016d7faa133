//! What systemd hears, at a socket of our own, on several runtimes.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[macro_use]
mod on_loops;
mod manager;

mod blocked;
mod order;
mod sockets;
mod stops;

use std::time::Duration;

/// A limit that is over again and again in a test.
const MOMENT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(24 * 60 * 60);
