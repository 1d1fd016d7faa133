#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! lifespan on smol: a loop of its own, on one thread or several, or smol's global executor.
//!
//! | you have | use |
//! |---|---|
//! | nothing yet | `Lifespan::on(`[`SmolLoop::new()`]`)` or [`SmolLoop::with_threads`] |
//! | tasks that are not `Send` | `Lifespan::on(`[`SmolLocalLoop::new()`]`)` |
//! | a program that is not asynchronous | `Foreground::on(`[`SmolLoop::new()`]`)` |
//! | `smol::spawn` and its global executor | `Lifespan::attach(`[`Smol::global()`]`).run().await` |
//!
//! Glue only: what cancel, panic, drop and timeout mean is written in `lifespan-core`.
//!
//! ```
//! use lifespan_core::Lifespan;
//! use lifespan_smol::SmolLoop;
//!
//! let report = Lifespan::on(SmolLoop::new()).serve(async |_cx| {}).run();
//! assert!(report.is_clean());
//! ```

mod handle;
mod local;
mod owner;

pub use handle::{Sleep, Smol};
pub use local::{SmolLocal, SmolLocalLoop};
pub use owner::SmolLoop;
