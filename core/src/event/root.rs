//! `Root`: where a tree of events lies, with its lock; and who tells that it has gone.
//!
//! It is leaked and used again through a pool, as its nodes are: so a handle counts nothing but its own
//! node, and a child takes no memory of its own. A tree has gone when the last handle of the last of its
//! nodes has. How many have one is known under the lock; once the root is set, when all of them may go at
//! once, it is an atomic count.

use std::task::Waker;

use super::nodes::Node;
use super::reason::Reason;
use super::tree::{Gone, Tree};
use crate::pool::Pool;
use crate::sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock};

/// Roots of trees that are gone.
static ROOTS: Pool<Root> = Pool::new();

pub(super) struct Root {
    node: Apart<Node>,
    behind: Apart<Behind>,
}

/// What its threads change while they read the flag.
struct Behind {
    tree: Mutex<Tree>,
    /// How many nodes have handles, once the root is set.
    left: AtomicU32,
}

/// In a line of the cache of its own.
#[repr(align(64))]
struct Apart<T>(T);

impl Root {
    /// With a first handle of its node.
    pub(super) fn take() -> &'static Self {
        let root = ROOTS.take(Self::fresh);
        root.node.0.open();
        root.lock().add_root();
        root
    }

    fn fresh() -> Self {
        let behind = Behind { tree: Mutex::new(Tree::default()), left: AtomicU32::new(0) };
        Self { node: Apart(Node::default()), behind: Apart(behind) }
    }

    #[inline]
    pub(super) fn node(&self) -> &Node {
        &self.node.0
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Tree> {
        lock(&self.behind.0.tree)
    }

    /// Sets the root, if it is not set, for who holds it: returns who is to be woken.
    ///
    /// Every flag before the first wake-up: who is woken finds the event set.
    pub(super) fn set(
        &self,
        mut tree: MutexGuard<'_, Tree>,
        reason: Reason,
    ) -> impl Iterator<Item = Waker> + use<> {
        // Who sees a flag that is raised by the root, or the reason under the lock, finds this count.
        self.behind.0.left.store(tree.count(), Ordering::Relaxed);
        let mut taken = tree.take_root(reason);
        drop(tree);
        self.node().mark_by_root();
        taken.mark_nodes();
        // No node is used again meanwhile: the tree stays while the setter has a handle.
        self.lock().put_back(&mut taken);
        taken.into_wakers()
    }

    /// Notes that the last handle of a node is gone.
    #[inline]
    pub(super) fn leave(&'static self, node: &Node) {
        if node.state() == Node::SET_BY_ROOT {
            self.leave_set();
            return;
        }
        // Looked at once more under the lock: a setter may have come to it meanwhile.
        let (gone, reason) = self.lock().leave(node);
        drop(reason);
        match gone {
            Gone::Node => {}
            Gone::Last => self.give_back(),
            Gone::OfSetRoot => self.leave_set(),
        }
    }

    /// AcqRel: the last one sees what all others did.
    fn leave_set(&'static self) {
        if self.behind.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.give_back();
        }
    }

    /// Whether its tree has gone, and no other is in its place.
    #[cfg(all(test, loom))]
    pub(super) fn is_given_back(&self) -> bool {
        self.lock().is_empty()
    }

    #[cold]
    fn give_back(&'static self) {
        let gone = std::mem::take(&mut *self.lock());
        drop(gone);
        ROOTS.give_back([self]);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::BTreeSet;

    use super::super::ShutdownEvent;
    use super::*;
    use crate::sync::CHUNK;

    #[test]
    fn trees_that_come_and_go_are_few_and_come_unset() {
        let mut addresses = BTreeSet::new();
        for turn in 0..10_000 {
            let root = Root::take();
            addresses.insert(std::ptr::from_ref(root).addr());
            assert!(!root.node().is_set() && !root.lock().is_root_set());
            let below = root.lock().add_below(Tree::ROOT);
            if turn % 2 == 0 {
                assert_eq!(root.set(root.lock(), Reason::Requested).count(), 0);
            }
            for node in [below, root.node()] {
                assert!(node.release());
                root.leave(node);
            }
        }
        assert!(addresses.len() < 5_000, "{}", addresses.len());
    }

    #[test]
    fn an_event_that_comes_after_another_is_not_set_whatever_was_before_in_its_place() {
        for which in [0, 1, 2 * CHUNK as usize] {
            let root = ShutdownEvent::new();
            let events = (0..3 * CHUNK).map(|_| root.child()).collect::<Vec<_>>();
            assert!(!root.is_set() && !events.iter().any(ShutdownEvent::is_set));
            let set = if which == 0 { &root } else { &events[which] };
            assert!(set.trigger().set("set").is_ok());
            assert_eq!(events.iter().filter(|event| event.is_set()).count() > 1, which == 0);
            let born = root.child();
            assert_eq!(born.is_set(), which == 0);
        }
    }
}
