//! The words of all records of a shard, to be read and changed without a lock, in blocks that never
//! move.

use crate::sync::{AtomicU64, CHUNK, OnceLock, Ordering};
use crate::task::Flags;

/// So many blocks have room for 89 million records.
const BLOCKS: usize = 11;

/// The chunk at which each block begins. The first has the room of one chunk, each other four times
/// that of the one before.
const BEGINS: [u32; BLOCKS + 1] = {
    let mut begins = [0; BLOCKS + 1];
    let mut block = 0;
    while block < BLOCKS {
        begins[block + 1] = begins[block] + (1 << (2 * block));
        block += 1;
    }
    begins
};

/// An index says where a record lies: its block in the lowest bits, its place in that above. So
/// nothing has to be computed where a word is looked at.
const BLOCK_BITS: u32 = 4;

#[derive(Default)]
pub(super) struct FlagTable([OnceLock<Box<[Word]>>; BLOCKS]);

impl FlagTable {
    #[inline]
    pub(super) fn word(&self, index: u32) -> &Word {
        let block = block_of(index);
        &self.0[block].get_or_init(|| new_block(block))[(index >> BLOCK_BITS) as usize]
    }

    /// The words of a chunk of records, which lies in one block, by the index of its first record.
    pub(super) fn chunk(&self, first: u32) -> &[Word] {
        let (block, place) = (block_of(first), (first >> BLOCK_BITS) as usize);
        let words = self.0[block].get_or_init(|| new_block(block));
        &words[place..place + CHUNK as usize]
    }
}

#[inline]
fn block_of(index: u32) -> usize {
    index as usize & ((1 << BLOCK_BITS) - 1)
}

/// The index of a record of a chunk, when the chunks are numbered through.
#[inline]
pub(super) fn index_in(chunk: u32, place: u32) -> u32 {
    // Blocks begin at a third of `4^block - 1`: so three times the number and one more lies between
    // two powers of four.
    let block = ((chunk * 3 + 1).ilog2() / 2).min(BLOCKS as u32 - 1);
    let first = (chunk - BEGINS[block as usize]) * CHUNK;
    beside((first << BLOCK_BITS) | block, place)
}

/// The index of another record of the chunk in which `first` is the first.
#[inline]
pub(super) fn beside(first: u32, place: u32) -> u32 {
    first + (place << BLOCK_BITS)
}

/// The chunk of an index, and its place in that.
#[inline]
pub(super) fn chunk_of(index: u32) -> (usize, usize) {
    let place = index >> BLOCK_BITS;
    ((BEGINS[block_of(index)] + place / CHUNK) as usize, (place % CHUNK) as usize)
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

    /// Completes a task under the lock, and returns the flags before: in one step as above.
    #[inline]
    pub(super) fn complete(&self) -> Flags {
        // The bits are raised by nobody else: adding them is raising them.
        let change =
            Flags::completed(Flags::opened(0, 1)).word().wrapping_sub(Flags::opened(0, 1).word());
        Flags::from_word(self.0.fetch_add(change, Ordering::AcqRel))
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
    let chunks = BEGINS[block]..BEGINS[block + 1];
    (0..chunks.len() * CHUNK as usize).map(|_| Word::default()).collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let (mut block, mut place) = (0, 0);
        for chunk in 0..100_000 {
            for record in 0..CHUNK {
                let index = index_in(chunk, record);
                assert_eq!((block_of(index), index >> BLOCK_BITS), (block, place), "{chunk}");
                assert_eq!(chunk_of(index), (chunk as usize, record as usize));
                place += 1;
            }
            if BEGINS[block] + place / CHUNK == BEGINS[block + 1] {
                (block, place) = (block + 1, 0);
            }
        }
        assert_eq!(block_of(index_in(BEGINS[BLOCKS] - 1, CHUNK - 1)), BLOCKS - 1);
    }

    #[test]
    fn what_was_written_is_read() {
        let table = FlagTable::default();
        let all = || (0..150).flat_map(|chunk| (0..CHUNK).map(move |place| index_in(chunk, place)));
        all().for_each(|index| table.word(index).open(index % 64, index));
        let is_right = |index: u32| table.word(index).read() == Flags::opened(index % 64, index);
        assert!(all().all(is_right));
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
