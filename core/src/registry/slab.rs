//! Records in chunks that never move, used again when nobody refers to them.

use super::flag_table::{FlagTable, Word, beside, chunk_of, index_in};
use crate::sync::CHUNK;
use crate::task::{Life, Name, Record};

/// How many chunks are looked at for free records before there is another one.
const LOOKED_AT: u32 = 4;
/// So many free records make it worth to begin with a chunk.
const WORTH: u32 = CHUNK.div_ceil(4);

/// So many records the first chunk begins with: of most scopes that are opened, all they need.
const FIRST: u32 = 4;

/// What a record held that may have a destructor.
pub(super) type Held = (Option<Name>, Life);

/// All records of a shard.
///
/// A record becomes free without a lock, by its word alone. So the free ones are found here, and not
/// listed: of one chunk at a time.
#[derive(Default)]
pub(super) struct Slab {
    chunks: Vec<Box<[Record]>>,
    /// The chunk whose records are used now, and which of them are free: one bit for each.
    current: u32,
    /// The index of its first record.
    first: u32,
    free: u64,
}

impl Slab {
    #[inline]
    pub(super) fn allocate(&mut self, words: &FlagTable) -> u32 {
        if self.free == 0 {
            self.find_free(words);
        }
        let place = self.free.trailing_zeros();
        self.free &= self.free - 1;
        beside(self.first, place)
    }

    /// Finds a chunk with free records, or makes one.
    ///
    /// At the most `LOOKED_AT` chunks are looked at for `WORTH` records, so a spawn looks at a few
    /// words in the mean; and there is another chunk only where four in a row are nearly full, so
    /// the slab does not grow without need.
    #[cold]
    fn find_free(&mut self, words: &FlagTable) {
        if self.find_free_in_first(words) {
            return;
        }
        let chunks = self.chunks.len() as u32;
        for _ in 0..LOOKED_AT.min(chunks) {
            self.free = free_in(words.chunk(self.first));
            if self.free.count_ones() >= WORTH {
                return;
            }
            self.begin((self.current + 1) % chunks);
        }
        self.begin(chunks);
        self.chunks.push((0..CHUNK).map(|_| Record::free()).collect());
        self.free = u64::MAX >> (u64::BITS - CHUNK);
    }

    /// As `find_free`, while there is a small chunk at the most, which grows fourfold when it is full.
    /// Tells whether there is.
    fn find_free_in_first(&mut self, words: &FlagTable) -> bool {
        let len = self.chunks.first().map_or(0, |first| first.len()) as u32;
        if len == CHUNK {
            return false;
        }
        self.begin(0);
        self.free = if len > 0 { free_in(words.chunk(self.first)) & bits(0, len) } else { 0 };
        if self.free == 0 {
            let more = (len * 3).max(FIRST).min(CHUNK - len);
            let records = self.chunks.pop().into_iter().flatten();
            self.chunks.push(records.chain((0..more).map(|_| Record::free())).collect());
            self.free = bits(len, len + more);
        }
        true
    }

    fn begin(&mut self, chunk: u32) {
        (self.current, self.first) = (chunk, index_in(chunk, 0));
    }

    /// Takes out what a record held, which is for the caller to drop.
    pub(super) fn clear(&mut self, index: u32) -> Held {
        let record = self.get_mut(index);
        (record.name.take(), std::mem::replace(&mut record.life, Life::new()))
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &Record {
        let (chunk, place) = chunk_of(index);
        &self.chunks[chunk][place]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Record {
        let (chunk, place) = chunk_of(index);
        &mut self.chunks[chunk][place]
    }

    /// The indices of all records, whether free or not.
    pub(super) fn indices(&self) -> impl Iterator<Item = u32> + use<> {
        let chunks = self.chunks.len() as u32;
        // Only one that is alone may be small.
        let places = self.chunks.last().map_or(0, |last| last.len()) as u32;
        (0..chunks).flat_map(move |chunk| (0..places).map(move |place| index_in(chunk, place)))
    }
}

/// Those from one place up to another.
fn bits(from: u32, to: u32) -> u64 {
    (u64::MAX >> (u64::BITS - to)) & (u64::MAX << from)
}

fn free_in(words: &[Word]) -> u64 {
    let is_free = |word: &Word| u64::from(word.read().is_free());
    words.iter().rev().fold(0, |free, word| (free << 1) | is_free(word))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn records_that_come_and_go_reuse_one_chunk() {
        let (mut slab, words) = (Slab::default(), FlagTable::default());
        for _ in 0..10_000 {
            let index = slab.allocate(&words);
            words.word(index).open(0, 1);
            words.word(index).release();
        }
        assert_eq!(slab.chunks.len(), 1);
    }

    #[test]
    fn the_first_chunk_grows_to_its_full_size_before_there_is_another() {
        let (mut slab, words) = (Slab::default(), FlagTable::default());
        for number in 0..3 * CHUNK {
            let index = slab.allocate(&words);
            assert_eq!(index, index_in(number / CHUNK, number % CHUNK));
            words.word(index).open(0, 1);
            assert!(slab.indices().count() <= (4 * (number as usize + 1)).next_multiple_of(4));
        }
        assert_eq!(slab.indices().count() as u32, 3 * CHUNK);
    }

    #[test]
    fn records_that_come_and_go_in_any_order_take_little_more_than_live_at_once() {
        let (mut slab, words) = (Slab::default(), FlagTable::default());
        let mut live = Vec::new();
        for turn in 0..200_000_u32 {
            let index = slab.allocate(&words);
            assert!(words.word(index).read().is_free());
            words.word(index).open(0, 1);
            live.push(index);
            if live.len() > 1000 {
                let gone = turn.wrapping_mul(2_654_435_761) as usize % live.len();
                words.word(live.swap_remove(gone)).release();
            }
        }
        assert!(slab.chunks.len() < 2 * 1000 / 64, "{} for a thousand", slab.chunks.len());
    }
}
