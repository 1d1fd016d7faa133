#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = include_str!("../README.md")]

mod blocking;
mod crowd;
mod drive;
mod handle;
mod owner;
mod queue;
mod random;
mod roll;
mod root;
mod shared;
mod spawned;
mod time;
mod trace;

pub use handle::Sim;
pub use owner::SimLoop;
pub use time::Sleep;
pub use trace::{Step, Trace, What};
