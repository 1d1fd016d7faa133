//! How a lifespan is: for probes, and for people who ask what it waits for.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::board::Board;
use super::phase::Phase;
use crate::json;
use crate::registry::TaskRef;

/// How a lifespan is at one moment; see [`Monitor::health`](crate::Monitor::health).
///
/// # Examples
/// ```
/// use lifespan_core::{Health, Monitor};
///
/// /// The status and the body of an answer to `/readyz`.
/// fn readyz(monitor: &Monitor) -> (u16, String) {
///     let health = monitor.health();
///     (if health.ready { 200 } else { 503 }, health.to_json())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it has yet to end; for a liveness probe. True while it starts, drains and stops.
    pub live: bool,
    /// Whether it may be given work: it has started whole, and no stop was asked for.
    pub ready: bool,
    /// In which phase it is.
    pub phase: Phase,
    /// What it waits for: handlers that run, the foreground, and in a stop the tasks that have not
    /// ended.
    pub awaits: Vec<Awaited>,
}

/// Something that a lifespan waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Awaited {
    /// What it is.
    pub kind: AwaitedKind,
    /// The name of the component, or the path of the task; empty for the drain and the foreground.
    pub path: String,
    /// How long it has been waited for, in the loop's time.
    pub waited: Duration,
    /// Whether a thread is in the middle of polling the task at this moment. One that blocks its thread
    /// is, whenever it is looked at.
    pub is_polled: bool,
    /// What is left of its budget, and of the overall deadline if that is less; `None`: no limit.
    pub left: Option<Duration>,
    /// The line that spawned the task, or gave the foreground.
    pub spawned_at: Option<&'static Location<'static>>,
}

/// What a lifespan may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AwaitedKind {
    /// A start-up handler, or a service that must be ready.
    Startup,
    /// The end of the drain.
    Drain,
    /// The foreground.
    Serve,
    /// A task.
    Task,
    /// A closure on a thread that may block.
    Blocking,
    /// A shutdown handler of a component.
    Shutdown,
}

impl AwaitedKind {
    /// Returns its name in a few small words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Drain => "drain",
            Self::Serve => "serve",
            Self::Task => "task",
            Self::Blocking => "blocking task",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for AwaitedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Awaited {
    pub(super) fn one(
        kind: AwaitedKind,
        path: String,
        waited: Duration,
        left: Option<Duration>,
    ) -> Self {
        Self { kind, path, waited, is_polled: false, left, spawned_at: None }
    }

    pub(super) fn task(task: &TaskRef, waited: Duration, left: Option<Duration>) -> Self {
        let is_blocking = task.record().flags().is_blocking();
        let kind = if is_blocking { AwaitedKind::Blocking } else { AwaitedKind::Task };
        let spawned_at = Some(task.spawned_at());
        let is_polled = task.record().at().is_polled();
        Self { kind, path: task.path(), waited, is_polled, left, spawned_at }
    }
}

impl Health {
    pub(super) fn of(board: &Board) -> Self {
        let phase = board.phase();
        let (live, ready) = (phase != Phase::Stopped, board.is_ready());
        Self { live, ready, phase, awaits: board.awaited() }
    }

    /// Returns it as a JSON object, in one line.
    ///
    /// `{"live":true,"ready":false,"phase":"stopping","awaits":[{"kind":"task","path":"db/poller",
    /// "waited_seconds":2.5,"is_polled":false,"left_seconds":7.5,"spawned_at":"src/main.rs:12:10"}]}`;
    /// what is not known is `null`. Keys may be added.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|health| {
            health.flag("live", self.live);
            health.flag("ready", self.ready);
            health.text("phase", self.phase);
            health.list("awaits", &self.awaits, |item, awaited| awaited.write(item));
        })
    }
}

impl Awaited {
    pub(crate) fn write(&self, item: &mut json::Object<'_>) {
        item.text("kind", self.kind);
        item.text("path", &self.path);
        item.seconds("waited_seconds", self.waited);
        item.flag("is_polled", self.is_polled);
        item.seconds_or_null("left_seconds", self.left);
        item.text_or_null("spawned_at", self.spawned_at);
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ready = if self.ready { "ready" } else { "not ready" };
        let live = if self.live { "" } else { ", not live" };
        write!(f, "{}, {ready}{live}", self.phase)?;
        for awaited in &self.awaits {
            write!(f, "\n  awaits {awaited}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, path, waited, is_polled, left, spawned_at } = self;
        write!(f, "{kind}")?;
        if !path.is_empty() {
            write!(f, " {path}")?;
        }
        write!(f, " for {waited:.1?}")?;
        if *is_polled {
            write!(f, ", which holds its thread")?;
        }
        if let Some(left) = left {
            write!(f, ", {left:.1?} left")?;
        }
        if let Some(spawned_at) = spawned_at {
            write!(f, " (spawned at {spawned_at})")?;
        }
        Ok(())
    }
}
