//! A report for people: its text, and what a program says of it at its end.

use std::fmt;
use std::io::{self, Write};
use std::process::{ExitCode, Termination};

use super::sources::Because;
use super::{ComponentReport, HandlerOutcome, Phases, Report, Straggler, TaskReport};
use crate::monitor::AwaitedKind;
use crate::task::Outcome;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_clean() { "clean" } else { "not clean" };
        let ended = if self.hard_ended { "overran its deadline" } else { "ended" };
        writeln!(f, "lifespan {ended}, {verdict}: {}", self.reason)?;
        let Phases { starting, serving, draining, stopping } = self.phases;
        write!(f, "  started in {starting:.1?}, served for {serving:.1?}, ")?;
        if !draining.is_zero() {
            write!(f, "drained for {draining:.1?}, ")?;
        }
        writeln!(f, "stopped in {stopping:.1?}")?;
        if let Some(error) = &self.start_error {
            writeln!(f, "  did not start: {error}{}", Because(Some(error)))?;
        }
        if self.loop_ended {
            writeln!(f, "  its loop ended under it")?;
        }
        if let Some(stalled) = &self.stalled {
            writeln!(f, "  {stalled}")?;
        }
        self.components.iter().try_for_each(|component| component.line(f))?;
        if let Some(outcome) = &self.serve {
            writeln!(f, "  serve: {outcome}{}", because(outcome))?;
        }
        self.tasks.iter().try_for_each(|task| task.line(f))?;
        if self.more_failures > 0 {
            writeln!(f, "  and {} more failed tasks", self.more_failures)?;
        }
        if self.more_forced > 0 {
            writeln!(f, "  and {} more tasks whose grace was over", self.more_forced)?;
        }
        self.stragglers.iter().try_for_each(|straggler| straggler.line(f))
    }
}

impl ComponentReport {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, startup, start_took, shutdown, late_shutdowns, stop_took } = self;
        write!(f, "  component {name}: startup {startup}{}", startup.because())?;
        write!(f, "; shutdown {shutdown}{}", shutdown.because())?;
        for late in late_shutdowns {
            write!(f, "; added shutdown {late}{}", late.because())?;
        }
        writeln!(f, " (started in {start_took:.1?}, stopped in {stop_took:.1?})")
    }
}

impl TaskReport {
    /// None of one that has not ended: it is a straggler.
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, outcome, attempts, age, overran, spawned_at, .. } = self;
        let Some(outcome) = outcome else { return Ok(()) };
        let was_cut = *overran && matches!(outcome, Outcome::Cancelled);
        let why = if was_cut { " because its grace was over" } else { "" };
        write!(f, "  task {path}: {outcome}{}{why}, after {age:.1?}", because(outcome))?;
        if *attempts > 1 {
            write!(f, " and {attempts} attempts")?;
        }
        writeln!(f, " (spawned at {spawned_at})")
    }
}

impl Straggler {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, age, kind, is_polled, spawned_at } = self;
        let what = match kind {
            AwaitedKind::Serve => String::from("the foreground"),
            AwaitedKind::Blocking => format!("task {path}, a blocking closure"),
            _ => format!("task {path}"),
        };
        let holds = if *is_polled { ", which holds its thread" } else { "" };
        writeln!(f, "  left behind: {what}, {age:.1?} old{holds} (spawned at {spawned_at})")
    }
}

impl HandlerOutcome {
    pub(crate) fn because(&self) -> Because<'_> {
        match self {
            Self::Failed(failure) => Because(Some(failure)),
            _ => Because(None),
        }
    }
}

fn because(outcome: &Outcome) -> Because<'_> {
    match outcome {
        Outcome::Failed(failure) => Because(Some(failure)),
        _ => Because(None),
    }
}

impl Termination for Report {
    fn report(self) -> ExitCode {
        if !self.is_clean() {
            // A reader that went away must not change the exit status.
            let _ = write!(io::stderr(), "{self}");
        }
        ExitCode::from(self.exit_code())
    }
}
