//! What signals do to a lifespan, each case a process that is started and signalled for real.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const RUNTIMES: [&str; 2] = ["tokio", "smol"];

struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a scenario, and returns when it says that it is ready.
    fn start(scenario: &str, runtime: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalled"))
            .args([scenario, runtime])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, stdout };
        program.wait_until_ready();
        program
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

    fn end(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn the_first_signal_stops_and_the_reason_names_it() {
    for runtime in RUNTIMES {
        for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
            let program = Program::start("serves", runtime);
            program.send(signal);
            let (output, status) = program.end();
            assert_eq!(status.code(), Some(0), "{output}");
            assert!(output.contains(&format!("clean: signal {name}")), "{output}");
        }
    }
}

#[test]
fn a_signal_ends_a_start_that_hangs() {
    for runtime in RUNTIMES {
        let program = Program::start("hangs in start", runtime);
        program.send(Signal::TERM);
        let (output, status) = program.end();
        assert_eq!(status.code(), Some(0), "{output}");
        assert!(output.contains("component hangs: startup interrupted by a stop"), "{output}");
    }
}

#[test]
fn the_second_signal_cancels_what_the_first_left_waiting() {
    for runtime in RUNTIMES {
        let mut program = Program::start("stubborn", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::INT);
        let (output, status) = program.end();
        assert_eq!(status.code(), Some(6), "{output}");
        assert!(output.contains("task stubborn: cancelled"), "{output}");
    }
}

#[test]
fn the_third_signal_takes_the_default_action_though_the_loop_is_blocked() {
    for runtime in RUNTIMES {
        let mut program = Program::start("blocks", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        // Two of a kind that come at once may count as one: send until it is over.
        while program.child.try_wait().unwrap().is_none() {
            program.send(Signal::TERM);
            std::thread::yield_now();
        }
        let (_, status) = program.end();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    }
}

#[test]
fn no_handler_is_installed_unless_asked() {
    for runtime in RUNTIMES {
        let program = Program::start("none", runtime);
        program.send(Signal::TERM);
        let (_, status) = program.end();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    }
}

#[test]
fn after_the_lifespan_a_signal_has_its_default_action_again() {
    for runtime in RUNTIMES {
        let mut program = Program::start("afterwards", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        let (_, status) = program.end();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    }
}

#[test]
fn a_second_lifespan_of_the_process_hears_its_own_first_signal() {
    for runtime in RUNTIMES {
        let mut program = Program::start("twice", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        let (output, status) = program.end();
        assert_eq!(status.code(), Some(0), "{output}");
    }
}

#[test]
fn a_signal_that_only_an_ended_lifespan_heard_has_its_default_action_again() {
    for runtime in RUNTIMES {
        let mut program = Program::start("other signals", runtime);
        program.send(Signal::TERM);
        program.wait_until_ready();
        program.send(Signal::TERM);
        let (_, status) = program.end();
        assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    }
}
