//! The index of a shard: slots by name, in a table of one word each.
//!
//! It holds no names: a tag of 32 bits finds the slot, whose record has the name. Who has a name of
//! the same tag is told apart by its record.

use crate::sync::seed;

/// Finds the tags of names. The seed keeps those who choose names from choosing tags.
#[derive(Clone, Copy)]
pub(super) struct Tagger(u64);

impl Tagger {
    pub(super) fn new() -> Self {
        Self(seed())
    }

    #[inline]
    pub(super) fn tag(&self, name: &[u8]) -> u32 {
        const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut hash = self.0 ^ (name.len() as u64).wrapping_mul(FACTOR);
        let (words, rest) = name.split_at(name.len() & !7);
        for word in words.chunks_exact(8) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            hash = fold(hash ^ u64::from_le_bytes(bytes), FACTOR);
        }
        let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        fold(fold(hash ^ rest, FACTOR ^ self.0), FACTOR) as u32
    }
}

/// Both halves of a product, so that every bit of either factor counts.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Entries lie at the place of their tag, or behind it with no gap between (linear probing).
#[derive(Default)]
pub(super) struct Names {
    /// `VACANT`, or tag and index + 1. The length is a power of two, or zero.
    table: Vec<u64>,
    used: usize,
}

/// A place in the table that is vacant, for an entry with this tag.
#[derive(Clone, Copy)]
pub(super) struct Vacancy {
    place: usize,
    tag: u32,
}

impl Vacancy {
    pub(super) fn tag(self) -> u32 {
        self.tag
    }
}

const VACANT: u64 = 0;
const FIRST: usize = 16;

fn entry(tag: u32, index: u32) -> u64 {
    u64::from(tag) << 32 | (u64::from(index) + 1)
}

fn tag_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

impl Names {
    /// The first index with this tag that `is_it` accepts.
    pub(super) fn find(&self, tag: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        self.search(tag, is_it).ok()
    }

    /// The first index with this tag that `is_it` accepts, or a vacancy for another one.
    #[inline]
    fn search(&self, tag: u32, mut is_it: impl FnMut(u32) -> bool) -> Result<u32, Vacancy> {
        let mut place = self.home(tag);
        loop {
            let found = self.table[place];
            if found == VACANT {
                return Err(Vacancy { place, tag });
            }
            let index = (found as u32).wrapping_sub(1);
            if tag_of(found) == tag && is_it(index) {
                return Ok(index);
            }
            place = self.after(place);
        }
    }

    /// Where an index with this tag may be put, unless there is one that `is_it` accepts.
    #[inline]
    pub(super) fn vacancy(&mut self, tag: u32, is_it: impl FnMut(u32) -> bool) -> Option<Vacancy> {
        // A third stays vacant, so that a look-up ends soon.
        if self.table.len() * 2 <= self.used * 3 {
            self.grow();
        }
        self.search(tag, is_it).err()
    }

    /// Adds an index, before anything else changes.
    #[inline]
    pub(super) fn fill(&mut self, vacancy: Vacancy, index: u32) {
        self.used += 1;
        self.table[vacancy.place] = entry(vacancy.tag, index);
    }

    /// Adds an index that is not in the table.
    pub(super) fn insert(&mut self, tag: u32, index: u32) {
        if let Some(vacancy) = self.vacancy(tag, |_| false) {
            self.fill(vacancy, index);
        }
    }

    /// Takes out what `insert` has put in.
    pub(super) fn remove(&mut self, tag: u32, index: u32) {
        if self.table.is_empty() {
            return;
        }
        let wanted = entry(tag, index);
        let mut gap = self.home(tag);
        while self.table[gap] != wanted {
            if self.table[gap] == VACANT {
                return;
            }
            gap = self.after(gap);
        }
        self.used -= 1;
        self.close(gap);
    }

    /// Moves entries up into a gap, unless that is before their home.
    fn close(&mut self, mut gap: usize) {
        let mask = self.table.len() - 1;
        let mut place = self.after(gap);
        while self.table[place] != VACANT {
            let from_home = place.wrapping_sub(self.home(tag_of(self.table[place]))) & mask;
            if from_home >= place.wrapping_sub(gap) & mask {
                self.table[gap] = self.table[place];
                gap = place;
            }
            place = self.after(place);
        }
        self.table[gap] = VACANT;
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.table.len() * 2).max(FIRST);
        let old = std::mem::replace(&mut self.table, vec![VACANT; len]);
        old.into_iter().filter(|entry| *entry != VACANT).for_each(|entry| self.put(entry));
    }

    fn put(&mut self, entry: u64) {
        let mut place = self.home(tag_of(entry));
        while self.table[place] != VACANT {
            place = self.after(place);
        }
        self.table[place] = entry;
    }

    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.table.len() - 1)
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.table.len() - 1)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Few tags, so that entries collide and the table wraps around.
    fn step() -> impl Strategy<Value = (u32, u32, bool)> {
        let tags = prop_oneof![0_u32..4, 12_u32..18, Just(u32::MAX)];
        (tags, 0_u32..40, any::<bool>())
    }

    proptest! {
        #[test]
        fn a_table_finds_exactly_what_was_put_in_and_not_taken_out(
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let (mut names, mut model) = (Names::default(), HashSet::new());
            for (tag, index, comes) in steps {
                if comes {
                    if model.insert((tag, index)) {
                        names.insert(tag, index);
                    }
                } else {
                    names.remove(tag, index);
                    model.remove(&(tag, index));
                }
                for (tag, index) in &model {
                    prop_assert_eq!(names.find(*tag, |found| found == *index), Some(*index));
                }
                prop_assert_eq!(names.used, model.len());
            }
        }
    }

    #[test]
    fn names_that_come_and_go_reuse_one_table() {
        let (mut names, tagger) = (Names::default(), Tagger::new());
        for number in 0..10_000_u32 {
            let tag = tagger.tag(&number.to_le_bytes());
            names.insert(tag, number);
            names.remove(tag, number);
        }
        assert_eq!(names.table.len(), FIRST);
    }

    #[test]
    fn tags_tell_names_of_every_length_apart() {
        let tagger = Tagger::new();
        let tags = (0..200).map(|len| tagger.tag(&vec![b'x'; len])).collect::<HashSet<_>>();
        assert!(tags.len() >= 199);
    }
}
