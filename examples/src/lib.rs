#![forbid(unsafe_code)]
//! Examples of lifespan. The programs are in the folders and files beside `Cargo.toml`.
//!
//! ```text
//! cargo run --example time_ticker --features tokio     # or smol
//! cargo run --example workers --features tokio         # or smol, async-executor
//! cargo run --example health_server --features tokio   # or smol, async-std, async-executor
//! cargo run --example serve_axum --features tokio
//! cargo run --example serve_hyper --features tokio     # or smol
//! cargo run --example serve_plain --features tokio     # or smol
//! cargo run --example websocket_feed --features tokio  # or smol
//! cargo run --example foreground --features tokio      # or smol, async-executor, sim
//! cargo run --example wrong_loop --features smol       # or tokio
//! ```
