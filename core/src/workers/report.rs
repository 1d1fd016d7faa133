//! What the workers say at their end.

use std::fmt;
use std::io::Write;
use std::process::{ExitCode, Termination};

use crate::event::{Reason, ShutdownEvent};
use crate::lifespan::{Because, HandlerOutcome, Report, StartError};
use crate::worker::Worker;

/// What happened on the main thread and on every worker.
///
/// `fn main() -> WorkersReport` makes it the program's exit status; it prints itself to standard
/// error then, unless it is clean.
#[derive(Debug)]
#[must_use = "the report says what failed and what was left behind"]
#[non_exhaustive]
pub struct WorkersReport {
    /// Why the workers stopped: the reason that was first.
    pub reason: Reason,
    /// The worker whose stop stopped all; `None` if they were asked from outside, or through an
    /// event that the description gave to its lifespan.
    pub stopped_by: Option<Worker>,
    /// Why no worker started, if that was refused or failed.
    pub start_error: Option<StartError>,
    /// How the handler of `on_main_start` ended.
    pub main_start: HandlerOutcome,
    /// How the handler of `on_main_stop` ended.
    pub main_stop: HandlerOutcome,
    /// The report of each worker, by its index; empty if none was started.
    pub workers: Vec<Report>,
}

impl WorkersReport {
    pub(super) fn new() -> Self {
        Self {
            reason: Reason::Requested,
            stopped_by: None,
            start_error: None,
            main_start: HandlerOutcome::NotRun,
            main_stop: HandlerOutcome::NotRun,
            workers: Vec::new(),
        }
    }

    /// Of a run that was refused. Whoever waits for the event hears of it.
    pub(super) fn not_started(error: StartError, event: &ShutdownEvent) -> Self {
        let Report { reason, start_error, .. } = Report::not_started(error, event);
        Self { reason, start_error, ..Self::new() }
    }

    /// Tells whether nothing failed, nothing was forced, and nothing was left behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.exit_code() == 0
    }

    /// Returns the exit status: the first that applies to the main thread or to any worker.
    ///
    /// The codes are those of [`Report::exit_code`]; a failed `on_main_start` is a failed start (3),
    /// a failed `on_main_stop` a failed shutdown handler (5).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let workers = self.workers.iter().map(Report::exit_code);
        workers.chain([self.main_code()]).filter(|code| *code != 0).min().unwrap_or(0)
    }

    fn main_code(&self) -> u8 {
        if self.start_error.is_some() {
            3
        } else if self.main_stop.is_failure() {
            5
        } else {
            0
        }
    }
}

impl fmt::Display for WorkersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_clean() { "clean" } else { "not clean" };
        let (count, s) = (self.workers.len(), if self.workers.len() == 1 { "" } else { "s" });
        write!(f, "{count} worker{s} ended, {verdict}: {}", self.reason)?;
        match self.stopped_by {
            Some(worker) => writeln!(f, " (first on worker {})", worker.index())?,
            None => writeln!(f)?,
        }
        if let Some(error) = &self.start_error {
            writeln!(f, "  did not start: {error}{}", Because(Some(error)))?;
        }
        let (start, stop) = (&self.main_start, &self.main_stop);
        write!(f, "  main: start {start}{}", start.because())?;
        writeln!(f, "; stop {stop}{}", stop.because())?;
        for (index, report) in self.workers.iter().enumerate() {
            write!(f, "  worker {index}: ")?;
            for (number, line) in report.to_string().lines().enumerate() {
                let indent = if number == 0 { "" } else { "  " };
                writeln!(f, "{indent}{line}")?;
            }
        }
        Ok(())
    }
}

impl Termination for WorkersReport {
    fn report(self) -> ExitCode {
        if !self.is_clean() {
            // A reader that went away must not change the exit status.
            let _ = write!(std::io::stderr(), "{self}");
        }
        ExitCode::from(self.exit_code())
    }
}
