//! A tree of events behind one lock: its nodes in a slab, linked by index, and their waiters.
//!
//! Invariants, cited below:
//! 1. Entry 0 is the root and is never freed.
//! 2. An entry of a set event is not in the slab: whoever sets takes it out in the same locked
//!    section, so an entry's index is valid exactly while its event is not set.
//! 3. A dead entry (every handle dropped) has at least two children, the root aside: with none it
//!    is freed, with one it is spliced out. So dead entries are fewer than live ones, and dropping
//!    a node with 100,000 children costs no more than dropping one with two.
//! 4. No code here wakes, clones or drops a waker, or drops the last handle of a node: what a
//!    caller must drop is handed back, to be dropped after the unlock.

use std::task::Waker;

use super::node::Node;
use super::reason::Reason;
use crate::sync::{Arc, Weak};
use crate::waiters::{Head, NIL, Waiters};

#[derive(Default)]
pub(super) struct Tree {
    entries: Vec<Entry>,
    free: Option<u32>,
    pub(super) waiters: Waiters,
    /// Set once the root is: the reason of every node that was in the tree then.
    pub(super) root_reason: Option<Reason>,
    reasons: Vec<Option<SharedReason>>,
    free_reasons: Vec<u32>,
}

/// The reason of a node below the root, shared by all that were set with it.
struct SharedReason {
    reason: Reason,
    nodes: u32,
}

struct Entry {
    /// `None` in a dead entry, and in a free one.
    node: Option<Weak<Node>>,
    parent: u32,
    /// First child; in a free entry: the next free one.
    first: u32,
    prev: u32,
    next: u32,
    waiters: Head,
}

/// What setting below the root took out: to be woken and dropped after the unlock.
#[derive(Default)]
pub(super) struct TakenSubtree {
    pub(super) wakers: Vec<Waker>,
    /// Marked already; kept so that no node is dropped under the lock (invariant 4).
    pub(super) nodes: Vec<Arc<Node>>,
}

/// What setting the root took out: to be marked, woken and dropped after the unlock.
pub(super) struct TakenTree {
    entries: Vec<Entry>,
    waiters: Waiters,
}

/// How many entries ahead of its use a node is fetched.
const AHEAD: usize = 8;

impl TakenTree {
    /// Marks every node, and returns who is to be woken.
    pub(super) fn mark_all(mut self) -> impl Iterator<Item = Waker> {
        let mut entries = self.entries.into_iter();
        while let Some(entry) = entries.next() {
            // In a large tree each node is a cache miss: one that is under way costs little.
            let ahead = entries.as_slice().get(AHEAD).and_then(|entry| entry.node.as_ref());
            std::hint::black_box(ahead.map(Weak::strong_count));
            if let Some(node) = entry.node.and_then(|node| node.upgrade()) {
                node.mark(Node::SET_BY_ROOT);
            }
        }
        self.waiters.take_all()
    }
}

impl Tree {
    pub(super) const ROOT: u32 = 0;

    /// Adds an entry below `parent` (`None`: the root itself) for a node made from its index.
    pub(super) fn add(
        &mut self,
        parent: Option<u32>,
        make: impl FnOnce(u32) -> Arc<Node>,
    ) -> Arc<Node> {
        let parent = parent.unwrap_or(NIL);
        let next = if parent == NIL { NIL } else { self.entries[parent as usize].first };
        let entry =
            Entry { node: None, parent, first: NIL, prev: NIL, next, waiters: Head::default() };
        let index = self.allocate(entry);
        if parent != NIL {
            self.entries[parent as usize].first = index;
        }
        if next != NIL {
            self.entries[next as usize].prev = index;
        }
        let node = make(index);
        self.entries[index as usize].node = Some(Arc::downgrade(&node));
        node
    }

    #[inline]
    pub(super) fn insert_waiter(&mut self, index: u32, waker: Waker) -> u32 {
        self.waiters.insert(&mut self.entries[index as usize].waiters, waker)
    }

