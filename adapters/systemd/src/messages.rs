//! What is said, as text.

use std::fmt::Write;
use std::time::Duration;

use lifespan_core::Health;

/// More than a terminal is wide; systemd cuts at its own limit.
const LONGEST: usize = 240;

pub(crate) const READY: &str = "READY=1\n";
pub(crate) const STOPPING: &str = "STOPPING=1\n";

pub(crate) fn extend(by: Duration) -> String {
    let usec = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
    format!("EXTEND_TIMEOUT_USEC={usec}\n")
}

/// The phase and what is awaited, in one line and without what changes with each look.
pub(crate) fn status(health: &Health) -> String {
    let mut status = format!("STATUS={}", health.phase);
    for (place, awaited) in health.awaits.iter().enumerate() {
        let sign = if place == 0 { ": waits for" } else { "," };
        let space = if awaited.path.is_empty() { "" } else { " " };
        // Writing to a `String` never fails.
        let _ = write!(status, "{sign} {}{space}{}", awaited.kind, awaited.path);
        if status.len() > LONGEST {
            let _ = write!(status, " and {} more", health.awaits.len() - place - 1);
            break;
        }
    }
    // A name may hold anything, and a line end would begin another assignment.
    status = status.replace(|letter: char| letter.is_control(), " ");
    status.push('\n');
    status
}
