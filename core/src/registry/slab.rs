//! Records in chunks that never move, with a list of free ones.

use crate::task::{Life, Name, Record};
use crate::waiters::NIL;

const CHUNK: u32 = 64;

/// What a record held that may have a destructor.
pub(super) type Held = (Option<Name>, Life);

/// All records of a shard, numbered through: index 70 is the seventh of the second chunk.
pub(super) struct Slab {
    chunks: Vec<Box<[Record]>>,
    /// The record that is used next, and through its `Life::Free` the one after it.
    free: u32,
}

impl Default for Slab {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: NIL }
    }
}

impl Slab {
    #[inline]
    pub(super) fn allocate(&mut self) -> u32 {
        if self.free == NIL {
            self.grow();
        }
        let index = self.free;
        if let Life::Free { next } = self.get_mut(index).life {
            self.free = next;
        }
        index
    }

    /// Returns what the record held, which is for the caller to drop.
    #[inline]
    pub(super) fn free(&mut self, index: u32) -> Held {
        let next = std::mem::replace(&mut self.free, index);
        let record = self.get_mut(index);
        (record.name.take(), std::mem::replace(&mut record.life, Life::Free { next }))
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &Record {
        &self.chunks[(index / CHUNK) as usize][(index % CHUNK) as usize]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Record {
        &mut self.chunks[(index / CHUNK) as usize][(index % CHUNK) as usize]
    }

    /// The live tasks. A record is live from its registration until it has settled.
    pub(super) fn live(&mut self) -> impl Iterator<Item = (u32, &mut Record)> {
        let records = self.chunks.iter_mut().flatten();
        (0..).zip(records).filter(|(_, record)| matches!(record.life, Life::Live { .. }))
    }

    /// A further chunk, whose first record is used first.
    #[cold]
    fn grow(&mut self) {
        let first = self.chunks.len() as u32 * CHUNK;
        let next = |index| if index + 1 < first + CHUNK { index + 1 } else { NIL };
        self.chunks.push((first..first + CHUNK).map(|index| Record::free(next(index))).collect());
        self.free = first;
    }
}
