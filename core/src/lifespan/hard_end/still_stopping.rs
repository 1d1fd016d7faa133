//! A line of a stop that takes its time: whom it waits for.

use std::fmt;
use std::time::Duration;

use crate::event::Reason;
use crate::lifespan::draft::Draft;
use crate::monitor::Awaited;

/// How many are named in one text.
const NAMED: usize = 20;

/// Why a stop has not ended yet: whom it waits for, for how long, and what is left.
///
/// See [`Lifespan::on_waiting`](crate::Lifespan::on_waiting). `Display` says it in a line for each
/// that is awaited.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StillStopping {
    /// Why it stops.
    pub reason: Reason,
    /// How long it has been stopping, in the loop's time, without the drain.
    pub stopping: Duration,
    /// What is left of the overall deadline; `None`: all the time there is.
    pub left: Option<Duration>,
    /// Whom it waits for; who holds a thread comes first.
    pub awaits: Vec<Awaited>,
}

impl StillStopping {
    pub(super) fn of(draft: &Draft) -> Self {
        let board = draft.board();
        let (stopping, left) = board.stopping();
        let mut awaits = board.awaited();
        awaits.sort_by_key(|awaited| !awaited.is_polled);
        Self { reason: draft.reason(), stopping, left, awaits }
    }
}

impl fmt::Display for StillStopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, stopping, left, awaits } = self;
        write!(f, "lifespan still stopping after {stopping:.1?} ({reason}")?;
        match left {
            Some(left) => write!(f, "; {left:.1?} until the deadline)")?,
            None => write!(f, ")")?,
        }
        for awaited in awaits.iter().take(NAMED) {
            write!(f, "\n  awaits {awaited}")?;
        }
        match awaits.len() {
            0 => write!(f, ": its loop is being dropped"),
            count if count > NAMED => write!(f, "\n  and {} more", count - NAMED),
            _ => Ok(()),
        }
    }
}
