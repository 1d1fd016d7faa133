#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = include_str!("../README.md")]
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a panic says what broke")]

pub mod absent;
pub mod blocked;
pub mod blocking;
pub mod blocking_gone;
pub mod bound;
pub mod bound_elsewhere;
pub mod cancel;
pub mod churn;
pub mod components;
pub mod deadline;
pub mod detach;
pub mod erased;
pub mod events;
pub mod foreground;
pub mod instances;
#[doc(hidden)]
pub mod lacking;
pub mod local;
pub mod loop_gone;
pub mod monitor;
pub mod named_events;
pub mod names;
pub mod observers;
pub mod owner;
pub mod panics;
pub mod races;
pub mod reports;
pub mod scopes;
pub mod services;
pub mod spawn;
pub mod start;
pub mod states;
pub mod stop;
pub mod strategies;
mod suite;
mod support;
pub mod threads;
pub mod timers;
pub mod tracked;
pub mod two_threads;
pub mod wakers;

/// The guide, so that its code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/write-an-adapter.md")]
mod guide {}
