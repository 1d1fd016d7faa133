//! Services: what the end of one means, when it begins again, and who begins again with it.
//!
//! Nothing here runs anything: who supervises a body asks, and acts on the answer.

mod group;
#[cfg(all(test, not(loom)))]
mod group_model;
mod limit;
#[cfg(all(test, loom))]
mod models;
mod policy;
mod restarts;
mod strategy;

pub(crate) use group::{BeginsAgain, Ended, Group, Member};
pub(crate) use limit::Limit;
pub use policy::{OnEnd, OnFailure, RestartPolicy, Service};
pub(crate) use restarts::{Decision, Restarts};
pub use strategy::Strategy;
pub(crate) use strategy::Together;
