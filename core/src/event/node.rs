//! One event of a tree: its flag, and how waiters come and go.

use std::task::{Poll, Waker};

use super::reason::{AlreadySet, Reason};
use super::tree::Tree;
use crate::roll_call::Waiting;
use crate::sync::{Arc, AtomicU32, Mutex, Ordering, lock};
use crate::waiters::{NIL, WakerId};
use crate::wake::wake_all_or_raise;

pub(super) struct Node {
    /// `UNSET`, or a code that finds the reason.
    state: AtomicU32,
    /// Where this event stands in its tree, while it is not set (tree, invariant 2).
    index: u32,
    tree: Arc<Mutex<Tree>>,
}

/// What a waiter remembers between polls.
pub(super) struct Registration {
    pub(super) key: u32,
    pub(super) waker: WakerId,
}

impl Registration {
    pub(super) const NONE: Self = Self { key: NIL, waker: WakerId::NONE };
}

impl Node {
    const UNSET: u32 = 0;
    /// The root was set; the reason is the tree's.
    pub(super) const SET_BY_ROOT: u32 = 1;
    /// This and higher: the reason is entry `code - SET_WITH_REASON` of the tree's list.
    pub(super) const SET_WITH_REASON: u32 = 2;

    pub(super) fn root() -> Arc<Self> {
        let tree = Arc::new(Mutex::new(Tree::default()));
        let shared = Arc::clone(&tree);
        lock(&tree).add(None, |index| Arc::new(Self::new(Self::UNSET, index, shared)))
    }

    fn new(state: u32, index: u32, tree: Arc<Mutex<Tree>>) -> Self {
        Self { state: AtomicU32::new(state), index, tree }
    }

    /// One load. Acquire pairs with the Release of `mark`: who sees the flag sees all that the
    /// setter did before.
    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.state.load(Ordering::Acquire) != Self::UNSET
    }

    /// Raises the flag. Release pairs with the Acquire of `is_set`.
    #[inline]
    pub(super) fn mark(&self, code: u32) {
        self.state.store(code, Ordering::Release);
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        if self.is_set() { self.first_reason(&lock(&self.tree)) } else { None }
    }

    pub(super) fn child(&self) -> Arc<Self> {
        let shared = Arc::clone(&self.tree);
        let mut tree = lock(&self.tree);
        // Checked under the lock that a setter holds while it takes entries out: a child is either
        // in the tree before the taking, and taken with it, or finds its result here.
        let code = self.state.load(Ordering::Acquire);
        if code != Self::UNSET {
            tree.share_reason(code);
            return Arc::new(Self::new(code, NIL, shared));
        }
        if tree.root_reason.is_some() {
            return Arc::new(Self::new(Self::SET_BY_ROOT, NIL, shared));
        }
        tree.add(Some(self.index), |index| Arc::new(Self::new(Self::UNSET, index, shared)))
    }

    pub(super) fn set(&self, reason: Reason) -> Result<(), AlreadySet> {
        let mut tree = lock(&self.tree);
        if let Some(first) = self.first_reason(&tree) {
            drop(tree);
            self.mark_if_unset();
            return Err(AlreadySet { first, yours: reason });
        }
        if self.index == Tree::ROOT {
            let taken = tree.take_root(reason);
            drop(tree);
            // Every flag before the first wake-up: who is woken finds the event set.
            let wakers = taken.mark_all();
            wake_all_or_raise(wakers);
        } else {
            let taken = tree.take_subtree(self.index, reason);
            drop(tree);
            drop(taken.nodes);
            wake_all_or_raise(taken.wakers);
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
        if me.key != NIL && me.waker == id {
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
        let mut tree = lock(&self.tree);
        if tree.root_reason.is_some() || self.is_set() {
            drop(tree);
            self.mark_if_unset();
            return Poll::Ready(());
        }
        let old = if me.key == NIL {
            me.key = tree.insert_waiter(self.index, waker);
            None
        } else {
            tree.waiters.replace(me.key, waker)
        };
        me.waker = id;
        drop(tree);
        drop(old);
        Waiting::answer(|| String::from("a shutdown event"));
        Poll::Pending
    }

    #[inline]
    pub(super) fn drop_wait(&self, me: &mut Registration) {
        if me.key != NIL && !self.is_set() {
            self.deregister(me);
        }
    }

    fn deregister(&self, me: &mut Registration) {
        let mut tree = lock(&self.tree);
        // Once set, the entry is gone and the key may name somebody else's.
        if tree.root_reason.is_some() || self.is_set() {
            return;
        }
        let waker = tree.remove_waiter(self.index, me.key);
        drop(tree);
        me.key = NIL;
        drop(waker);
    }

    pub(super) fn is_orphan(&self) -> bool {
        let tree = lock(&self.tree);
        !self.is_set()
            && tree.root_reason.is_none()
            && self.index != Tree::ROOT
            && !tree.has_live_ancestor(self.index)
    }

    /// The reason that stays, once this event or the root was set.
    fn first_reason(&self, tree: &Tree) -> Option<Reason> {
        tree.reason(self.state.load(Ordering::Acquire)).cloned()
    }

    /// The root is set and its setter has not come to this node yet: whoever was told so here must
    /// find `is_set` true from now on.
    fn mark_if_unset(&self) {
        if !self.is_set() {
            self.mark(Self::SET_BY_ROOT);
        }
    }

    /// Entries in use, the root's among them, for tests of growth.
    #[cfg(test)]
    pub(super) fn live_entries(&self) -> usize {
        lock(&self.tree).live_entries()
    }

    /// Registered waiters of the whole tree, for tests.
    #[cfg(test)]
    pub(super) fn waiters(&self) -> usize {
        lock(&self.tree).waiters.len()
    }

    /// Reasons in use, for tests of growth.
    #[cfg(test)]
    pub(super) fn kept_reasons(&self) -> usize {
        lock(&self.tree).kept_reasons()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Relaxed: whoever marked it held a handle, whose drop comes before this one.
        let state = self.state.load(Ordering::Relaxed);
        if state == Self::SET_BY_ROOT {
            return; // neither an entry nor a reason of its own
        }
        let mut tree = lock(&self.tree);
        if state == Self::UNSET {
            let weak = tree.bury(self.index, self);
            drop(tree);
            drop(weak);
        } else {
            let reason = tree.forget_reason(state);
            drop(tree);
            drop(reason);
        }
    }
}
