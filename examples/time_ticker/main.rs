//! A ticker beside an HTTP server: written once, run on whichever runtime is chosen.
//!
//! ```text
//! cargo run --example time_ticker --features tokio
//! curl http://127.0.0.1:9009
//! ```
//! `ticker.rs` and `http.rs` name no runtime; `runtime_tokio.rs`, `runtime_async_io.rs` and
//! `listen.rs` say what sockets each has; the choice is made in this file, at the end. On the
//! simulator there is no HTTP, and an hour passes at once.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "async-io-sockets")),
    expect(dead_code, reason = "the parts compile without a runtime, and then nothing runs them")
)]

mod http;
mod listen;
mod net;
mod options;
mod output;
#[cfg(feature = "async-io-sockets")]
mod runtime_async_io;
#[cfg(feature = "tokio")]
mod runtime_tokio;
mod ticker;

use std::process::ExitCode;

use lifespan::signals::Signals;
use lifespan::{Lifespan, LoopOwner, Report};

use listen::Bind;
use net::Net;
use options::{Asked, MissingFeature, Options};

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
        Ok(report) => {
            output::say(report.to_string().trim_end());
            ExitCode::from(report.exit_code())
        }
        Err(missing) => refuse(&missing),
    }
}

fn refuse(error: &dyn std::error::Error) -> ExitCode {
    output::complain(format_args!("time_ticker: {error}"));
    ExitCode::from(USAGE)
}

/// Chooses the runtime: the only function that knows which ones there are.
fn run(options: &Options) -> Result<Report, MissingFeature> {
    #[cfg(feature = "tokio")]
    if options.runtime == options::Runtime::Tokio {
        return Ok(program(lifespan::tokio::TokioLoop::multi_thread(), options).run());
    }
    #[cfg(feature = "tokio")]
    if options.runtime == options::Runtime::TokioLocal {
        return Ok(program(lifespan::tokio::TokioLocalLoop::new(), options).run());
    }
    #[cfg(feature = "smol")]
    if options.runtime == options::Runtime::Smol {
        return Ok(program(lifespan::smol::SmolLoop::new(), options).run());
    }
    #[cfg(feature = "async-std")]
    if options.runtime == options::Runtime::AsyncStd {
        return Ok(program(lifespan::async_std::AsyncStdLoop::new(), options).run());
    }
    #[cfg(feature = "async-executor")]
    if options.runtime == options::Runtime::AsyncExecutor {
        let executor = std::sync::Arc::new(async_executor::Executor::new());
        let owner = lifespan::async_executor::AsyncExecutorLoop::on(executor);
        return Ok(program(owner, options).run());
    }
    #[cfg(feature = "sim")]
    if options.runtime == options::Runtime::Sim {
        return Ok(an_hour(lifespan::sim::SimLoop::new(0), options).run());
    }
    Err(MissingFeature(options.runtime))
}

/// The program. Components start in this order, and stop in reverse.
fn program<O>(owner: O, options: &Options) -> Lifespan<O>
where
    O: LoopOwner<Handle: Net<Sockets: Bind>>,
{
    let Options { addr, on_stop, .. } = options.clone();
    Lifespan::on(owner)
        .stop_on(Signals::default())
        .startup("http", async move |cx| listen::start(&cx, &addr).await)
        .startup("ticker", async move |cx| ticker::start(&cx, on_stop))
}

/// The ticker alone, for an hour of the loop's time.
#[cfg(feature = "sim")]
fn an_hour<O: LoopOwner<Handle: lifespan::Timer>>(owner: O, options: &Options) -> Lifespan<O> {
    let on_stop = options.on_stop;
    Lifespan::on(owner)
        .startup("ticker", async move |cx| ticker::start(&cx, on_stop))
        .serve(async |cx| cx.sleep(std::time::Duration::from_secs(60 * 60)).await)
}
