//! The simulator through its public interface. No test sleeps: all time is virtual.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod log;
mod monitor;

mod attach;
mod blocking;
mod budgets;
mod clock;
mod components;
mod crowd;
mod defaults;
mod drain;
mod ends;
mod faults;
mod lifespans;
mod local;
mod order;
mod programs;
mod readiness;
mod scopes;
mod services;
mod stall;
mod step;
mod strategies;
mod threads;
mod timers;
mod wakes;
