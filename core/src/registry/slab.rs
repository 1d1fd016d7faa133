//! Records in chunks that never move, with a list of free slots.

use crate::sync::Arc;
use crate::task::{Name, Record, TaskId};

const CHUNK: u32 = 64;

/// Sixty-four records in one allocation.
pub(super) struct Chunk([Slot; CHUNK as usize]);

struct Slot {
    record: Record,
    references: crate::sync::AtomicUsize,
}

impl Chunk {
    pub(super) fn record(&self, slot: u32) -> &Record {
        &self.slot(slot).record
    }

    /// How many `RecordRef`s hold the record; the slot is free when there are none.
    pub(super) fn references(&self, slot: u32) -> &crate::sync::AtomicUsize {
        &self.slot(slot).references
    }

    fn slot(&self, slot: u32) -> &Slot {
        &self.0[(slot % CHUNK) as usize]
    }
}

/// All chunks of a registry. Slots are numbered through: slot 70 is the seventh of the second.
#[derive(Default)]
pub(super) struct Slab {
    chunks: Vec<Arc<Chunk>>,
    free: Vec<u32>,
    used: u32,
}

impl Slab {
    /// The slot that [`allocate`](Self::allocate) will give.
    pub(super) fn next_slot(&self) -> u32 {
        self.free.last().copied().unwrap_or(self.used)
    }

    pub(super) fn allocate(&mut self) -> (&Arc<Chunk>, u32) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        });
        if slot / CHUNK == self.chunks.len() as u32 {
            self.chunks.push(Arc::new(Chunk(std::array::from_fn(|_| Slot {
                record: Record::empty(),
                references: crate::sync::AtomicUsize::new(0),
            }))));
        }
        (self.chunk(slot), slot)
    }

    pub(super) fn free(&mut self, slot: u32) {
        self.free.push(slot);
    }

    pub(super) fn chunk(&self, slot: u32) -> &Arc<Chunk> {
        &self.chunks[(slot / CHUNK) as usize]
    }

    /// Live tasks with their slots. A record is live from its registration until it has settled.
    pub(super) fn live(&self) -> impl Iterator<Item = (TaskId, u32)> {
        self.records().filter_map(|(slot, record)| {
            let id = record.with_entry(|entry| entry.id)?;
            (!record.flags().is_finished()).then_some((id, slot))
        })
    }

    pub(super) fn live_names(&self) -> impl Iterator<Item = (Name, u32)> {
        self.records().filter_map(|(slot, record)| {
            let name = record.with_entry(|entry| entry.name.clone())??;
            (!record.flags().is_finished()).then_some((name, slot))
        })
    }

    fn records(&self) -> impl Iterator<Item = (u32, &Record)> {
        (0..self.used).map(|slot| (slot, self.chunk(slot).record(slot)))
    }
}
