//! The public interface of the core, polled by hand: no runtime, no sleeps.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod by_hand;
mod by_hand_local;
mod woken;

mod ages;
mod attach;
mod blocking;
mod cancel;
mod components;
mod destructors;
mod event_crossings;
mod event_model;
mod events;
mod fail_fast;
mod failures;
mod history;
mod hostile;
mod local;
mod named_event_model;
mod named_events;
mod names;
mod observer;
mod outcomes;
mod places;
mod registry_model;
mod replace;
mod report;
mod scope_ends;
mod scope_model;
mod scopes;
mod services;
mod soft_and_hard;
mod state;
mod stop;
mod taken;
mod time;
mod track;
mod trees;
mod turns;
mod waits;
mod wakers;
