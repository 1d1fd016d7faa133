//! The shards of a registry: several for the root and the components, which many threads use; one for
//! a scope that a user opens, of which there may be many with few tasks each.

use std::iter::once;

use super::shard::{Locked, Shard};
use super::slab::Slab;

/// How many parts a large registry has: so many threads do not meet.
pub(super) const SHARDS: usize = 4;

pub(super) struct Shards {
    first: Shard,
    others: Option<Box<[Shard; SHARDS - 1]>>,
}

impl Shards {
    /// With flags that are raised in each task that comes.
    pub(super) fn several(raised: u32) -> Self {
        let others =
            Box::new(std::array::from_fn(|other| Shard::new(Slab::new(other + 1), raised)));
        Self { first: Shard::new(Slab::new(0), raised), others: Some(others) }
    }

    /// As `several`.
    pub(super) fn one(raised: u32) -> Self {
        Self { first: Shard::new(Slab::small(0), raised), others: None }
    }

    pub(super) fn are_several(&self) -> bool {
        self.others.is_some()
    }

    /// The place of a shard, by a number that stands for a name.
    #[inline]
    pub(super) fn place(&self, number: usize) -> usize {
        if self.are_several() { number % SHARDS } else { 0 }
    }

    #[inline]
    pub(super) fn at(&self, place: usize) -> &Shard {
        match (place, &self.others) {
            (1.., Some(others)) => &others[place - 1],
            _ => &self.first,
        }
    }

    pub(super) fn lock_all(&self) -> LockedAll<'_> {
        let first = self.first.lock();
        LockedAll { first, others: self.others.as_ref().map(|all| all.each_ref().map(Shard::lock)) }
    }
}

/// All shards while their locks are held.
pub(super) struct LockedAll<'a> {
    first: Locked<'a>,
    others: Option<[Locked<'a>; SHARDS - 1]>,
}

impl<'a> LockedAll<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Locked<'a>> {
        once(&self.first).chain(self.others.iter().flatten())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Locked<'a>> {
        once(&mut self.first).chain(self.others.iter_mut().flatten())
    }

    pub(super) fn is_busy(&self) -> bool {
        self.iter().any(Locked::is_busy)
    }
}
