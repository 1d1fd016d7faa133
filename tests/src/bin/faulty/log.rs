//! What the parent reads: marked lines on standard error, each written whole.

use std::io::Write;

use lifespan_tests::faults::MARK;

pub(crate) fn log(line: &str) {
    let _ = std::io::stderr().write_all(format!("{MARK}{line}\n").as_bytes());
}
