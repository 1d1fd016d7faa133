//! HTTP on several workers: a thread each, a loop each, a listener each on one port, a ticker each.
//!
//! ```text
//! cargo run --example workers --features tokio -- --workers 4
//! curl http://127.0.0.1:9009
//! ```
//! Each worker opens a socket of its own on the same port (`SO_REUSEPORT`), and the system shares the
//! connections out among them: no connection ever changes its thread. The HTTP server and what the
//! runtimes say of their sockets are those of `time_ticker`.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "smol", feature = "async-executor")),
    expect(dead_code, reason = "the parts compile without a runtime, and then nothing runs them")
)]

#[path = "../time_ticker/http.rs"]
mod http;
mod listen;
#[path = "../time_ticker/net.rs"]
mod net;
mod options;
#[path = "../time_ticker/output.rs"]
mod output;
#[cfg(any(feature = "smol", feature = "async-executor"))]
#[path = "../time_ticker/runtime_async_io.rs"]
mod runtime_async_io;
#[cfg(feature = "tokio")]
#[path = "../time_ticker/runtime_tokio.rs"]
mod runtime_tokio;
mod ticker;

use std::process::ExitCode;
use std::sync::OnceLock;

use lifespan::signals::Signals;
use lifespan::{BoxError, Lifespan, LoopOwner, Workers, WorkersReport};

use listen::{Adopt, Port};
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
    output::complain(format_args!("workers: {error}"));
    ExitCode::from(USAGE)
}

/// Chooses the runtime: the only function that knows which ones there are.
fn run(options: &Options) -> Option<WorkersReport> {
    #[cfg(feature = "tokio")]
    if options.is_for("tokio") {
        return Some(program(lifespan::tokio::TokioLoop::current_thread, options));
    }
    #[cfg(feature = "tokio")]
    if options.is_for("tokio-local") {
        return Some(program(lifespan::tokio::TokioLocalLoop::new, options));
    }
    #[cfg(feature = "smol")]
    if options.is_for("smol") {
        return Some(program(lifespan::smol::SmolLoop::new, options));
    }
    #[cfg(feature = "async-executor")]
    if options.is_for("async-executor") {
        let make = || {
            let executor = std::sync::Arc::new(async_executor::Executor::new());
            lifespan::async_executor::AsyncExecutorLoop::on(executor)
        };
        return Some(program(make, options));
    }
    let _ = options;
    None
}

/// The program: what `make` makes, and what is described with it, is made anew on each worker.
fn program<O>(make: fn() -> O, options: &Options) -> WorkersReport
where
    O: LoopOwner<Handle: Net<Sockets: Adopt>>,
{
    let port = OnceLock::new();
    Workers::new(options.workers, |_worker| {
        // Reserved before any worker starts.
        let addr = port.get().map(Port::addr);
        Lifespan::on(make())
            .startup("ticker", async |cx| ticker::start(&cx))
            .startup("http", async move |cx| listen::start(&cx, addr))
    })
    .on_main_start(|| -> Result<(), BoxError> {
        let _ = port.set(Port::reserve(&options.addr)?);
        Ok(())
    })
    .on_main_stop(|| output::say("all workers have ended"))
    .stop_on(Signals::default())
    .run()
}
