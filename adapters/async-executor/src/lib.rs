#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = include_str!("../README.md")]

mod attachment;
mod handle;
mod ids;
mod local_handle;
mod local_owner;
mod owner;
mod sleep;

pub use attachment::LocalAttachment;
pub use handle::AsyncExecutor;
pub use local_handle::AsyncExecutorLocal;
pub use local_owner::AsyncExecutorLocalLoop;
pub use owner::AsyncExecutorLoop;
pub use sleep::Sleep;
