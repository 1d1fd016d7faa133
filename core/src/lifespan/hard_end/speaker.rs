//! Says what the watching thread has to say, on a thread of its own: a reader that does not read, or
//! a callback that does not return, must not hold up the hard end.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::Builder;
use std::time::Duration;

use super::Callbacks;
use super::finish::Finish;
use super::still_stopping::StillStopping;
use crate::lifespan::report::Report;
use crate::sync::Arc;
use crate::wake::{call_caught, drop_caught};

/// How long the hard end waits until its report has been written.
const PATIENCE: Duration = Duration::from_secs(1);

/// How things are said: by the callbacks of the user's, else to standard error.
pub(super) struct Voice {
    pub(super) callbacks: Callbacks,
    pub(super) finish: Arc<Finish>,
}

/// Has its thread when there is something to say, and not before.
pub(super) enum Speaker {
    Silent(Voice),
    Speaks(Sender<Said>),
    /// There was no thread to be had.
    Alone,
}

pub(super) enum Said {
    Line(StillStopping),
    Report(Box<Report>, Sender<()>),
}

impl Speaker {
    pub(super) fn new(voice: Voice) -> Self {
        Self::Silent(voice)
    }

    pub(super) fn say(&mut self, line: StillStopping) {
        match self.sender() {
            Some(sender) => drop(sender.send(Said::Line(line))),
            None => write(&format!("{line}\n")),
        }
    }

    /// Returns when the report has been written, or could not be in time.
    pub(super) fn report(&mut self, report: Report) {
        let Some(sender) = self.sender() else { return write(&report.to_string()) };
        let (written, done) = mpsc::channel();
        if sender.send(Said::Report(Box::new(report), written)).is_ok() {
            // Also over when the thread has ended.
            let _ = done.recv_timeout(PATIENCE);
        }
    }

    fn sender(&mut self) -> Option<&Sender<Said>> {
        if let Self::Silent(_) = self {
            let before = std::mem::replace(self, Self::Alone);
            let Self::Silent(voice) = before else { return None };
            let (sender, said) = mpsc::channel();
            let builder = Builder::new().name("lifespan-report".into());
            if builder.spawn(move || voice.speak(said)).is_ok() {
                *self = Self::Speaks(sender);
            }
        }
        match self {
            Self::Speaks(sender) => Some(sender),
            _ => None,
        }
    }
}

impl Voice {
    #[expect(clippy::needless_pass_by_value, reason = "the channel ends with this thread")]
    fn speak(mut self, said: Receiver<Said>) {
        for said in &said {
            match said {
                Said::Line(line) => self.line(&line),
                Said::Report(report, written) => {
                    self.report(&report);
                    let _ = drop_caught(report);
                    let _ = written.send(());
                }
            }
        }
    }

    fn line(&mut self, line: &StillStopping) {
        if !self.finish.is_open() {
            return; // it has been overtaken by the end
        }
        match &mut self.callbacks.on_waiting {
            Some(on_waiting) => drop(call_caught(|| on_waiting(line))),
            None => write(&format!("{line}\n")),
        }
    }

    fn report(&mut self, report: &Report) {
        match self.callbacks.on_hard_end.take() {
            Some(on_hard_end) => drop(call_caught(|| on_hard_end(report))),
            None => write(&report.to_string()),
        }
    }
}

/// In one piece, so that lines of several writers do not mix.
fn write(text: &str) {
    // A reader that went away changes nothing.
    let _ = io::stderr().write_all(text.as_bytes());
}
