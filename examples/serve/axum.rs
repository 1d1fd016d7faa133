//! axum as the foreground: its graceful shutdown waits for the lifespan's event.
//!
//! ```text
//! cargo run --example serve_axum --features tokio
//! curl -d text http://127.0.0.1:9011
//! ```
//! When the event is set, axum accepts no more, answers what is open, and its future ends; then the
//! lifespan goes on with its stop. `axum::serve` is tokio's; on other loops an axum `Router` is
//! served by hyper, as in `hyper_graceful.rs`.
#![forbid(unsafe_code)]

use std::io::{Write, stdout};

use axum::Router;
use axum::routing::post;
use lifespan::signals::Signals;
use lifespan::tokio::TokioLoop;
use lifespan::{BoxError, Lifespan, Report};
use tokio::net::TcpListener;

fn main() -> Report {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9011".to_owned());
    Lifespan::on(TokioLoop::multi_thread())
        .stop_on(Signals::default())
        .serve(async move |cx| {
            let listener = TcpListener::bind(&addr).await?;
            writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
            let router = Router::new().route("/", post(async |body: String| body));
            axum::serve(listener, router)
                .with_graceful_shutdown(cx.shutdown().wait_owned())
                .await?;
            Ok::<_, BoxError>(())
        })
        .run()
}
