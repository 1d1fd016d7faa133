//! What signals do to a lifespan, each case a process that is started and signalled for real.

mod afterwards;
mod hooks;
mod steps;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use lifespan_tests::started::command;
use rustix::process::{Pid, Signal, kill_process};

const RUNTIMES: [&str; 4] = ["tokio", "smol", "async-std", "async-executor"];

/// Plays `signalled`; killed when dropped, should it still run.
struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Program {
    /// Starts a scenario, and returns when it says that it is ready.
    fn start(scenario: &str, runtime: &str) -> Self {
        let mut program = Self::spawn(command(PATH).args([scenario, runtime]));
        program.wait_until_ready();
        program
    }

    fn spawn(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    fn wait_until_ready(&mut self) {
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "it has ended");
        }
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// The next line of standard error.
    fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    fn end(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap())
    }

    fn assert_killed_by(self, signal: Signal) {
        let (output, status) = self.end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{output}");
    }

    fn assert_ends_with(self, code: i32, says: &str) {
        let (output, status) = self.end();
        assert_eq!(status.code(), Some(code), "{output}");
        assert!(output.contains(says), "no {says:?} in: {output}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PATH: &str = env!("CARGO_BIN_EXE_signalled");
