//! Runs one scenario on one runtime, to be sent signals by the tests of `it/signals`.
#![expect(clippy::print_stdout, reason = "the parent waits for these lines")]

mod afterwards;
mod hooks;
mod steps;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_executor::Executor;
use lifespan::async_executor::AsyncExecutorLoop;
use lifespan::async_std::AsyncStdLoop;
use lifespan::smol::SmolLoop;
use lifespan::tokio::TokioLoop;
use lifespan::{Lifespan, LoopOwner, Report, Timer};

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [scenario, "tokio"] => play(scenario, TokioLoop::current_thread),
        [scenario, "smol"] => play(scenario, SmolLoop::new),
        [scenario, "async-std"] => play(scenario, AsyncStdLoop::new),
        [scenario, "async-executor"] => {
            play(scenario, || AsyncExecutorLoop::on(Arc::new(Executor::new())))
        }
        _ => ExitCode::from(2),
    }
}

fn play<O: LoopOwner<Handle: Timer> + 'static>(scenario: &str, owner: fn() -> O) -> ExitCode {
    let report = steps::play(scenario, owner)
        .or_else(|| afterwards::play(scenario, owner))
        .or_else(|| hooks::play(scenario, owner));
    let Some(report) = report else { return ExitCode::from(2) };
    println!("{report}");
    ExitCode::from(report.exit_code())
}

/// Waits for its stop.
fn waits<O: LoopOwner<Handle: Timer>>(owner: O) -> Lifespan<O> {
    Lifespan::on(owner).task("waits", async |cx| {
        println!("ready");
        cx.shutdown().wait().await;
    })
}

/// Is there for a signal after the lifespan, until it is killed.
fn stay(report: &Report) -> ! {
    println!("{report}");
    println!("ready");
    loop {
        std::thread::sleep(NEVER);
    }
}
