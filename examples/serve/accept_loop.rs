//! A plain accept loop as the foreground, without any server library.
//!
//! ```text
//! cargo run --example serve_plain --features tokio       # or smol
//! printf 'text\n' | nc 127.0.0.1 9011
//! ```
//! The event ends the accepting, and with it the foreground. Each connection is a task, so the stop
//! waits for those that are open, for their grace at the most.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "tokio", feature = "smol")),
    expect(dead_code, reason = "the parts compile without a runtime, and then nothing runs them")
)]

mod choose;
#[path = "../time_ticker/output.rs"]
mod output;

fn main() -> std::process::ExitCode {
    choose::run()
}

#[cfg(feature = "tokio")]
fn on_tokio(addr: String) -> lifespan::Report {
    use lifespan::signals::Signals;
    use lifespan::tokio::TokioLoop;
    use lifespan::{BoxError, Lifespan};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    /// The work: sends one line back, when it is there whole.
    async fn echo(stream: TcpStream) -> std::io::Result<()> {
        let (mut stream, mut line) = (BufReader::new(stream), String::new());
        stream.read_line(&mut line).await?;
        stream.write_all(line.as_bytes()).await?;
        stream.shutdown().await
    }

    Lifespan::on(TokioLoop::multi_thread())
        .stop_on(Signals::default())
        .serve(async move |cx| {
            let listener = TcpListener::bind(&addr).await?;
            output::say(format_args!("listening on tcp://{}", listener.local_addr()?));
            while let Some(accepted) = cx.shutdown().run_until_set(listener.accept()).await {
                let (stream, _from) = accepted?;
                // An `Err` is a client that went away.
                cx.spawn(async move |_cx| drop(echo(stream).await)).detach();
            }
            Ok::<_, BoxError>(())
        })
        .run()
}

#[cfg(feature = "smol")]
fn on_smol(addr: String) -> lifespan::Report {
    use async_net::{TcpListener, TcpStream};
    use futures_lite::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use lifespan::signals::Signals;
    use lifespan::smol::SmolLoop;
    use lifespan::{BoxError, Lifespan};

    /// The work: sends one line back, when it is there whole.
    async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
        let mut line = String::new();
        BufReader::new(stream.clone()).read_line(&mut line).await?;
        stream.write_all(line.as_bytes()).await?;
        stream.close().await
    }

    Lifespan::on(SmolLoop::new())
        .stop_on(Signals::default())
        .serve(async move |cx| {
            let listener = TcpListener::bind(&*addr).await?;
            output::say(format_args!("listening on tcp://{}", listener.local_addr()?));
            while let Some(accepted) = cx.shutdown().run_until_set(listener.accept()).await {
                let (stream, _from) = accepted?;
                // An `Err` is a client that went away.
                cx.spawn(async move |_cx| drop(echo(stream).await)).detach();
            }
            Ok::<_, BoxError>(())
        })
        .run()
}
