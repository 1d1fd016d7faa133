//! Behaviour of lifespan across adapters: see `it/`, one file for each subject, and `faults/`.

pub mod faults;
pub mod started;

/// The guide, so that its code is compiled, and its mistakes are not.
#[cfg(doctest)]
#[doc = include_str!("../../docs/what-the-compiler-told-you.md")]
mod guide {}

/// The page for those who come from elsewhere, so that its code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/coming-from.md")]
mod coming_from {}

/// The page about services, so that its code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/services.md")]
mod services {}