    #[inline]
    pub(super) fn remove_waiter(&mut self, index: u32, key: u32) -> Option<Waker> {
        self.waiters.remove(&mut self.entries[index as usize].waiters, key)
    }

    /// Takes the whole tree, in constant time; the caller marks the nodes.
    pub(super) fn take_root(&mut self, reason: Reason) -> TakenTree {
        self.root_reason = Some(reason);
        TakenTree {
            entries: std::mem::take(&mut self.entries),
            waiters: std::mem::take(&mut self.waiters),
        }
    }

    /// Takes the subtree at `top`: marks its nodes, frees its entries. Iterative, linear.
    pub(super) fn take_subtree(&mut self, top: u32, reason: Reason) -> TakenSubtree {
        let mut taken = TakenSubtree::default();
        let parent = self.entries[top as usize].parent;
        self.unlink(top);
        let mut current = top;
        loop {
            let first = self.entries[current as usize].first;
            if first != NIL {
                current = first;
                continue;
            }
            // A leaf: take it, go on with its sibling, or with its parent that may be a leaf now.
            let entry = &mut self.entries[current as usize];
            let (next, up) = (entry.next, entry.parent);
            taken.nodes.extend(entry.node.take().and_then(|node| node.upgrade()));
            self.waiters.drain(&mut entry.waiters, &mut taken.wakers);
            self.release(current);
            if current == top {
                break;
            }
            if next == NIL {
                self.entries[up as usize].first = NIL;
                current = up;
            } else {
                current = next;
            }
        }
        let code = self.store_reason(reason, taken.nodes.len() as u32);
        for node in &taken.nodes {
            node.mark(code);
        }
        self.compress(parent);
        taken
    }

    /// Notes that every handle of a node is gone.
    ///
    /// A setter on another thread may have freed the node's entry after the last handle went and
    /// before this lock was taken, and the entry may be somebody else's by now: so it is asked.
    pub(super) fn bury(&mut self, index: u32, dying: *const Node) -> Option<Weak<Node>> {
        let entry = self.entries.get_mut(index as usize)?;
        let node = entry.node.take_if(|node| std::ptr::eq(node.as_ptr(), dying))?;
        self.compress(index);
        Some(node)
    }

    /// Whether an ancestor can still be set by a handle of its own.
    pub(super) fn has_live_ancestor(&self, index: u32) -> bool {
        let mut up = self.entries[index as usize].parent;
        while up != NIL {
            let entry = &self.entries[up as usize];
            if entry.node.is_some() {
                return true;
            }
            up = entry.parent;
        }
        false
    }

    /// The reason of a node whose state is `code`; `UNSET` asks for the root's.
    pub(super) fn reason(&self, code: u32) -> Option<&Reason> {
        match code.checked_sub(Node::SET_WITH_REASON) {
            None => self.root_reason.as_ref(),
            Some(slot) => self.reasons[slot as usize].as_ref().map(|shared| &shared.reason),
        }
    }

    /// A child of a set node is born set, for the same reason.
    pub(super) fn share_reason(&mut self, code: u32) {
        let Some(slot) = code.checked_sub(Node::SET_WITH_REASON) else { return };
        if let Some(shared) = &mut self.reasons[slot as usize] {
            shared.nodes += 1;
        }
    }

    /// A node that was set is gone; the last one of its reason frees the reason.
    pub(super) fn forget_reason(&mut self, code: u32) -> Option<Reason> {
        let slot = code.checked_sub(Node::SET_WITH_REASON)?;
        let shared = self.reasons[slot as usize].as_mut()?;
        shared.nodes -= 1;
        if shared.nodes > 0 {
            return None;
        }
        self.free_reasons.push(slot);
        self.reasons[slot as usize].take().map(|shared| shared.reason)
    }

