//! Records in chunks that never move, used again when nobody refers to them.

use super::shards::SHARDS;
use super::words::{Block, Word, Words};
use crate::sync::CHUNK;
use crate::task::{Life, Name, Record};

/// So many chunks are looked at for free records, at the least, before there is another one.
const LOOKED_AT: u32 = 4;
/// So many free records make it worth to begin with a chunk.
const WORTH: u32 = CHUNK.div_ceil(4);

/// So many records the first chunk of a small slab begins with: of most scopes that are opened, all they
/// need.
const FIRST: u32 = 4;

/// What a record held that may have a destructor.
pub(super) type Held = (Option<Name>, Life);

/// All records of a shard.
///
/// A record becomes free without a lock, by its word alone. So the free ones are found here, and not
/// listed: of one chunk at a time.
pub(super) struct Slab {
    /// What this slab is to who has several.
    shard: usize,
    /// How many records the first chunk begins with.
    begins: u32,
    chunks: Vec<Chunk>,
    /// The chunk whose records are used now, and which of them are free: one bit for each.
    current: u32,
    free: u64,
    /// The chunk to be looked at next, and what was found in those before it: how many were looked at of
    /// late, and how many free records they had.
    next: u32,
    looked: u64,
    found: u64,
}

struct Chunk {
    words: Words,
    records: Box<[Record]>,
}

impl Chunk {
    fn new(shard: usize, chunk: u32, records: u32) -> Self {
        let words = Words::take(|place| number(shard, chunk * CHUNK + place));
        Self { words, records: (0..records).map(|_| Record::free()).collect() }
    }

    fn len(&self) -> u32 {
        self.records.len() as u32
    }
}

impl Slab {
    pub(super) fn new(shard: usize) -> Self {
        let (chunks, current, free, next, looked, found) = Default::default();
        Self { shard, begins: CHUNK, chunks, current, free, next, looked, found }
    }

    /// Of a scope in which few tasks are expected.
    pub(super) fn small(shard: usize) -> Self {
        Self { begins: FIRST.min(CHUNK), ..Self::new(shard) }
    }

    /// A free record; from now on it is the caller's to open.
    #[inline]
    pub(super) fn allocate(&mut self) -> (&'static Word, &mut Record) {
        if self.free == 0 {
            self.find_free();
        }
        let place = self.free.trailing_zeros();
        self.free &= self.free - 1;
        let chunk = &mut self.chunks[self.current as usize];
        let word = chunk.words.block().word(place);
        (word, &mut chunk.records[place as usize])
    }

    /// Finds a chunk with free records, or makes one.
    ///
    /// The chunks are looked at in turn, from where the last look ended. There is another chunk only
    /// where several in a row have few free records and so have those that were looked at of late, in the
    /// mean: so a spawn looks at a few words in the mean, and the slab does not grow without need,
    /// though long-lived tasks fill some of its chunks for good.
    #[cold]
    fn find_free(&mut self) {
        if self.find_free_in_first() {
            return;
        }
        let chunks = self.chunks.len() as u32;
        for row in 1..=chunks {
            self.current = self.next;
            self.next = (self.next + 1) % chunks;
            if self.next == 0 {
                (self.looked, self.found) = (self.looked / 2, self.found / 2);
            }
            self.free = self.block(self.current).free(CHUNK);
            let found = self.free.count_ones();
            self.looked += 1;
            self.found += u64::from(found);
            if found >= WORTH {
                return;
            }
            if row >= LOOKED_AT && self.found < self.looked * u64::from(WORTH) {
                break;
            }
        }
        self.current = chunks;
        self.chunks.push(Chunk::new(self.shard, chunks, CHUNK));
        self.free = bits(0, CHUNK);
    }

    /// As `find_free`, while there is a small chunk at the most, which grows fourfold when it is full.
    /// Tells whether there is.
    fn find_free_in_first(&mut self) -> bool {
        let Some(first) = self.chunks.first_mut() else {
            self.chunks.push(Chunk::new(self.shard, 0, self.begins));
            self.free = bits(0, self.begins);
            return true;
        };
        let len = first.len();
        if len == CHUNK {
            return false;
        }
        self.free = first.words.block().free(len);
        if self.free == 0 {
            let more = (len * 3).min(CHUNK - len);
            let records = std::mem::take(&mut first.records).into_iter();
            first.records = records.chain((0..more).map(|_| Record::free())).collect();
            self.free = bits(len, len + more);
        }
        true
    }

