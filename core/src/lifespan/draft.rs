//! The report while it is being written: by the loop, and read by the thread that watches it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::listed::Listed;
use super::report::{HandlerOutcome, Report, Straggler, TaskReport};
use super::start_error::StartError;
use crate::clock::Clock;
use crate::event::{Reason, ShutdownEvent};
use crate::monitor::{AwaitedKind, Board, Phase};
use crate::registry::{FailedTask, Failures, TaskRef};
use crate::sync::{Arc, Mutex, lock};
use crate::task::TaskId;

/// What the report is made of. No foreign code runs under its lock.
pub(super) struct Draft {
    report: Mutex<Written>,
    listed: Listed,
    failures: Arc<Failures>,
    board: Arc<Board>,
    stop: ShutdownEvent,
    clock: Clock,
}

struct Written {
    /// Its start error is one that can be copied: no other happens in a run.
    report: Report,
    /// The phase that lasts, in which the loop is; its time is not in the report yet.
    phase: Phase,
    since: Instant,
}

impl Draft {
    pub(super) fn new(
        board: &Arc<Board>,
        failures: &Arc<Failures>,
        stop: &ShutdownEvent,
        clock: &Clock,
    ) -> Arc<Self> {
        let (report, since) = (Report::new(Reason::Requested), clock.now());
        let written = Written { report, phase: Phase::Starting, since };
        Arc::new(Self {
            report: Mutex::new(written),
            listed: Listed::default(),
            failures: Arc::clone(failures),
            board: Arc::clone(board),
            stop: stop.clone(),
            clock: clock.clone(),
        })
    }

    pub(super) fn board(&self) -> &Arc<Board> {
        &self.board
    }

    pub(super) fn listed(&self) -> &Listed {
        &self.listed
    }

    pub(super) fn reason(&self) -> Reason {
        self.stop.reason().unwrap_or(Reason::Requested)
    }

    /// Writes into the report. What is replaced holds nothing foreign.
    pub(super) fn write<T>(&self, write: impl FnOnce(&mut Report) -> T) -> T {
        write(&mut lock(&self.report).report)
    }

    /// The first error counts.
    pub(super) fn fail_start(&self, error: StartError) {
        let mut error = Some(error);
        self.write(|report| {
            if report.start_error.is_none() {
                report.start_error = error.take();
            }
        });
    }

    /// The loop is in this phase now; notes how long the one before took.
    pub(super) fn enter(&self, phase: Phase) {
        let now = self.clock.now();
        let mut written = lock(&self.report);
        written.end_phase(now);
        (written.phase, written.since) = (phase, now);
    }

    /// The report at the end of the run.
    pub(super) fn report(&self) -> Report {
        let mut report = self.write(|report| report.copy());
        let mut tasks = self.listed.reports();
        let (failed, more) = self.failures.take();
        list_failed(&mut tasks, failed);
        report.tasks = tasks.into_values().collect();
        report.more_failures = more;
        report.more_forced = self.listed.more_forced();
        report
    }

    /// The report of a run that has not ended: what runs is left behind.
    pub(super) fn report_so_far(&self) -> Report {
        let now = self.clock.now();
        let mut written = lock(&self.report);
        written.end_phase(now);
        let mut report = written.report.copy();
        drop(written);
        report.reason = self.reason();
        for awaited in self.board.awaited() {
            report.stragglers.extend(Straggler::of_foreground(&awaited));
            let mut components = report.components.iter_mut();
            let component = components.find(|component| component.name.as_str() == awaited.path);
            let Some(component) = component else { continue };
            let still = HandlerOutcome::StillRunning(awaited.waited);
            match awaited.kind {
                AwaitedKind::Startup => component.startup = still,
                AwaitedKind::Shutdown => component.shutdown = still,
                _ => {}
            }
        }
        let mut tasks = self.listed.reports();
        let (failed, more) = self.failures.peek();
        list_failed(&mut tasks, failed);
        let live = self.board.live().into_iter().map(TaskRef::new);
        report.stragglers.extend(live.map(|task| Straggler::of(&task)));
        report.tasks = tasks.into_values().collect();
        report.more_failures = more;
        report.more_forced = self.listed.more_forced();
        report
    }
}

impl Written {
    fn end_phase(&mut self, now: Instant) {
        let took = now.saturating_duration_since(self.since);
        let phases = &mut self.report.phases;
        match self.phase {
            Phase::Starting => phases.starting = took,
            Phase::Serving => phases.serving = took,
            Phase::Draining => phases.draining = took,
            Phase::Stopping => phases.stopping = took,
            Phase::Stopped => {}
        }
    }
}

fn list_failed(tasks: &mut BTreeMap<TaskId, TaskReport>, failed: Vec<FailedTask>) {
    for failed in failed {
        let task = tasks.entry(failed.id);
        task.or_insert_with(|| TaskReport::of_failed(failed)).unheard = true;
    }
}
