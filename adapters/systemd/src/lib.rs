#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! Tells systemd how a lifespan is, the same on every runtime.
//!
//! The protocol is that of sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names. There
//! is no dependency but the core, and without that variable nothing happens, so a program that uses
//! it runs anywhere.
//!
//! ```no_run
//! use lifespan_core::{Lifespan, LoopOwner, Timer};
//! use lifespan_systemd::Systemd;
//!
//! fn describe<O: LoopOwner<Handle: Timer>>(owner: O) -> Lifespan<O> {
//!     // First, so that it is the last to stop: what it tells, it tells to the end.
//!     Systemd::from_env().install(Lifespan::on(owner))
//! }
//! ```
//!
//! With `Type=notify` in the unit:
//!
//! | message | when |
//! |---|---|
//! | `READY=1` | everything has started |
//! | `STATUS=` | at each phase, and while it starts and stops each time it changes: what is awaited |
//! | `WATCHDOG=1` | each half of `WatchdogSec=`, by a task: a loop that is blocked says nothing |
//! | `STOPPING=1` | from the first moment of a stop |
//! | `EXTEND_TIMEOUT_USEC=` | again and again while it stops and the loop turns |
//!
//! So a stop that takes longer than `TimeoutStopSec=` is not cut, and what bounds it is the deadline
//! of the lifespan; a loop that is blocked meanwhile is killed when the last extension is over.
//!
//! It is for one lifespan: installed on each of several workers, each would speak for all.

#[cfg(unix)]
mod messages;
#[cfg(unix)]
mod notifier;
#[cfg(unix)]
mod pings;
#[cfg(unix)]
mod socket;

use std::ffi::OsString;
use std::time::Duration;

use lifespan_core::{EventLoop, Lifespan};

/// How long systemd is asked to wait on, each time, unless told otherwise.
const EXTENSION: Duration = Duration::from_secs(10);

/// What a lifespan tells systemd, and where.
#[derive(Clone, Debug)]
pub struct Systemd {
    /// `None`: nobody is to be told.
    socket: Option<OsString>,
    watchdog: Option<Duration>,
    extension: Duration,
}

impl Systemd {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, which systemd sets.
    #[must_use]
    pub fn from_env() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET");
        let read = |name| std::env::var(name).ok();
        let watchdog = watchdog(read("WATCHDOG_USEC"), read("WATCHDOG_PID"), std::process::id());
        Self { socket, watchdog, extension: EXTENSION }
    }

    /// Tells a socket that the caller names: a path, or `@` and an abstract name (Linux).
    #[must_use]
    pub fn to(socket: impl Into<OsString>) -> Self {
        Self { socket: Some(socket.into()), watchdog: None, extension: EXTENSION }
    }

    /// Says in each half of this time that the loop turns. Default: as `WATCHDOG_USEC` says, or never.
    #[must_use]
    pub fn watchdog(mut self, limit: Duration) -> Self {
        self.watchdog = Some(limit);
        self
    }

    /// Sets how long each extension of a stop is; one is asked for in each half of it.
    ///
    /// It is also how long systemd waits for a loop that is blocked while it stops. Default: 10
    /// seconds.
    #[must_use]
    pub fn extension(mut self, extension: Duration) -> Self {
        self.extension = extension;
        self
    }

    /// Has the lifespan tell systemd how it is; without a socket it is as it was.
    ///
    /// It adds a component named `systemd`, through whose tasks the loop shows that it turns. Install
    /// it before anything else, so that it stops last. A socket name of no known form fails the
    /// start; that nobody reads the socket fails nothing.
    pub fn install<O, L: EventLoop>(self, lifespan: Lifespan<O, L>) -> Lifespan<O, L> {
        let Self { socket, watchdog, extension } = self;
        match socket {
            #[cfg(unix)]
            Some(socket) => notifier::install(&socket, watchdog, extension, lifespan),
            _ => {
                let _ = (watchdog, extension);
                lifespan
            }
        }
    }
}

/// Another process may have been meant: then there is no watchdog here.
fn watchdog(usec: Option<String>, pid: Option<String>, own_pid: u32) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(own_pid));
    let usec = usec?.parse().ok().filter(|usec| *usec > 0 && is_meant)?;
    Some(Duration::from_micros(usec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_for_the_process_that_is_meant() {
        let second = Some(Duration::from_secs(1));
        for (usec, pid, expected) in [
            (Some("1000000"), None, second),
            (Some("1000000"), Some("7"), second),
            (Some("1000000"), Some("8"), None),
            (Some("1000000"), Some("x"), None),
            (Some("0"), None, None),
            (Some("soon"), None, None),
            (None, Some("7"), None),
        ] {
            let [usec, pid] = [usec, pid].map(|text| text.map(String::from));
            assert_eq!(watchdog(usec, pid, 7), expected);
        }
    }
}
