//! The words of records: read and changed without a lock, in chunks that never move and never go.
//!
//! A chunk is leaked, so who holds a record reaches its word in one step and counts nothing for that.
//! It is no leak that grows: when a registry goes, its chunks go back to a pool, from which the next one
//! takes them. So a process keeps as many chunks of words as were ever in use at once, of sixteen bytes a
//! word.
//!
//! Whoever holds a word holds its registry too, or borrows it: so nobody looks at a word of a registry
//! that is gone.

use crate::pool::Pool;
use crate::sync::{AtomicU64, CHUNK, Numbers, Ordering};
use crate::task::Flags;

/// Chunks of registries that are gone.
static BLOCKS: Pool<Block> = Pool::new();

/// The words of one chunk of records.
#[repr(align(64))]
pub(super) struct Block([Word; CHUNK as usize]);

/// A chunk's words while a registry has them.
pub(super) struct Words(&'static Block);

impl Words {
    /// `number` gives each of the words its number, by its place.
    pub(super) fn take(number: impl Fn(u32) -> u32) -> Self {
        let block = BLOCKS.take(|| Block(std::array::from_fn(|_| Word::default())));
        for (place, word) in (0..).zip(&block.0) {
            word.number.store(number(place), Ordering::Relaxed);
        }
        Self(block)
    }

    #[inline]
    pub(super) fn block(&self) -> &'static Block {
        self.0
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        self.0.0.iter().for_each(|word| word.open(0, 0));
        BLOCKS.give_back([self.0]);
    }
}

impl Block {
    #[inline]
    pub(super) fn word(&self, place: u32) -> &Word {
        &self.0[(place % CHUNK) as usize]
    }

    /// Which of the first so many records are free, one bit for each.
    pub(super) fn free(&self, len: u32) -> u64 {
        let is_free = |word: &Word| u64::from(word.read().is_free());
        self.0[..len as usize].iter().rev().fold(0, |free, word| (free << 1) | is_free(word))
    }
}

/// The word of one record: its flags, and how many refer to it.
///
/// All that is written before a step on it (Release) is seen by who sees that step (Acquire): the
/// value of a body by who sees that it has completed, the fields of a record by who finds it free.
/// Each step but two is a whole read-modify-write, so of two that meet the later sees the earlier. The
/// two are `open` and the last `release`: by then nobody else can reach the word but who looks for live
/// tasks under the lock of the shard, and changes no word of another (`change_if_live`).
#[derive(Default)]
pub(crate) struct Word {
    flags: AtomicU64,
    /// Where the record lies in its registry; written when that takes the chunk.
    number: Numbers,
}

impl Word {
    #[inline]
    pub(super) fn read(&self) -> Flags {
        Flags::from_word(self.flags.load(Ordering::Acquire))
    }

    /// Opens a record. A plain store: nobody refers to it yet.
    #[inline]
    pub(super) fn open(&self, bits: u32, references: u32) {
        self.flags.store(Flags::opened(bits, references).word(), Ordering::Release);
    }

    /// Where the record lies. Relaxed: it was written before anybody knew of the record.
    #[inline]
    pub(super) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// Tells it from all others in the process, while a registry has it.
    #[inline]
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Raises flags, and returns those before; for who refers to the record.
    #[inline]
    pub(super) fn raise(&self, bits: u32) -> Flags {
        Flags::from_word(self.flags.fetch_or(u64::from(bits), Ordering::AcqRel))
    }

    /// Lowers flags, and returns those before; for who refers to the record.
    #[inline]
    pub(super) fn lower(&self, bits: u32) -> Flags {
        Flags::from_word(self.flags.fetch_and(!u64::from(bits), Ordering::AcqRel))
    }

    pub(super) fn update(&self, change: impl Fn(Flags) -> Flags) {
        let mut before = self.read();
        while let Err(now) = self.exchange(before, change(before)) {
            before = now;
        }
    }

    /// Raises flags and counts a reference for the caller, or none, if a task lives here. Tells whether
    /// one does.
    pub(super) fn change_if_live(&self, bits: u32, reference: Reference) -> bool {
        let mut before = self.read();
        while before.is_live() {
            match self.exchange(before, before.raised(bits, reference == Reference::Counted)) {
                Ok(_) => return true,
                Err(now) => before = now,
            }
        }
        false
    }

    /// Has a task that completed settle, if nobody attends to it (record, invariant 5). Returns the
    /// flags before then.
    #[inline]
    pub(super) fn complete_unattended(&self) -> Option<Flags> {
        let mut before = self.read();
        while !before.is_attended() {
            match self.exchange(before, before.completed()) {
                Ok(_) => return Some(before),
                Err(now) => before = now,
            }
        }
        None
    }

    /// Completes a task under the lock, and returns the flags before: in one step as above.
    #[inline]
    pub(super) fn complete(&self) -> Flags {
        // The bits are raised by nobody else: adding them is raising them.
        let change =
            Flags::completed(Flags::opened(0, 1)).word().wrapping_sub(Flags::opened(0, 1).word());
        Flags::from_word(self.flags.fetch_add(change, Ordering::AcqRel))
    }

    /// Counts a reference more, for who has one or holds the lock under which the last cannot go.
    #[inline]
    pub(super) fn refer(&self) {
        // Relaxed: nothing is read because of it.
        self.flags.fetch_add(Flags::reference(), Ordering::Relaxed);
    }

    /// Counts a reference less, and returns the flags before.
    #[inline]
    pub(super) fn release(&self) -> Flags {
        let now = self.read();
        // The only one who refers to a task that has ended: no second one can come, since nobody finds
        // it. So nothing is lost by a plain store, which is much cheaper.
        if now.is_last_of_ended() {
            self.flags.store(now.released().word(), Ordering::Release);
            return now;
        }
        Flags::from_word(self.flags.fetch_sub(Flags::reference(), Ordering::AcqRel))
    }

    #[inline]
    fn exchange(&self, before: Flags, after: Flags) -> Result<u64, Flags> {
        let (before, after) = (before.word(), after.word());
        let exchanged =
            self.flags.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire);
        exchanged.map_err(Flags::from_word)
    }
}

/// Whether a reference is counted for who has changed a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    Counted,
    NotCounted,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_come_and_go_are_few_and_come_free() {
        let mut addresses = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            let words = Words::take(|place| place);
            assert_eq!(words.block().free(CHUNK).count_ones(), CHUNK);
            (0..CHUNK).for_each(|place| words.block().word(place).open(Flags::KEEPS, 3));
            addresses.insert(words.block().word(0).address());
        }
        assert!(addresses.len() < 5_000, "{}", addresses.len());
    }

    #[test]
    fn what_nobody_attends_to_completes_in_one_step() {
        let word = Word::default();
        word.open(Flags::HANDLE, 2);
        assert!(word.complete_unattended().is_some());
        assert!(
            word.read() == Flags::opened(Flags::HANDLE | Flags::FINISHED | Flags::COMPLETED, 1)
        );
        word.open(Flags::HANDLE, 2);
        word.raise(Flags::ATTENDED);
        assert!(word.complete_unattended().is_none() && word.read().is_live());
    }

    #[test]
    fn only_a_live_task_is_referred_to_by_who_finds_it() {
        let word = Word::default();
        assert!(!word.change_if_live(Flags::ATTENDED, Reference::Counted));
        assert!(word.read() == Flags::opened(0, 0));
        word.open(0, 2);
        assert!(word.change_if_live(Flags::ATTENDED, Reference::Counted));
        assert!(word.read() == Flags::opened(Flags::ATTENDED, 3));
    }
}
