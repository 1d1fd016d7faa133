#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! lifespan on tokio: a loop of its own (current-thread, multi-thread, local), or the running one.
//!
//! | you have | use |
//! |---|---|
//! | nothing yet | `Lifespan::on(`[`TokioLoop::multi_thread()`]`)` or [`TokioLoop::current_thread()`] |
//! | tasks that are not `Send` | `Lifespan::on(`[`TokioLocalLoop::new()`]`)` |
//! | a program that is not asynchronous | `Foreground::on(`[`TokioLocalLoop::new()`]`)` |
//! | `#[tokio::main]` | `Lifespan::attach(`[`Tokio::current()?`](Tokio::current)`).run().await` |
//!
//! Glue only: what cancel, panic, drop and timeout mean is written in `lifespan-core`.
//!
//! ```
//! use lifespan_core::Lifespan;
//! use lifespan_tokio::TokioLoop;
//!
//! let report = Lifespan::on(TokioLoop::multi_thread()).serve(async |_cx| {}).run();
//! assert!(report.is_clean());
//! ```

mod entered;
mod handle;
mod home;
mod local;
mod may_block;
mod owner;
mod sleep;

pub use entered::Entered;
pub use handle::Tokio;
pub use local::{TokioLocal, TokioLocalLoop};
pub use owner::TokioLoop;
pub use sleep::Sleep;
