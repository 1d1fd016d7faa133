//! Runs one program in one scenario, in a process of its own, and says what it did.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{env, fmt, fs, io, thread};

use lifespan_peers::{MARK, Scenario};
use rustix::process::{Pid, Signal, kill_process};

/// How long a program has to begin, or to end after the last signal; then it is killed.
const LIMIT: Duration = Duration::from_secs(10);
/// How long it has to notice a panic by itself.
const NOTICES: Duration = Duration::from_secs(2);

/// What a program did.
pub(crate) struct Did {
    pub(crate) status: Status,
    /// From the first signal; in the scenario of a panic from the panic.
    pub(crate) after: Duration,
    pub(crate) needed_sigterm: bool,
    /// Whether it named the culprit, in a warning, an error, or a report.
    pub(crate) named: bool,
    /// What it said of its own work.
    pub(crate) said: Vec<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Code(i32),
    Signal(i32),
    Killed,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Killed => f.write_str("none: it was killed"),
        }
    }
}

pub(crate) fn run(program: &str, scenario: Scenario) -> io::Result<Did> {
    let path = env::current_exe()?.with_file_name(program);
    let mut child = Command::new(path)
        .arg(format!("{scenario:?}"))
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (sender, lines) = mpsc::channel();
    read(child.stdout.take(), sender.clone());
    read(child.stderr.take(), sender);
    let mut heard = Heard { lines, text: Vec::new() };
    heard.until(Some("ready"), LIMIT);
    wait_until_sigterm_is_caught(&child);

    let mut begun = Instant::now();
    let is_a_panic = scenario == Scenario::Panics;
    let needed_sigterm = !(is_a_panic && heard.until(None, NOTICES));
    if needed_sigterm {
        if !is_a_panic {
            begun = Instant::now();
        }
        sigterm(&child)?;
    }
    if scenario == Scenario::SecondSigterm {
        heard.until(Some("flushing"), LIMIT);
        // A program may count two at once as one.
        thread::sleep(Duration::from_millis(100));
        sigterm(&child)?;
    }
    let ended = heard.until(None, LIMIT);
    let after = begun.elapsed();
    if !ended {
        child.kill()?;
    }
    let status = child.wait()?;
    let status = match (ended, status.code(), status.signal()) {
        (true, Some(code), _) => Status::Code(code),
        (true, None, Some(signal)) => Status::Signal(signal),
        _ => Status::Killed,
    };
    let (said, written): (Vec<_>, Vec<_>) =
        heard.text.into_iter().partition(|line| line.starts_with(MARK));
    Ok(Did {
        status,
        after,
        needed_sigterm,
        named: written.iter().any(|line| line.contains(scenario.culprit())),
        said: said.iter().map(|line| line[MARK.len()..].to_owned()).collect(),
    })
}

/// What is read of a program.
struct Heard {
    lines: Receiver<String>,
    text: Vec<String>,
}

impl Heard {
    /// Reads until the program says this, or has ended; whether that came in time.
    fn until(&mut self, said: Option<&str>, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let is_it = said.is_some() && line.strip_prefix(MARK) == said;
                    self.text.push(line);
                    if is_it {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }
}

fn read(pipe: Option<impl Read + Send + 'static>, lines: Sender<String>) {
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
}

/// Some set their signals up in a task, which may come later than the others. Linux tells.
fn wait_until_sigterm_is_caught(child: &Child) {
    let end = Instant::now() + LIMIT;
    while let Ok(status) = fs::read_to_string(format!("/proc/{}/status", child.id())) {
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let is_caught = caught.is_none_or(|mask| mask & 1 << (Signal::TERM.as_raw() - 1) != 0);
        if is_caught || Instant::now() > end {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// It has not been waited for, so the number is still its own.
fn sigterm(child: &Child) -> io::Result<()> {
    Ok(kill_process(Pid::from_child(child), Signal::TERM)?)
}