    /// Entries in use, for tests of growth.
    #[cfg(test)]
    pub(super) fn live_entries(&self) -> usize {
        let mut free = 0;
        let mut next = self.free;
        while let Some(index) = next {
            free += 1;
            let first = self.entries[index as usize].first;
            next = (first != NIL).then_some(first);
        }
        self.entries.len() - free
    }

    #[cfg(test)]
    pub(super) fn kept_reasons(&self) -> usize {
        self.reasons.iter().flatten().count()
    }

    fn store_reason(&mut self, reason: Reason, nodes: u32) -> u32 {
        let slot = self.free_reasons.pop().unwrap_or_else(|| {
            self.reasons.push(None);
            (self.reasons.len() - 1) as u32
        });
        self.reasons[slot as usize] = Some(SharedReason { reason, nodes });
        Node::SET_WITH_REASON + slot
    }

    fn allocate(&mut self, entry: Entry) -> u32 {
        if let Some(index) = self.free {
            let next = self.entries[index as usize].first;
            self.free = (next != NIL).then_some(next);
            self.entries[index as usize] = entry;
            return index;
        }
        self.entries.push(entry);
        (self.entries.len() - 1) as u32
    }

    fn release(&mut self, index: u32) {
        self.entries[index as usize].first = self.free.unwrap_or(NIL);
        self.free = Some(index);
    }

    /// Takes an entry out of its parent's list of children.
    fn unlink(&mut self, index: u32) {
        let Entry { parent, prev, next, .. } = self.entries[index as usize];
        if prev != NIL {
            self.entries[prev as usize].next = next;
        } else if parent != NIL {
            self.entries[parent as usize].first = next;
        }
        if next != NIL {
            self.entries[next as usize].prev = prev;
        }
    }

    /// Restores invariant 3 from this entry upwards.
    fn compress(&mut self, mut index: u32) {
        while index != NIL && index != Self::ROOT && self.entries[index as usize].node.is_none() {
            let Entry { first, parent, .. } = self.entries[index as usize];
            if first == NIL {
                self.unlink(index);
                self.release(index);
                index = parent;
                continue;
            }
            if self.entries[first as usize].next == NIL {
                self.splice(index, first);
            }
            return;
        }
    }

    /// Puts the only child of a dead entry in its place.
    fn splice(&mut self, index: u32, child: u32) {
        let Entry { parent, prev, next, .. } = self.entries[index as usize];
        let entry = &mut self.entries[child as usize];
        (entry.parent, entry.prev, entry.next) = (parent, prev, next);
        if prev == NIL {
            self.entries[parent as usize].first = child;
        } else {
            self.entries[prev as usize].next = child;
        }
        if next != NIL {
            self.entries[next as usize].prev = child;
        }
        self.release(index);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::event::ShutdownEvent;

    #[test]
    fn a_dead_entry_stays_only_while_it_has_two_children() {
        let root = ShutdownEvent::new();
        let middle = root.child();
        let (first, second) = (middle.child(), middle.child());
        assert_eq!(root.0.live_entries(), 4);
        drop(middle);
        assert_eq!(root.0.live_entries(), 4, "two children");
        drop(first);
        assert_eq!(root.0.live_entries(), 2, "spliced out");
        drop(second);
        assert_eq!(root.0.live_entries(), 1);
    }

    #[test]
    fn a_set_below_takes_its_entries_and_the_dead_above_them() {
        let root = ShutdownEvent::new();
        let middle = root.child();
        let (first, second) = (middle.child(), middle.child());
        let below = (0..10).map(|_| first.child()).collect::<Vec<_>>();
        drop(middle);
        assert!(first.trigger().set("set").is_ok());
        assert_eq!(root.0.live_entries(), 2);
        drop((first, below));
        assert_eq!(root.0.kept_reasons(), 0);
        assert!(!second.is_set());
    }

    #[test]
    fn a_chain_of_dead_entries_is_none() {
        let root = ShutdownEvent::new();
        let mut leaf = root.child();
        for _ in 0..1000 {
            leaf = leaf.child();
        }
        assert_eq!(root.0.live_entries(), 2);
    }
}
