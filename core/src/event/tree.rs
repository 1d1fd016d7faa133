//! A tree of events behind one lock: its entries in a slab, linked by index, and their waiters.
//!
//! Invariants, cited below:
//! 1. Entry 0 is the root and is never freed.
//! 2. An entry whose event is set has no links and no waiters: whoever sets takes it out in the same
//!    locked section. Its index is used again when the last handle of its event has left.
//! 3. A dead entry (every handle dropped) has at least two children, the root aside: with none it
//!    is freed, with one it is spliced out. So dead entries are fewer than live ones, and dropping
//!    a node with 100,000 children costs no more than dropping one with two.
//! 4. No code here wakes, clones or drops a waker: what a caller must drop is handed back, to be
//!    dropped after the unlock.

use std::task::Waker;

use super::nodes::{Node, Nodes};
use super::reason::Reason;
use crate::waiters::{Head, NIL, Waiters};

#[derive(Default)]
pub(super) struct Tree {
    entries: Vec<Entry>,
    /// By the index of the entry; that of the root lies elsewhere.
    nodes: Nodes,
    free: Option<u32>,
    /// How many nodes have handles, while the root is not set.
    count: u32,
    pub(super) waiters: Waiters,
    /// Set once the root is: the reason of every node that was in the tree then.
    root_reason: Option<Reason>,
    reasons: Vec<Option<SharedReason>>,
    free_reasons: Vec<u32>,
}

/// The reason of a node below the root, shared by all that were set with it.
struct SharedReason {
    reason: Reason,
    nodes: u32,
}

struct Entry {
    /// Its event has handles and is not set.
    is_live: bool,
    parent: u32,
    /// First child; in a free entry: the next free one.
    first: u32,
    prev: u32,
    next: u32,
    waiters: Head,
}

/// What has gone with the last handle of a node.
pub(super) enum Gone {
    Node,
    /// The last node of a tree whose root was not set.
    Last,
    /// A node of a tree whose root is set, where they are counted without the lock.
    OfSetRoot,
}

/// What setting the root took out: to be marked, woken and dropped after the unlock.
pub(super) struct TakenTree {
    entries: Vec<Entry>,
    nodes: Nodes,
    waiters: Waiters,
}

impl TakenTree {
    pub(super) fn mark_nodes(&self) {
        self.nodes.iter().for_each(Node::mark_by_root);
    }

    pub(super) fn into_wakers(mut self) -> impl Iterator<Item = Waker> + use<> {
        drop(self.entries);
        self.waiters.take_all()
    }
}

impl Tree {
    pub(super) const ROOT: u32 = 0;

    /// Of a new tree.
    pub(super) fn add_root(&mut self) {
        self.entries.push(Entry::below(NIL, NIL));
        self.count = 1;
    }

    /// Adds an entry below another; with the first handle of its node.
    #[inline]
    pub(super) fn add_below(&mut self, parent: u32) -> &'static Node {
        let next = self.entries[parent as usize].first;
        let index = self.allocate(Entry::below(parent, next));
        self.entries[parent as usize].first = index;
        if next != NIL {
            self.entries[next as usize].prev = index;
        }
        self.count += 1;
        let node = self.nodes.grow_to(index);
        node.open();
        node
    }

    pub(super) fn is_root_set(&self) -> bool {
        self.root_reason.is_some()
    }

    pub(super) fn count(&self) -> u32 {
        self.count
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
        let entries = std::mem::take(&mut self.entries);
        let nodes = std::mem::take(&mut self.nodes);
        TakenTree { entries, nodes, waiters: std::mem::take(&mut self.waiters) }
    }

    /// Takes the nodes back, which stay until the last handle of the tree is gone.
    pub(super) fn put_back(&mut self, taken: &mut TakenTree) {
        self.nodes = std::mem::take(&mut taken.nodes);
    }

    /// Takes the subtree at `top`: marks its nodes, unlinks its entries, and returns who is to be woken.
    /// Iterative, linear.
    pub(super) fn take_subtree(&mut self, top: u32, reason: Reason) -> Vec<Waker> {
        let (code, mut nodes, mut wakers) = (self.store_reason(reason), 0, Vec::new());
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
            self.waiters.drain(&mut entry.waiters, &mut wakers);
            if std::mem::take(&mut entry.is_live) {
                self.nodes.get(current).mark(code);
                nodes += 1;
            } else {
                self.release(current);
            }
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
        self.share_reason(code, nodes);
        self.compress(parent);
        wakers
    }

    /// Notes that the last handle of a node is gone, which may have been set before this lock was taken.
    /// Hands back its reason, if it was the last that was set for that.
    pub(super) fn leave(&mut self, node: &Node) -> (Gone, Option<Reason>) {
        let (code, index) = (node.state(), node.index());
        let reason = self.forget_reason(code);
        if self.is_root_set() {
            return (Gone::OfSetRoot, reason);
        }
        if code == Node::UNSET {
            self.entries[index as usize].is_live = false;
            self.compress(index);
        } else {
            self.release(index);
        }
        self.count -= 1;
        (if self.count == 0 { Gone::Last } else { Gone::Node }, reason)
    }

    /// Whether an ancestor can still be set by a handle of its own.
    pub(super) fn has_live_ancestor(&self, index: u32) -> bool {
        let mut up = self.entries[index as usize].parent;
        while up != NIL {
            let entry = &self.entries[up as usize];
            if entry.is_live {
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

    /// A node that was set is gone; the last one of its reason frees the reason.
    fn forget_reason(&mut self, code: u32) -> Option<Reason> {
        let slot = code.checked_sub(Node::SET_WITH_REASON)?;
        let shared = self.reasons[slot as usize].as_mut()?;
        shared.nodes -= 1;
        if shared.nodes > 0 {
            return None;
        }
        self.free_reasons.push(slot);
        self.reasons[slot as usize].take().map(|shared| shared.reason)
    }

    /// Entries in use, of set events too, for tests of growth.
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

    #[cfg(all(test, loom))]
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.root_reason.is_none()
    }

    #[cfg(test)]
    pub(super) fn kept_reasons(&self) -> usize {
        self.reasons.iter().flatten().count()
    }

    /// Keeps a reason, which `share_reason` gives to nodes.
    fn store_reason(&mut self, reason: Reason) -> u32 {
        let slot = self.free_reasons.pop().unwrap_or_else(|| {
            self.reasons.push(None);
            (self.reasons.len() - 1) as u32
        });
        self.reasons[slot as usize] = Some(SharedReason { reason, nodes: 0 });
        Node::SET_WITH_REASON + slot
    }

    fn share_reason(&mut self, code: u32, nodes: u32) {
        let Some(slot) = code.checked_sub(Node::SET_WITH_REASON) else { return };
        if let Some(shared) = &mut self.reasons[slot as usize] {
            shared.nodes += nodes;
        }
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
        while index != NIL && index != Self::ROOT && !self.entries[index as usize].is_live {
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

impl Entry {
    fn below(parent: u32, next: u32) -> Self {
        let (first, prev, waiters) = (NIL, NIL, Head::default());
        Self { is_live: true, parent, first, prev, next, waiters }
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
        assert_eq!(root.0.live_entries(), 13, "the dead one is gone, which had one child left");
        drop((first, below));
        assert_eq!(root.0.live_entries(), 2);
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
