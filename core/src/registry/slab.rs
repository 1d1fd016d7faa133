//! Records in chunks that never move, used again when nobody refers to them.

use super::flag_table::FlagTable;
use crate::sync::CHUNK;
use crate::task::{Life, Name, Record};

/// How many chunks are looked at for free records before there is another one.
const LOOKED_AT: usize = 4;
/// So many free records make it worth to begin with a chunk.
const WORTH: u32 = CHUNK.div_ceil(4);

/// What a record held that may have a destructor.
pub(super) type Held = (Option<Name>, Life);

/// All records of a shard, numbered through: index 70 is the seventh of the second chunk.
///
/// A record becomes free without a lock, by its word alone. So the free ones are found here, and not
/// listed: of one chunk at a time.
#[derive(Default)]
pub(super) struct Slab {
    chunks: Vec<Box<[Record]>>,
    /// The chunk whose records are used now, and which of them are free: one bit for each.
    current: usize,
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
        self.current as u32 * CHUNK + place
    }

    /// Finds a chunk with free records, or makes one.
    ///
    /// At the most `LOOKED_AT` chunks are looked at for `WORTH` records, so a spawn looks at a few
    /// words in the mean; and there is another chunk only where four in a row are nearly full, so
    /// the slab does not grow without need.
    #[cold]
    fn find_free(&mut self, words: &FlagTable) {
        for _ in 0..LOOKED_AT.min(self.chunks.len()) {
            self.free = free_in(self.current, words);
            if self.free.count_ones() >= WORTH {
                return;
            }
            self.current = (self.current + 1) % self.chunks.len();
        }
        self.current = self.chunks.len();
        self.chunks.push((0..CHUNK).map(|_| Record::free()).collect());
        self.free = u64::MAX >> (u64::BITS - CHUNK);
    }

    /// Takes out what a record held, which is for the caller to drop.
    pub(super) fn clear(&mut self, index: u32) -> Held {
        let record = self.get_mut(index);
        (record.name.take(), std::mem::replace(&mut record.life, Life::new()))
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &Record {
        &self.chunks[(index / CHUNK) as usize][(index % CHUNK) as usize]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Record {
        &mut self.chunks[(index / CHUNK) as usize][(index % CHUNK) as usize]
    }

    /// How many records there are.
    pub(super) fn len(&self) -> u32 {
        self.chunks.len() as u32 * CHUNK
    }
}

fn free_in(chunk: usize, words: &FlagTable) -> u64 {
    let first = chunk as u32 * CHUNK;
    let is_free = |place: &u32| words.word(first + place).read().is_free();
    (0..CHUNK).filter(is_free).fold(0, |free, place| free | 1 << place)
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
        assert_eq!(slab.len(), CHUNK);
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
        assert!(slab.len() < 2 * 1000, "{} for a thousand", slab.len());
    }
}
