//! The report of workers for programs: a JSON object.

use super::WorkersReport;
use crate::json;
use crate::lifespan::write_error;

impl WorkersReport {
    /// Returns it as a JSON object, in one line (feature `json`).
    ///
    /// As [`Report::to_json`](crate::Report::to_json), with a list of reports in `workers`.
    #[must_use]
    pub fn to_json(&self) -> String {
        json::object(|report| {
            report.flag("is_clean", self.is_clean());
            report.number("exit_code", self.exit_code().into());
            report.text("reason", &self.reason);
            match self.stopped_by {
                Some(worker) => report.number("stopped_by", worker.index() as u64),
                None => report.null("stopped_by"),
            }
            match &self.start_error {
                Some(error) => report.object("start_error", |object| write_error(object, error)),
                None => report.null("start_error"),
            }
            report.object("main_start", |object| self.main_start.write(object));
            report.object("main_stop", |object| self.main_stop.write(object));
            report.list("workers", &self.workers, |item, worker| worker.write(item));
        })
    }
}
