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
        let mut rest = name;
        while let Some((word, behind)) = rest.split_first_chunk() {
            hash = fold(hash ^ u64::from_le_bytes(*word), FACTOR);
            rest = behind;
        }
        let rest = if rest.is_empty() { 0 } else { end_of(name) };
        fold(fold(hash ^ rest, FACTOR ^ self.0), FACTOR) as u32
    }
}

/// The last eight bytes, or all, in one word; in fewer reads than bytes, so some may be in it twice.
fn end_of(name: &[u8]) -> u64 {
    if let Some(word) = name.last_chunk() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        return u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
    }
    // Three at the most: the first, the one in the middle, the last.
    let byte = |at: usize| name.get(at).map_or(0, |byte| u64::from(*byte));
    byte(0) << 16 | byte(name.len() / 2) << 8 | byte(name.len().saturating_sub(1))
}

/// Both halves of a product, so that every bit of either factor counts.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A number for the shard of a tag. From the highest bits: the low ones say where in the table of the
/// shard, which may be large.
#[inline]
pub(super) fn shard_number(tag: u32) -> usize {
    (tag >> 30) as usize
}

/// Entries lie at the place of their tag, or behind it with no gap between (linear probing).
///
/// A task that ends leaves its entry behind, so that it needs no lock: the entry is stale then, since
/// its record has no live task with this tag. A name that comes takes the place of a stale entry that
/// it meets, and all of them are swept out when the table is full.
#[derive(Default)]
pub(super) struct Names {
    /// `VACANT`, or tag and index + 1. The length is a power of two, or zero.
    table: Vec<u64>,
    /// How many entries there are, stale ones too.
    used: usize,
}

/// A place in the table for an entry with this tag: vacant, or a stale entry's.
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

/// What the record is that an entry of the wanted tag names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Of the live task that is looked for.
    It,
    /// Of a live task with another name.
    Another,
    /// Of no live task with this tag.
    Stale,
}

const VACANT: u64 = 0;
const FIRST: usize = 16;
/// So many entries tell enough about all of them.
const SOME: usize = 32;

fn entry(tag: u32, index: u32) -> u64 {
    u64::from(tag) << 32 | (u64::from(index) + 1)
}

fn tag_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

fn index_of(entry: u64) -> u32 {
    (entry as u32).wrapping_sub(1)
}

