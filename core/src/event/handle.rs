//! `Handle`: a counted reference to one event of a tree, and how waiters come to it and go.

use std::task::{Poll, Waker};

use super::nodes::Node;
use super::reason::{AlreadySet, Reason};
use super::root::Root;
use super::tree::Tree;
use crate::roll_call::Waiting;
use crate::waiters::{NIL, WakerId};
use crate::wake::wake_all_or_raise;

/// The flag of an event, for who looks at it in a loop: the event may lie further away.
#[derive(Clone, Copy)]
pub(crate) struct Flag<'a>(&'a Node);

impl Flag<'_> {
    #[inline]
    pub(crate) fn is_set(self) -> bool {
        self.0.is_set()
    }
}

pub(super) struct Handle {
    node: &'static Node,
    root: &'static Root,
}

/// What a waiter remembers between polls.
pub(super) struct Registration {
    pub(super) key: u32,
    pub(super) waker: WakerId,
}

impl Registration {
    pub(super) const NONE: Self = Self { key: NIL, waker: WakerId::NONE };

    pub(super) fn is_registered(&self) -> bool {
        self.key != NIL
    }
}

impl Handle {
    /// That of the root of a new tree.
    pub(super) fn root() -> Self {
        let root = Root::take();
        Self { node: root.node(), root }
    }

    /// An event below this one. One that is set stands for all that would come below it.
    pub(super) fn child(&self) -> Self {
        let Self { node, root } = *self;
        let mut tree = root.lock();
        // Looked at under the lock that a setter holds while it takes entries out: a child is either in
        // the tree before the taking, and taken with it, or finds its result here.
        if !self.is_taken(&tree) {
            return Self { node: tree.add_below(node.index()), root };
        }
        drop(tree);
        self.clone()
    }

    #[inline]
    pub(super) fn flag(&self) -> Flag<'_> {
        Flag(self.node)
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.node.is_set()
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        if self.is_set() { self.root.lock().reason(self.node.state()).cloned() } else { None }
    }

    pub(super) fn set(&self, reason: Reason) -> Result<(), AlreadySet> {
        let mut tree = self.root.lock();
        if let Some(first) = tree.reason(self.node.state()).cloned() {
            drop(tree);
            // Its setter may not have come to this node yet: whoever is told so must find it set.
            self.node.mark_by_root();
            return Err(AlreadySet { first, yours: reason });
        }
        if self.is_root() {
            wake_all_or_raise(self.root.set(tree, reason));
        } else {
            let wakers = tree.take_subtree(self.index(), reason);
            drop(tree);
            wake_all_or_raise(wakers);
        }
        Ok(())
    }

    /// Registers a waiter, or finds the event set.
    #[inline]
    pub(super) fn poll_wait(&self, me: &mut Registration, waker: &Waker) -> Poll<()> {
        if self.is_set() {
            return Poll::Ready(());
        }
        let id = WakerId::of(waker);
        if me.is_registered() && me.waker == id {
            // Still registered with this very waker, or already taken by a setter that will wake it.
            return Poll::Pending;
        }
        self.register(me, waker, id)
    }

    /// No wake-up is lost: a setter takes the waiters in a locked section. A waiter that registers
    /// before that section is taken and woken; one that comes after it sees the result under the
    /// lock and does not register.
    fn register(&self, me: &mut Registration, waker: &Waker, id: WakerId) -> Poll<()> {
        let waker = waker.clone();
        let mut tree = self.root.lock();
        if self.is_taken(&tree) {
            drop(tree);
            self.node.mark_by_root();
            return Poll::Ready(());
        }
        let old = if me.is_registered() {
            tree.waiters.replace(me.key, waker)
        } else {
            me.key = tree.insert_waiter(self.index(), waker);
            None
        };
        me.waker = id;
        drop(tree);
        drop(old);
        Waiting::answer(|| String::from("a shutdown event"));
        Poll::Pending
    }

    #[inline]
    pub(super) fn drop_wait(&self, me: &mut Registration) {
        if me.is_registered() && !self.is_set() {
            self.deregister(me);
        }
    }

    fn deregister(&self, me: &mut Registration) {
        let mut tree = self.root.lock();
        // Once set, the entry is gone and the key may name somebody else's.
        if self.is_taken(&tree) {
            return;
        }
        let waker = tree.remove_waiter(self.index(), me.key);
        drop(tree);
        me.key = NIL;
        drop(waker);
    }

    pub(super) fn is_orphan(&self) -> bool {
        let tree = self.root.lock();
        !self.is_taken(&tree) && !self.is_root() && !tree.has_live_ancestor(self.index())
    }

    /// Whether a setter has taken this event out of its tree, though it may not have marked it yet.
    #[inline]
    fn is_taken(&self, tree: &Tree) -> bool {
        tree.is_root_set() || self.is_set()
    }

    #[inline]
    fn index(&self) -> u32 {
        self.node.index()
    }

    fn is_root(&self) -> bool {
        std::ptr::eq(self.node, self.root.node())
    }

    /// Entries in use, the root's among them, for tests of growth.
    #[cfg(test)]
    pub(super) fn live_entries(&self) -> usize {
        self.root.lock().live_entries()
    }

    /// Registered waiters of the whole tree, for tests.
    #[cfg(test)]
    pub(super) fn waiters(&self) -> usize {
        self.root.lock().waiters.len()
    }

    /// Reasons in use, for tests of growth.
    #[cfg(test)]
    pub(super) fn kept_reasons(&self) -> usize {
        self.root.lock().kept_reasons()
    }

    #[cfg(all(test, loom))]
    pub(super) fn root_for_models(&self) -> &'static Root {
        self.root
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn handles(&self) -> u32 {
        self.node.handles()
    }
}

impl Clone for Handle {
    #[inline]
    fn clone(&self) -> Self {
        self.node.refer();
        Self { node: self.node, root: self.root }
    }
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        if self.node.release() {
            self.root.leave(self.node);
        }
    }
}
