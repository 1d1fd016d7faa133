#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(all(feature = "tokio", feature = "smol"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "tokio", feature = "smol")),
    doc = "Starts, finds and stops what runs beside the main work, on any async runtime."
)]

pub use lifespan_core::*;

/// lifespan on tokio (feature `tokio`).
#[cfg(feature = "tokio")]
pub mod tokio {
    pub use lifespan_tokio::*;
}

/// lifespan on async-std's global executor (feature `async-std`).
#[cfg(feature = "async-std")]
pub mod async_std {
    pub use lifespan_async_std::*;
}

/// lifespan on an async-executor of the caller's (feature `async-executor`).
#[cfg(feature = "async-executor")]
pub mod async_executor {
    pub use lifespan_async_executor::*;
}

/// lifespan on smol (feature `smol`).
#[cfg(feature = "smol")]
pub mod smol {
    pub use lifespan_smol::*;
}

/// lifespan on a simulated loop, with virtual time and a seeded order (feature `sim`).
#[cfg(feature = "sim")]
pub mod sim {
    pub use lifespan_sim::*;
}

/// Tells systemd how a lifespan is (feature `systemd`).
#[cfg(feature = "systemd")]
pub mod systemd {
    pub use lifespan_systemd::*;
}

/// Stops a lifespan on the operating system's signals (feature `signals`, on by default).
#[cfg(feature = "signals")]
pub mod signals {
    pub use lifespan_signals::*;
}
