//! What the program prints: a reader that went away is no reason to panic, or to stop.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

pub(crate) fn say(line: impl Display) {
    let _ = writeln!(stdout().lock(), "{line}");
}

pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(stderr().lock(), "{line}");
}
