//! For the models: a registry in whose scope time stands, and what a task begins with.

use std::panic::Location;
use std::time::Instant;

use super::{Failures, Listener, Registry};
use crate::clock::Clock;
use crate::event::ShutdownEvent;
use crate::still::Still;
use crate::sync::Arc;
use crate::task::{Entry, Grace, Name};

/// The registry of a root.
pub(crate) fn registry(listener: Arc<dyn Listener>, failures: Arc<Failures>) -> Arc<Registry> {
    let clock = Clock::of(&Still(Instant::now()));
    let stop = ShutdownEvent::new().trigger();
    Registry::new(Name::from(""), failures, clock, stop, listener, Arc::default())
}

pub(crate) fn entry(name: Option<&'static str>) -> Entry {
    Entry { name: name.map(Name::from), spawned_at: Location::caller(), grace: Grace::DEFAULT }
}
