//! Which loop a runtime is, however often it is asked for.

use std::sync::{Mutex, PoisonError};

use lifespan_core::LoopId;
use tokio::runtime::{Handle, Id};

/// An entry for each runtime that was driven or attached to; tokio never uses an id twice.
static KNOWN: Mutex<Vec<(Id, LoopId)>> = Mutex::new(Vec::new());

pub(crate) fn of(runtime: &Handle) -> LoopId {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = runtime.id();
    if let Some((_, id)) = known.iter().find(|(other, _)| *other == runtime) {
        return *id;
    }
    let id = LoopId::unique();
    known.push((runtime, id));
    id
}
