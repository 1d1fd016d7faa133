//! Programs that a test starts: what signals do to them is not what whoever started the tests has set.

use std::process::Command;

/// A program of this crate, to which each signal does by default what it does by default.
///
/// A shell that starts the tests in the background has them ignore SIGINT, and what is ignored stays so in
/// each program that they start.
#[must_use]
pub fn command(program: &str) -> Command {
    if !is_any_ignored() {
        return Command::new(program);
    }
    // Of GNU, as what is asked above is of Linux. It becomes the program, whose number is its own.
    let mut command = Command::new("env");
    command.args(["--default-signal", program]);
    command
}

/// Of those that tests send: SIGHUP, SIGINT, SIGUSR1, SIGTERM.
fn is_any_ignored() -> bool {
    let sent = [1, 2, 10, 15].iter().fold(0, |mask, number| mask | 1_u64 << (number - 1));
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|m| m & sent != 0))
}
