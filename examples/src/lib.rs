#![forbid(unsafe_code)]
//! Examples of lifespan. The programs are in the folders and files beside `Cargo.toml`.
//!
//! ```text
//! cargo run --example time_ticker --features tokio     # or smol
//! cargo run --example workers --features tokio         # or smol, async-executor
//! cargo run --example foreground --features tokio      # or smol, async-executor, sim
//! cargo run --example wrong_loop --features smol       # or tokio
//! ```
