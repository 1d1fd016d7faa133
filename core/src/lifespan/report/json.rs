//! A report for programs: a JSON object.

use std::error::Error;
use std::fmt::Display;

use super::{ComponentReport, HandlerOutcome, Report, Straggler, TaskReport, sources};
use crate::json::{self, Object};
use crate::task::Outcome;

impl Report {
    /// Returns it as a JSON object, in one line (feature `json`).
    ///
    /// The keys are those of the fields, durations in seconds with `_seconds` after the key, and
    /// `is_clean` and `exit_code`. An outcome is an object of its own: `{"outcome":"failed","error":
    /// "..","sources":[".."]}`, or `null` where there is none. Keys may be added.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|report| self.write(report))
    }

    pub(crate) fn write(&self, report: &mut Object<'_>) {
        report.flag("is_clean", self.is_clean());
        report.number("exit_code", self.exit_code().into());
        report.text("reason", &self.reason);
        match &self.start_error {
            Some(error) => report.object("start_error", |object| write_error(object, error)),
            None => report.null("start_error"),
        }
        report.object("phases", |phases| {
            phases.seconds("starting_seconds", self.phases.starting);
            phases.seconds("serving_seconds", self.phases.serving);
            phases.seconds("draining_seconds", self.phases.draining);
            phases.seconds("stopping_seconds", self.phases.stopping);
        });
        report.list("components", &self.components, |item, component| component.write(item));
        write_outcome(report, "serve", self.serve.as_ref());
        report.list("tasks", &self.tasks, |item, task| task.write(item));
        report.number("more_failures", self.more_failures);
        report.number("more_forced", self.more_forced);
        report.list("stragglers", &self.stragglers, |item, straggler| straggler.write(item));
        report.flag("loop_ended", self.loop_ended);
        report.flag("hard_ended", self.hard_ended);
        report.text_or_null("stalled", self.stalled.as_ref());
    }
}

impl ComponentReport {
    fn write(&self, component: &mut Object<'_>) {
        component.text("name", &self.name);
        component.object("startup", |object| self.startup.write(object));
        component.seconds("start_took_seconds", self.start_took);
        component.object("shutdown", |object| self.shutdown.write(object));
        component.list("late_shutdowns", &self.late_shutdowns, |item, late| late.write(item));
        component.seconds("stop_took_seconds", self.stop_took);
    }
}

impl HandlerOutcome {
    pub(crate) fn write(&self, object: &mut Object<'_>) {
        match self {
            Self::NotRun => object.text("outcome", "not_run"),
            Self::Completed => object.text("outcome", "completed"),
            Self::Failed(failure) => {
                object.text("outcome", "failed");
                write_error(object, failure);
            }
            Self::Panicked(panic) => write_panic(object, panic.text()),
            Self::TimedOut(budget) => {
                object.text("outcome", "timed_out");
                object.seconds("budget_seconds", *budget);
            }
            Self::Interrupted => object.text("outcome", "interrupted"),
            Self::StillRunning(since) => {
                object.text("outcome", "still_running");
                object.seconds("running_seconds", *since);
            }
        }
    }
}

impl TaskReport {
    fn write(&self, task: &mut Object<'_>) {
        task.text("id", self.id);
        task.text("path", &self.path);
        write_outcome(task, "outcome", self.outcome.as_ref());
        task.number("attempts", self.attempts);
        task.seconds("age_seconds", self.age);
        task.flag("overran", self.overran);
        task.flag("unheard", self.unheard);
        task.text("spawned_at", self.spawned_at);
    }
}

impl Straggler {
    fn write(&self, straggler: &mut Object<'_>) {
        straggler.text("path", &self.path);
        straggler.text("kind", self.kind);
        straggler.seconds("age_seconds", self.age);
        straggler.flag("is_polled", self.is_polled);
        straggler.text("spawned_at", self.spawned_at);
    }
}

fn write_outcome(object: &mut Object<'_>, key: &str, outcome: Option<&Outcome>) {
    let Some(outcome) = outcome else { return object.null(key) };
    object.object(key, |object| match outcome {
        Outcome::Completed => object.text("outcome", "completed"),
        Outcome::Failed(failure) => {
            object.text("outcome", "failed");
            write_error(object, failure);
        }
        Outcome::Panicked(panic) => write_panic(object, panic.text()),
        Outcome::Cancelled => object.text("outcome", "cancelled"),
        Outcome::LoopClosed => object.text("outcome", "loop_closed"),
    });
}

/// Its text and those of its sources; an error of the user's, whose text may be anything.
pub(crate) fn write_error<E: Error + Display + 'static>(object: &mut Object<'_>, error: &E) {
    let text = error.to_string();
    object.text("error", &text);
    object.texts("sources", sources::of(error, &text));
}

fn write_panic(object: &mut Object<'_>, text: &str) {
    object.text("outcome", "panicked");
    object.text("panic", text);
}
