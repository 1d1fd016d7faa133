//! Every promise, run on every adapter.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[macro_use]
mod loops;
mod log;

mod adopted;
mod asgi_lifespan;
mod attached;
mod bareasgi;
mod bareasgi_tasks;
mod blocked_thread;
mod foreground;
mod foreign_futures;
mod guide;
#[cfg(unix)]
mod hard_end;
mod inside;
mod new_user;
mod sanic_events;
mod sanic_names;
mod sanic_stop;
mod sanic_tasks;
mod signals;
mod stop_races;
mod tags;
mod workers;
mod workers_report;
mod workers_stop;
