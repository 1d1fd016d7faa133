//! A feed for each WebSocket: what is dispatched is sent to all, what they send is received.
//!
//! ```text
//! cargo run --example websocket_feed --features tokio      # or smol; then open http://127.0.0.1:9009
//! curl --data hello http://127.0.0.1:9009/dispatch
//! curl http://127.0.0.1:9009/tasks
//! ```
//! Each connection has a scope of its own, `feed:{id}`, with a task `receiver:{id}` in it. When the
//! socket closes, its scope does, and with it the receiver: nothing has to be cancelled by name or
//! purged. `feeds.rs` and `http.rs` name no runtime; what each runtime's sockets are is said in
//! `socket.rs` and in two files of `time_ticker`.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "smol")),
    expect(dead_code, reason = "the parts compile without a runtime, and then nothing runs them")
)]

mod feeds;
mod http;
#[path = "../time_ticker/net.rs"]
mod net;
mod options;
#[path = "../time_ticker/output.rs"]
mod output;
#[cfg(feature = "smol")]
#[path = "../time_ticker/runtime_async_io.rs"]
mod runtime_async_io;
#[cfg(feature = "tokio")]
#[path = "../time_ticker/runtime_tokio.rs"]
mod runtime_tokio;
mod socket;

use std::process::ExitCode;

use lifespan::signals::Signals;
use lifespan::{Lifespan, LoopOwner, Report};

use net::Net;
use options::{Asked, Options};
use socket::WebSockets;

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
    output::complain(format_args!("websocket_feed: {error}"));
    ExitCode::from(USAGE)
}

/// Chooses the runtime: the only function that knows which ones there are.
fn run(options: &Options) -> Option<Report> {
    #[cfg(feature = "tokio")]
    if options.is_for("tokio") {
        return Some(program(lifespan::tokio::TokioLoop::multi_thread(), options).run());
    }
    #[cfg(feature = "tokio")]
    if options.is_for("tokio-local") {
        return Some(program(lifespan::tokio::TokioLocalLoop::new(), options).run());
    }
    #[cfg(feature = "smol")]
    if options.is_for("smol") {
        return Some(program(lifespan::smol::SmolLoop::new(), options).run());
    }
    let _ = options;
    None
}

/// The program: no connection is accepted before the feeds are there, nor after they begin to end.
fn program<O>(owner: O, options: &Options) -> Lifespan<O>
where
    O: LoopOwner<Handle: Net<Sockets: WebSockets>>,
{
    let addr = options.addr.clone();
    Lifespan::on(owner)
        .stop_on(Signals::default())
        .startup("feeds", async |cx| feeds::start(&cx))
        .startup("http", async move |cx| http::start(&cx, &addr).await)
}
