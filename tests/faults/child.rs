//! Runs one cell in a process of its own, sends it signals, and reads what it says.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use lifespan_tests::faults::{Cell, Fault, MARK, Phase};
use lifespan_tests::started::command;
use rustix::process::{Pid, Signal, kill_process};

use crate::model::{SIGINT, SIGTERM, Status};

/// What came of a cell.
pub(crate) struct Ended {
    pub(crate) status: Status,
    pub(crate) took: Duration,
    /// The lines of its log.
    pub(crate) log: Vec<String>,
    /// All else that it wrote.
    pub(crate) text: String,
}

/// Every budget is a second at the most: the rest is for a machine that does more.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// A signal that may have been taken for one with that before is sent again after this, unless it was
/// heard. No other is: it must be heard.
const AGAIN: Duration = Duration::from_secs(3);

/// Between two signals of a kind of which the first changes nothing that could be waited for.
const APART: Duration = Duration::from_millis(50);

/// A signal: after which line it is sent, and which line tells that it was heard.
struct Send {
    after: &'static str,
    signal: i32,
    heard: Option<&'static str>,
    /// Whether it may be taken for one with that before, of which nothing tells that it was heard.
    may_be_lost: bool,
}

pub(crate) fn run(cell: Cell) -> Ended {
    let began = Instant::now();
    let mut child = command(env!("CARGO_BIN_EXE_faulty"))
        .args(cell.words())
        .env("RUST_BACKTRACE", "0")
        .stdout(stdout(cell.fault))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines(child.stderr.take().unwrap());
    let mut reader = Reader { child: &child, lines, log: Vec::new(), text: String::new() };
    for send in signals(cell) {
        reader.send(&send);
    }
    let in_time = reader.read_until(|_| false, GUARD.saturating_sub(began.elapsed()));
    let Reader { log, mut text, .. } = reader;
    if in_time == Wait::TimedOut {
        text.push_str("\nit had not ended, and was killed\n");
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let status = match (status.code(), status.signal()) {
        (Some(code), _) => Status::Code(code),
        (None, signal) => Status::Signal(signal.unwrap()),
    };
    Ended { status, took: began.elapsed(), log, text }
}

/// Nobody reads it; in one case nobody can.
fn stdout(fault: Fault) -> Stdio {
    if fault != Fault::StdoutClosed {
        return Stdio::null();
    }
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(ours);
    OwnedFd::from(theirs).into()
}

fn signals(cell: Cell) -> Vec<Send> {
    if !cell.fault.is_of_signals() {
        return Vec::new();
    }
    let first = if cell.fault == Fault::SigintThenSigterm { SIGINT } else { SIGTERM };
    let (after, heard) = match (cell.phase, cell.fault) {
        (Phase::Start, _) => ("start second", None),
        (Phase::Serve, _) => ("serving", None),
        (Phase::Stop, Fault::Sigterm) => ("stop second", None),
        (Phase::Stop, _) => ("stubborn hears", None),
    };
    let mut sends = vec![Send { after, signal: first, heard, may_be_lost: false }];
    if cell.fault != Fault::Sigterm {
        let (after, heard) = ("stubborn hears", Some("stubborn is cut"));
        let may_be_lost = cell.phase == Phase::Stop;
        sends.push(Send { after, signal: SIGTERM, heard, may_be_lost });
    }
    if cell.fault == Fault::SigtermThrice {
        let after = "stop first";
        sends.push(Send { after, signal: SIGTERM, heard: None, may_be_lost: false });
    }
    sends
}

/// How a wait for a line has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Found,
    Closed,
    TimedOut,
}

struct Reader<'a> {
    child: &'a Child,
    lines: Receiver<String>,
    log: Vec<String>,
    text: String,
}

impl Reader<'_> {
    fn send(&mut self, send: &Send) {
        if self.log.iter().any(|line| line == send.after) {
            // In the same moment as the one before, it could be taken for one with that.
            thread::sleep(APART);
        } else if self.read_until(|line| line == send.after, GUARD) != Wait::Found {
            return;
        }
        self.kill(send.signal);
        let Some(heard) = send.heard else { return };
        let until = Instant::now() + GUARD;
        let patience = if send.may_be_lost { AGAIN } else { GUARD };
        while self.read_until(|line| line == heard, patience) == Wait::TimedOut {
            if Instant::now() > until {
                return;
            }
            self.kill(send.signal);
        }
    }

    fn kill(&self, signal: i32) {
        let signal = if signal == SIGINT { Signal::INT } else { Signal::TERM };
        // It has not been waited for, so the number is still its own.
        kill_process(Pid::from_child(self.child), signal).unwrap();
    }

    fn read_until(&mut self, is_it: impl Fn(&str) -> bool, limit: Duration) -> Wait {
        let until = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => match line.strip_prefix(MARK) {
                    Some(line) => {
                        self.log.push(line.into());
                        if is_it(line) {
                            return Wait::Found;
                        }
                    }
                    None => self.text.extend([&line, "\n"]),
                },
                Err(RecvTimeoutError::Timeout) => return Wait::TimedOut,
                Err(RecvTimeoutError::Disconnected) => return Wait::Closed,
            }
        }
    }
}

/// The lines of a pipe, until its writer has ended.
fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr.take(16 << 20)).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