impl Names {
    /// The index of the live task that is looked for.
    pub(super) fn find(&self, tag: u32, what_is: impl FnMut(u32) -> Found) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        self.search(tag, what_is).ok()
    }

    /// The index of the live task that is looked for, or a place for another one.
    #[inline]
    fn search(&self, tag: u32, mut what_is: impl FnMut(u32) -> Found) -> Result<u32, Vacancy> {
        let (mut place, mut stale) = (self.home(tag), None);
        loop {
            let entry = self.table[place];
            if entry == VACANT {
                return Err(Vacancy { place: stale.unwrap_or(place), tag });
            }
            if tag_of(entry) == tag {
                match what_is(index_of(entry)) {
                    Found::It => return Ok(index_of(entry)),
                    Found::Another => {}
                    Found::Stale => stale = stale.or(Some(place)),
                }
            }
            place = self.after(place);
        }
    }

    /// A place for an entry with this tag, unless the task that is looked for lives.
    ///
    /// `is_live` tells whether the record of an index has a live task with a tag.
    #[inline]
    pub(super) fn vacancy(
        &mut self,
        tag: u32,
        what_is: impl FnMut(u32) -> Found,
        is_live: impl Fn(u32, u32) -> bool,
    ) -> Option<Vacancy> {
        self.keep_a_third_vacant(is_live);
        self.search(tag, what_is).err()
    }

    /// As `vacancy`, of a name that no live task has.
    pub(super) fn room_for(&mut self, tag: u32, is_live: impl Fn(u32, u32) -> bool) -> Vacancy {
        self.keep_a_third_vacant(&is_live);
        let is_another = |entry| tag_of(entry) != tag || is_live(index_of(entry), tag);
        let mut place = self.home(tag);
        while self.table[place] != VACANT && is_another(self.table[place]) {
            place = self.after(place);
        }
        Vacancy { place, tag }
    }

    /// So that a look-up ends soon.
    #[inline]
    fn keep_a_third_vacant(&mut self, is_live: impl Fn(u32, u32) -> bool) {
        if self.table.len() * 2 <= self.used * 3 {
            self.make_room(is_live);
        }
    }

    /// Adds an index, before anything else changes.
    #[inline]
    pub(super) fn fill(&mut self, vacancy: Vacancy, index: u32) {
        let place = &mut self.table[vacancy.place];
        self.used += usize::from(*place == VACANT);
        *place = entry(vacancy.tag, index);
    }

    /// Sweeps stale entries out, and grows if that leaves more than a third full: so many names come
    /// before the next time that each has paid for a few entries.
    ///
    /// A large table is not swept, which would be a look at the record of each, where a look at some
    /// says that most are live.
    #[cold]
    fn make_room(&mut self, is_live: impl Fn(u32, u32) -> bool) {
        if self.table.len() < 4 * SOME || self.are_most_stale(&is_live) {
            self.sweep(is_live);
        }
        if self.table.len() <= self.used * 3 {
            self.grow();
        }
    }

    /// Judges by a few.
    fn are_most_stale(&self, is_live: impl Fn(u32, u32) -> bool) -> bool {
        let some = || self.table.iter().filter(|entry| **entry != VACANT).take(SOME);
        let live = some().filter(|entry| is_live(index_of(**entry), tag_of(**entry)));
        live.count() * 2 <= some().count()
    }

    /// Takes out all entries and puts the live ones back, in place: beginning behind a vacancy, across
    /// which no entry was put, and in their order, each finds its place at its own or before.
    fn sweep(&mut self, is_live: impl Fn(u32, u32) -> bool) {
        let Some(vacancy) = self.table.iter().position(|entry| *entry == VACANT) else { return };
        self.used = 0;
        let mut place = self.after(vacancy);
        while place != vacancy {
            let entry = std::mem::replace(&mut self.table[place], VACANT);
            if entry != VACANT && is_live(index_of(entry), tag_of(entry)) {
                self.put(entry);
            }
            place = self.after(place);
        }
    }

    fn grow(&mut self) {
        let len = (self.table.len() * 2).max(FIRST);
        let old = std::mem::replace(&mut self.table, vec![VACANT; len]);
        self.used = 0;
        old.into_iter().filter(|entry| *entry != VACANT).for_each(|entry| self.put(entry));
    }

    fn put(&mut self, entry: u64) {
        let mut place = self.home(tag_of(entry));
        while self.table[place] != VACANT {
            place = self.after(place);
        }
        self.used += 1;
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
    use std::cell::Cell;
    use std::collections::{BTreeMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    /// Few tags, so that entries collide and the table wraps around.
    fn step() -> impl Strategy<Value = (u32, u32, bool)> {
        let tags = prop_oneof![0_u32..4, 12_u32..18, Just(u32::MAX)];
        (tags, 0_u32..40, any::<bool>())
    }

    proptest! {
        /// The records of the model: which tag each index lives with, and whose name it has.
        #[test]
        fn a_table_finds_exactly_who_came_and_has_not_left(
            steps in proptest::collection::vec(step(), 0..400),
        ) {
            let (mut names, mut live) = (Names::default(), BTreeMap::new());
            for (tag, index, comes) in steps {
                if !comes {
                    live.remove(&index);
                } else if !live.contains_key(&index) {
                    let is_live = |index, tag| live.get(&index) == Some(&tag);
                    let what_is = |it| if is_live(it, tag) { Found::Another } else { Found::Stale };
                    let vacancy = names.vacancy(tag, what_is, is_live);
                    names.fill(vacancy.expect("nobody is looked for"), index);
                    live.insert(index, tag);
                }
                for (&index, &tag) in &live {
                    let found = names.find(tag, |it| match live.get(&it) {
                        Some(_) if it == index => Found::It,
                        Some(other) if *other == tag => Found::Another,
                        _ => Found::Stale,
                    });
                    prop_assert_eq!(found, Some(index));
                }
                prop_assert!(names.used >= live.len());
                let filled = names.table.iter().filter(|entry| **entry != VACANT).count();
                prop_assert_eq!(names.used, filled);
            }
        }
    }

    #[test]
    fn names_that_come_and_go_reuse_one_table() {
        let (mut names, tagger) = (Names::default(), Tagger::new());
        let asked = Cell::new(0);
        for number in 0..10_000_u32 {
            let tag = tagger.tag(&number.to_le_bytes());
            let is_live = |_, _| {
                asked.set(asked.get() + 1);
                false
            };
            let vacancy = names.vacancy(tag, |_| Found::Stale, is_live);
            names.fill(vacancy.unwrap(), 0);
        }
        assert_eq!(names.table.len(), FIRST);
        assert!(asked.get() <= 10_000, "each pays for one entry: {}", asked.get());
    }

    #[test]
    fn tags_tell_names_of_every_length_apart() {
        let tagger = Tagger::new();
        let tags = (0..200).map(|len| tagger.tag(&vec![b'x'; len])).collect::<HashSet<_>>();
        assert!(tags.len() >= 199);
    }

    #[test]
    fn every_byte_of_a_name_counts() {
        let tagger = Tagger::new();
        for len in 1..30 {
            let name = vec![b'x'; len];
            let others = (0..len).map(|at| {
                let mut other = name.clone();
                other[at] = b'y';
                tagger.tag(&other)
            });
            let tags = others.chain([tagger.tag(&name)]).collect::<HashSet<_>>();
            assert_eq!(tags.len(), len + 1, "{len}");
        }
    }

    #[test]
    fn names_of_one_shard_lie_all_over_its_table() {
        let (mut names, tagger) = (Names::default(), Tagger::new());
        let tags = (0..400_000_u32).map(|number| tagger.tag(&number.to_le_bytes()));
        let mut farthest = 0;
        for (index, tag) in tags.filter(|tag| shard_number(*tag) == 0).enumerate() {
            let vacancy = names.vacancy(tag, |_| Found::Another, |_, _| true).unwrap();
            let from_home = vacancy.place.wrapping_sub(names.home(tag)) & (names.table.len() - 1);
            farthest = farthest.max(from_home);
            names.fill(vacancy, index as u32);
        }
        // In a table that is two thirds full at the most: tens. If the shard were taken from the bits
        // that say where in the table, they would crowd in a quarter of it: thousands.
        assert!(farthest < 500, "{farthest}");
    }
}
