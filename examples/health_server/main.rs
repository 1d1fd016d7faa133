//! A server that says how it is: for Kubernetes, systemd, a balancer, and people.
//!
//! ```text
//! cargo run --example health_server --features tokio
//! curl http://127.0.0.1:9010/readyz      # 200 from the whole start to the request to stop, else 503
//! curl http://127.0.0.1:9010/livez       # 200 while the loop turns
//! curl http://127.0.0.1:9010/tasks       # all that lives in it
//! curl -d text http://127.0.0.1:9010/    # its work: to send the text back
//! ```
//! What SIGTERM does, in this order: `/readyz` says 503, and all is served for as long as a balancer
//! needs to see that; then the port is closed, open requests are answered, and the program ends.
//! `docs/deploy.md` explains the times. SIGUSR1 prints what lives.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "async-io-sockets")),
    expect(dead_code, reason = "the parts compile without a runtime, and then nothing runs them")
)]

mod budgets;
mod http;
mod listen;
#[path = "../time_ticker/net.rs"]
mod net;
mod options;
#[path = "../time_ticker/output.rs"]
mod output;
#[cfg(feature = "async-io-sockets")]
#[path = "../time_ticker/runtime_async_io.rs"]
mod runtime_async_io;
#[cfg(feature = "tokio")]
#[path = "../time_ticker/runtime_tokio.rs"]
mod runtime_tokio;

use std::process::ExitCode;

use lifespan::signals::Signals;
use lifespan::systemd::Systemd;
use lifespan::{Lifespan, LoopOwner, Report};

use listen::Bind;
use net::Net;
use options::{Asked, Options};

/// The exit status for a command line that cannot be followed, as shells have it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let options = match options::from_args() {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Help) => {
            output::say(options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&error),
    };
    match run(&options) {
        Some(report) => {
            output::say(report.to_string().trim_end());
            ExitCode::from(report.exit_code())
        }
        None => refuse(&options::NO_RUNTIME),
    }
}

fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    output::complain(format_args!("health_server: {error}"));
    ExitCode::from(USAGE)
}

/// Chooses the runtime: the only function that knows which ones there are.
fn run(options: &Options) -> Option<Report> {
    #[cfg(feature = "tokio")]
    if options.is_for("tokio") {
        return Some(program(lifespan::tokio::TokioLoop::multi_thread(), options).run());
    }
    #[cfg(feature = "smol")]
    if options.is_for("smol") {
        return Some(program(lifespan::smol::SmolLoop::new(), options).run());
    }
    #[cfg(feature = "async-std")]
    if options.is_for("async-std") {
        return Some(program(lifespan::async_std::AsyncStdLoop::new(), options).run());
    }
    #[cfg(feature = "async-executor")]
    if options.is_for("async-executor") {
        let executor = std::sync::Arc::new(async_executor::Executor::new());
        let owner = lifespan::async_executor::AsyncExecutorLoop::on(executor);
        return Some(program(owner, options).run());
    }
    let _ = options;
    None
}

/// The program. systemd hears of it from before the first component until after the last.
fn program<O>(owner: O, options: &Options) -> Lifespan<O>
where
    O: LoopOwner<Handle: Net<Sockets: Bind>>,
{
    let addr = options.addr.clone();
    let lifespan = Lifespan::on(owner);
    let signals = Signals::default();
    #[cfg(unix)]
    let signals = signals.print_snapshot(lifespan.monitor());
    Systemd::from_env()
        .install(lifespan)
        .stop_on(signals)
        .start_timeout(budgets::START)
        .drain(options.drain)
        .grace(budgets::GRACE)
        .deadline(budgets::DEADLINE)
        .startup("http", async move |cx| listen::start(&cx, &addr).await)
}
