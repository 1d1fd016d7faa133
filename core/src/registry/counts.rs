//! The counts of a registry: threads that register at once do not wait for each other at one count.

use super::shards::SHARDS;
use super::{Registry, this_thread};
use crate::sync::Arc;

/// A registry as its scope holds it: one that many threads use by several counts, any other by one.
///
/// Each count holds the registry; who finds it by one refers to it by that.
pub(crate) struct Counts {
    first: Arc<Registry>,
    others: Option<Box<[Arc<Registry>; SHARDS - 1]>>,
}

impl Counts {
    pub(crate) fn of(first: Arc<Registry>) -> Self {
        let another =
            |other| Arc::new(Registry { core: Arc::clone(&first.core), shard: other + 1 });
        let others = first.shards.are_several().then(|| Box::new(std::array::from_fn(another)));
        Self { first, others }
    }

    pub(crate) fn first(&self) -> &Arc<Registry> {
        &self.first
    }

    /// That which this thread uses: hardly another does.
    #[inline]
    pub(crate) fn of_this_thread(&self) -> &Arc<Registry> {
        match (this_thread() % SHARDS, &self.others) {
            (place @ 1.., Some(others)) => &others[place - 1],
            _ => &self.first,
        }
    }
}
