//! Nodes: the flags of events, in blocks that never move and never go.
//!
//! A block is leaked, so who holds an event reaches its flag in one step and counts nothing for that. It
//! is no leak that grows: when a tree goes, its blocks go back to a pool, from which the next one takes
//! them. So a process keeps as many blocks as were ever in use at once, of twelve bytes a node.

use crate::pool::Pool;
use crate::sync::{AtomicU32, CHUNK, Numbers, Ordering};

/// Blocks of trees that are gone.
static BLOCKS: Pool<Block> = Pool::new();

/// The flag of one event, and how many handles it has.
#[derive(Default)]
pub(super) struct Node {
    /// `UNSET`, or a code that finds the reason.
    state: AtomicU32,
    /// Four thousand million of them are not guarded against: they would fill 64 gigabytes.
    handles: AtomicU32,
    /// Where this event stands in its tree; written when that takes the block.
    index: Numbers,
}

impl Node {
    pub(super) const UNSET: u32 = 0;
    /// The root was set; the reason is the tree's.
    pub(super) const SET_BY_ROOT: u32 = 1;
    /// This and higher: the reason is entry `code - SET_WITH_REASON` of the tree's list.
    pub(super) const SET_WITH_REASON: u32 = 2;

    /// Begins an event, with its first handle. Relaxed: nobody else knows of it yet.
    #[inline]
    pub(super) fn open(&self) {
        self.state.store(Self::UNSET, Ordering::Relaxed);
        self.handles.store(1, Ordering::Relaxed);
    }

    /// Acquire pairs with the Release of `mark`: who sees the flag sees all that the setter did before.
    #[inline]
    pub(super) fn state(&self) -> u32 {
        self.state.load(Ordering::Acquire)
    }

    /// One load.
    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.state() != Self::UNSET
    }

    /// Raises the flag. Release pairs with the Acquire of `state`.
    #[inline]
    pub(super) fn mark(&self, code: u32) {
        self.state.store(code, Ordering::Release);
    }

    /// As `mark`, by the root; one that was set before keeps its reason.
    #[inline]
    pub(super) fn mark_by_root(&self) {
        if !self.is_set() {
            self.mark(Self::SET_BY_ROOT);
        }
    }

    /// Relaxed: it was written before anybody knew of the node.
    #[inline]
    pub(super) fn index(&self) -> u32 {
        self.index.load(Ordering::Relaxed)
    }

    /// Counts a handle more, for who has one. Relaxed: nothing is read because of it.
    #[inline]
    pub(super) fn refer(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a handle less. Tells whether it was the last; who is told so sees what all others did.
    #[inline]
    pub(super) fn release(&self) -> bool {
        // A handle comes from a handle: beside the only one, none can. So nothing is lost by a plain
        // store, which is much cheaper.
        if self.handles.load(Ordering::Acquire) == 1 {
            self.handles.store(0, Ordering::Relaxed);
            return true;
        }
        self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn handles(&self) -> u32 {
        self.handles.load(Ordering::Relaxed)
    }
}

#[repr(align(64))]
struct Block([Node; CHUNK as usize]);

/// The nodes of a tree, by index; as many as it has asked for.
#[derive(Default)]
pub(super) struct Nodes(Vec<&'static Block>);

impl Nodes {
    /// The node of an index, of which those before were asked for.
    #[inline]
    pub(super) fn grow_to(&mut self, index: u32) -> &'static Node {
        if (index / CHUNK) as usize == self.0.len() {
            self.grow();
        }
        self.get(index)
    }

    #[cold]
    fn grow(&mut self) {
        let block = BLOCKS.take(|| Block(std::array::from_fn(|_| Node::default())));
        let first = self.0.len() as u32 * CHUNK;
        for (index, node) in (first..).zip(&block.0) {
            node.index.store(index, Ordering::Relaxed);
        }
        self.0.push(block);
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &'static Node {
        &self.0[(index / CHUNK) as usize].0[(index % CHUNK) as usize]
    }

    /// All, also those to which nobody refers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static Node> {
        self.0.iter().flat_map(|block| &block.0)
    }
}

/// Nobody has a handle of these any more.
impl Drop for Nodes {
    fn drop(&mut self) {
        BLOCKS.give_back(self.0.drain(..));
    }
}