    /// Takes out what a record held, which is for the caller to drop.
    pub(super) fn clear(&mut self, index: u32) -> Held {
        let record = self.get_mut(index);
        (record.name.take(), std::mem::replace(&mut record.life, Life::new()))
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &Record {
        &self.chunks[(index / CHUNK) as usize].records[(index % CHUNK) as usize]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Record {
        &mut self.chunks[(index / CHUNK) as usize].records[(index % CHUNK) as usize]
    }

    #[inline]
    pub(super) fn word(&self, index: u32) -> &'static Word {
        self.block(index / CHUNK).word(index % CHUNK)
    }

    #[inline]
    fn block(&self, chunk: u32) -> &'static Block {
        self.chunks[chunk as usize].words.block()
    }

    /// The indices of all records, whether free or not.
    pub(super) fn indices(&self) -> impl Iterator<Item = u32> + use<> {
        // Only one that is alone may be small: the indices leave no gap.
        let last = self.chunks.last().map_or(0, Chunk::len);
        0..(self.chunks.len() as u32).saturating_sub(1) * CHUNK + last
    }
}

/// What a record is numbered in a registry: by its shard, and its index in that.
fn number(shard: usize, index: u32) -> u32 {
    index * SHARDS as u32 + shard as u32
}

/// The shard of a number, and the index in that.
#[inline]
pub(super) fn shard_and_index(number: u32) -> (usize, u32) {
    (number as usize % SHARDS, number / SHARDS as u32)
}

/// Those from one place up to another.
fn bits(from: u32, to: u32) -> u64 {
    (u64::MAX >> (u64::BITS - to)) & (u64::MAX << from)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn records_that_come_and_go_reuse_one_chunk() {
        let mut slab = Slab::small(3);
        for _ in 0..10_000 {
            let (word, _) = slab.allocate();
            word.open(0, 1);
            word.release();
        }
        assert_eq!(slab.chunks.len(), 1);
    }

    #[test]
    fn the_first_chunk_grows_to_its_full_size_before_there_is_another() {
        let mut slab = Slab::small(3);
        for number in 0..3 * CHUNK {
            let (word, _) = slab.allocate();
            let (shard, index) = shard_and_index(word.number());
            assert_eq!((shard, index), (3, number));
            assert_eq!(word.address(), slab.word(index).address());
            word.open(0, 1);
            assert!(slab.indices().count() <= (4 * (number as usize + 1)).next_multiple_of(4));
        }
        assert_eq!(slab.indices().count() as u32, 3 * CHUNK);
    }

    #[test]
    fn records_that_come_and_go_in_any_order_take_little_more_than_live_at_once() {
        let mut slab = Slab::small(3);
        let mut live = Vec::new();
        for turn in 0..200_000_u32 {
            let (word, _) = slab.allocate();
            assert!(word.read().is_free());
            word.open(0, 1);
            live.push(word);
            if live.len() > 1000 {
                let gone = turn.wrapping_mul(2_654_435_761) as usize % live.len();
                live.swap_remove(gone).release();
            }
        }
        let chunks = slab.chunks.len();
        assert!(chunks < 2 * 1000 / CHUNK as usize, "{chunks} for a thousand");
    }

    /// Some tasks live as long as the program, and others come and go behind them.
    #[test]
    fn long_lived_records_do_not_make_the_slab_grow() {
        fn open(slab: &mut Slab) -> &'static Word {
            let (word, _) = slab.allocate();
            word.open(0, 1);
            word
        }
        for (for_good, at_once) in [(96, 40), (96, 100), (96, 1000), (1000, 1000), (10_000, 100)] {
            let mut slab = Slab::new(0);
            for _ in 0..for_good {
                open(&mut slab);
            }
            let mut live = std::collections::VecDeque::new();
            for _ in 0..300_000 {
                live.push_back(open(&mut slab));
                if live.len() > at_once {
                    live.pop_front().map(Word::release);
                }
            }
            let (chunks, needed) = (slab.chunks.len(), (for_good + at_once) / CHUNK as usize + 1);
            assert!(chunks <= 2 * needed + 8, "{chunks} for {for_good} and {at_once}");
        }
    }
}
