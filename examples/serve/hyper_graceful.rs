//! hyper as the foreground, with hyper-util's `GracefulShutdown`.
//!
//! ```text
//! cargo run --example serve_hyper --features tokio       # or smol
//! curl -d text http://127.0.0.1:9011
//! ```
//! Who accepts stops at the event; `GracefulShutdown` then has each connection end after the request
//! that it is at, and waits for all. That wait is bounded by the grace of the foreground.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "smol")),
    expect(dead_code, reason = "the parts compile without a runtime, and then nothing runs them")
)]

mod choose;
#[path = "../time_ticker/output.rs"]
mod output;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};

/// The work: sends the body back, when it is there whole.
async fn echo(request: Request<Incoming>) -> Result<Response<String>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(String::from_utf8_lossy(&body).into_owned()))
}

fn main() -> std::process::ExitCode {
    choose::run()
}

#[cfg(feature = "tokio")]
fn on_tokio(addr: String) -> lifespan::Report {
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use hyper_util::server::graceful::GracefulShutdown;
    use lifespan::signals::Signals;
    use lifespan::tokio::TokioLoop;
    use lifespan::{BoxError, Lifespan};
    use tokio::net::TcpListener;

    Lifespan::on(TokioLoop::multi_thread())
        .stop_on(Signals::default())
        .serve(async move |cx| {
            let listener = TcpListener::bind(&addr).await?;
            output::say(format_args!("listening on http://{}", listener.local_addr()?));
            let graceful = GracefulShutdown::new();
            while let Some(accepted) = cx.shutdown().run_until_set(listener.accept()).await {
                let (stream, _from) = accepted?;
                let builder = http1::Builder::new();
                let connection = builder.serve_connection(TokioIo::new(stream), service_fn(echo));
                let connection = graceful.watch(connection);
                // An `Err` is a client that went away or talks no HTTP.
                cx.spawn(async move |_cx| drop(connection.await)).detach();
            }
            // The port is closed first: nobody waits for an answer that does not come.
            drop(listener);
            graceful.shutdown().await;
            Ok::<_, BoxError>(())
        })
        .run()
}

#[cfg(feature = "smol")]
fn on_smol(addr: String) -> lifespan::Report {
    use async_net::TcpListener;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::server::graceful::GracefulShutdown;
    use lifespan::signals::Signals;
    use lifespan::smol::SmolLoop;
    use lifespan::{BoxError, Lifespan};
    use smol_hyper::rt::FuturesIo;

    Lifespan::on(SmolLoop::new())
        .stop_on(Signals::default())
        .serve(async move |cx| {
            let listener = TcpListener::bind(&*addr).await?;
            output::say(format_args!("listening on http://{}", listener.local_addr()?));
            let graceful = GracefulShutdown::new();
            while let Some(accepted) = cx.shutdown().run_until_set(listener.accept()).await {
                let (stream, _from) = accepted?;
                let builder = http1::Builder::new();
                let connection = builder.serve_connection(FuturesIo::new(stream), service_fn(echo));
                let connection = graceful.watch(connection);
                // An `Err` is a client that went away or talks no HTTP.
                cx.spawn(async move |_cx| drop(connection.await)).detach();
            }
            // The port is closed first: nobody waits for an answer that does not come.
            drop(listener);
            graceful.shutdown().await;
            Ok::<_, BoxError>(())
        })
        .run()
}
