//! The words of all records of a shard, to be read and changed without a lock, in blocks that never
//! move.

use crate::sync::{AtomicU64, FIRST_BLOCK, OnceLock, Ordering};
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

#[derive(Default)]
pub(super) struct FlagTable([OnceLock<Box<[Word]>>; BLOCKS]);

impl FlagTable {
    #[inline]
    pub(super) fn word(&self, index: u32) -> &Word {
        let (block, place) = locate(index);
        &self.0[block].get_or_init(|| new_block(block))[place]
    }
}

/// The word of one record: its flags, and how many refer to it.
///
/// All that is written before a step on it (Release) is seen by who sees that step (Acquire): the
/// value of a body by who sees that it has completed, the fields of a record by who finds it free.
/// Each step is a whole read-modify-write, so of two that meet the later sees the earlier.
#[derive(Default)]
pub(crate) struct Word(AtomicU64);

impl Word {
    #[inline]
    pub(super) fn read(&self) -> Flags {
        Flags::from_word(self.0.load(Ordering::Acquire))
    }

    /// Opens a record. A plain store: nobody refers to it yet.
    #[inline]
    pub(super) fn open(&self, bits: u32, references: u32) {
        self.0.store(Flags::opened(bits, references).word(), Ordering::Release);
    }

    /// Raises flags, and returns those before.
    pub(super) fn raise(&self, bits: u32) -> Flags {
        Flags::from_word(self.0.fetch_or(u64::from(bits), Ordering::AcqRel))
    }

    /// Lowers flags, and returns those before.
    pub(super) fn lower(&self, bits: u32) -> Flags {
        Flags::from_word(self.0.fetch_and(!u64::from(bits), Ordering::AcqRel))
    }

    pub(super) fn update(&self, change: impl Fn(Flags) -> Flags) {
        let mut before = self.read();
        while let Err(now) = self.exchange(before, change(before)) {
            before = now;
        }
    }

    /// Has a task that completed settle, if nobody attends to it (record, invariant 5).
    #[inline]
    pub(super) fn complete_unattended(&self) -> bool {
        let mut before = self.read();
        while !before.is_attended() {
            match self.exchange(before, before.completed()) {
                Ok(_) => return true,
                Err(now) => before = now,
            }
        }
        false
    }

    /// Counts a reference more, for who has one or holds the lock under which the last cannot go.
    #[inline]
    pub(super) fn refer(&self) {
        // Relaxed: nothing is read because of it.
        self.0.fetch_add(Flags::reference(), Ordering::Relaxed);
    }

    /// Counts a reference less, and returns the flags before.
    #[inline]
    pub(super) fn release(&self) -> Flags {
        Flags::from_word(self.0.fetch_sub(Flags::reference(), Ordering::AcqRel))
    }

    #[inline]
    fn exchange(&self, before: Flags, after: Flags) -> Result<u64, Flags> {
        let (before, after) = (before.word(), after.word());
        let exchanged = self.0.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire);
        exchanged.map_err(Flags::from_word)
    }
}

#[cold]
fn new_block(block: usize) -> Box<[Word]> {
    (BEGINS[block]..BEGINS[block + 1]).map(|_| Word::default()).collect()
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
            table.word(index).open(index % 64, index);
        }
        let is_right = |index: u32| table.word(index).read() == Flags::opened(index % 64, index);
        assert!((0..10_000).all(is_right));
    }

    #[test]
    fn what_nobody_attends_to_completes_in_one_step() {
        let word = Word::default();
        word.open(Flags::HANDLE, 2);
        assert!(word.complete_unattended());
        assert!(
            word.read() == Flags::opened(Flags::HANDLE | Flags::FINISHED | Flags::COMPLETED, 1)
        );
        word.open(Flags::HANDLE, 2);
        word.raise(Flags::ATTENDED);
        assert!(!word.complete_unattended() && word.read().is_live());
    }
}
