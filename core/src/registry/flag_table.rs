//! The flags of all records of a shard, to be read without a lock, in blocks that never move.

use crate::sync::{AtomicU32, FIRST_BLOCK, OnceLock, Ordering};
use crate::task::Flags;

const BLOCKS: usize = 13;

/// Where each block begins. Each has four times the room of the one before.
const BEGINS: [u32; BLOCKS + 1] = {
    let mut begins = [0; BLOCKS + 1];
    let mut block = 0;
    while block < BLOCKS {
        begins[block + 1] = begins[block] + (FIRST_BLOCK << (2 * block));
        block += 1;
    }
    begins
};

/// Written under the lock of the shard, read without.
#[derive(Default)]
pub(super) struct FlagTable([OnceLock<Box<[AtomicU32]>>; BLOCKS]);

impl FlagTable {
    /// Acquire pairs with the Release of `update`: who sees a flag sees what led to it.
    #[inline]
    pub(super) fn read(&self, index: u32) -> Flags {
        let (block, place) = locate(index);
        let word = self.0[block].get().and_then(|block| block.get(place));
        Flags::from_bits(word.map_or(0, |word| word.load(Ordering::Acquire)))
    }

    /// Changes the flags, and returns those before. A plain store, because whoever writes holds the
    /// lock. Release: see `read`.
    #[inline]
    pub(super) fn update(&self, index: u32, change: impl FnOnce(Flags) -> Flags) -> Flags {
        let (block, place) = locate(index);
        let words = self.0[block].get_or_init(|| new_block(block));
        let Some(word) = words.get(place) else { return Flags::from_bits(0) };
        // Relaxed: what was written before, was written under the same lock.
        let before = Flags::from_bits(word.load(Ordering::Relaxed));
        word.store(change(before).bits(), Ordering::Release);
        before
    }
}

#[cold]
fn new_block(block: usize) -> Box<[AtomicU32]> {
    (BEGINS[block]..BEGINS[block + 1]).map(|_| AtomicU32::new(0)).collect()
}

/// The block of an index, and its place in that.
#[inline]
fn locate(index: u32) -> (usize, usize) {
    // Blocks begin at a third of `4^block - 1`, in units of the first one: so three times the index
    // and one more lies between two powers of four.
    let block = ((index / FIRST_BLOCK * 3 + 1).ilog2() / 2) as usize;
    let block = block.min(BLOCKS - 1);
    (block, (index - BEGINS[block]) as usize)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let (mut block, mut place) = (0, 0);
        for index in 0..1_000_000 {
            assert_eq!(locate(index), (block, place), "{index}");
            place += 1;
            if BEGINS[block] + place as u32 == BEGINS[block + 1] {
                (block, place) = (block + 1, 0);
            }
        }
        assert_eq!(locate(BEGINS[BLOCKS] - 1).0, BLOCKS - 1);
    }

    #[test]
    fn what_was_written_is_read() {
        let table = FlagTable::default();
        for index in 0..10_000 {
            table.update(index, |_| Flags::from_bits(index));
        }
        assert!((0..10_000).all(|index| table.read(index).bits() == index));
    }
}
