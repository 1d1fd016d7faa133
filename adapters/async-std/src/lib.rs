#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = include_str!("../README.md")]

mod handle;
mod owner;
mod sleep;

pub use handle::AsyncStd;
pub use owner::AsyncStdLoop;
pub use sleep::Sleep;
