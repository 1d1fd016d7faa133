//! A counted reference to a record: the slot is used again only when nobody refers to it.

use std::ops::Deref;

use super::Registry;
use super::slab::Chunk;
use crate::sync::{Arc, Ordering};
use crate::task::Record;

pub(crate) struct RecordRef {
    registry: Arc<Registry>,
    chunk: Arc<Chunk>,
    slot: u32,
}

impl RecordRef {
    /// The reference of a slot that was just allocated.
    pub(super) fn first(registry: Arc<Registry>, chunk: Arc<Chunk>, slot: u32) -> Self {
        // Relaxed: nobody else knows of the slot yet.
        chunk.references(slot).store(1, Ordering::Relaxed);
        Self { registry, chunk, slot }
    }

    /// A further reference; the caller knows of one that lives (its own, or that of a live task,
    /// which the registry's lock keeps from settling).
    pub(super) fn another(registry: Arc<Registry>, chunk: Arc<Chunk>, slot: u32) -> Self {
        // Relaxed, as in `Arc::clone`: the record is reached through a reference that exists.
        chunk.references(slot).fetch_add(1, Ordering::Relaxed);
        Self { registry, chunk, slot }
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

impl Clone for RecordRef {
    fn clone(&self) -> Self {
        Self::another(Arc::clone(&self.registry), Arc::clone(&self.chunk), self.slot)
    }
}

impl Deref for RecordRef {
    type Target = Record;

    fn deref(&self) -> &Record {
        self.chunk.record(self.slot)
    }
}

impl Drop for RecordRef {
    fn drop(&mut self) {
        // AcqRel, as in `Arc::drop`: what others did with the record happened before it is used
        // again.
        if self.chunk.references(self.slot).fetch_sub(1, Ordering::AcqRel) == 1 {
            let held = self.chunk.record(self.slot).close();
            self.registry.free(self.slot);
            // An error or a payload may have a destructor that panics; whoever drops the last
            // reference, a loop perhaps, is not to blame for it.
            let _ = crate::wake::drop_caught(held);
        }
    }
}
