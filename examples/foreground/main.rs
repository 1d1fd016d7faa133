//! Background tasks in a synchronous program, which drives them when it has nothing else to do.
//!
//! ```text
//! cargo run --example foreground --features tokio
//! cargo run --example foreground --features smol,sim -- sim
//! ```
//! `replay.rs` names no runtime; the choice is made in this file.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "smol", feature = "async-executor", feature = "sim")),
    expect(
        dead_code,
        unused_imports,
        reason = "it compiles without a runtime, and then nothing runs"
    )
)]

mod replay;

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use lifespan::BoxError;

use replay::{Screen, replay};

/// Ten times as fast as in the text.
const PERIOD: Duration = Duration::from_millis(100);
/// The exit status for a command line that cannot be followed, as shells have it.
const USAGE: u8 = 2;

/// Plays the session on one runtime.
type Play = fn(&Screen) -> Result<(), BoxError>;

/// The runtimes whose features are on and whose loops stand still while nobody drives them.
const RUNTIMES: &[(&str, Play)] = &[
    #[cfg(feature = "tokio")]
    ("tokio", |screen| {
        replay(lifespan::tokio::TokioLocalLoop::new(), screen, PERIOD, |_owner, time| {
            std::thread::sleep(time);
        })
    }),
    #[cfg(feature = "smol")]
    ("smol", |screen| {
        replay(lifespan::smol::SmolLoop::new(), screen, PERIOD, |_owner, time| {
            std::thread::sleep(time)
        })
    }),
    #[cfg(feature = "async-executor")]
    ("async-executor", |screen| {
        let executor = std::sync::Arc::new(async_executor::Executor::new());
        let owner = lifespan::async_executor::AsyncExecutorLoop::on(executor);
        replay(owner, screen, PERIOD, |_owner, time| std::thread::sleep(time))
    }),
    #[cfg(feature = "sim")]
    ("sim", |screen| {
        replay(lifespan::sim::SimLoop::fifo(), screen, PERIOD, |owner, time| owner.advance(time))
    }),
];

fn main() -> ExitCode {
    let asked = std::env::args().nth(1);
    let found = RUNTIMES.iter().find(|(name, _)| asked.as_ref().is_none_or(|asked| asked == name));
    let Some((_, play)) = found else {
        complain(
            "build it with `--features tokio`, `smol`, `async-executor` or `sim`, and name one of them",
        );
        return ExitCode::from(USAGE);
    };
    match play(&Screen::on(Stdout)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::FAILURE
        }
    }
}

fn complain(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "foreground: {text}");
}

/// Standard output, locked for each line only.
struct Stdout;

impl fmt::Write for Stdout {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        io::stdout().lock().write_all(text.as_bytes()).map_err(|_gone| fmt::Error)
    }
}
