//! Stores wakers: a slab of linked lists that hands them back to its caller and never wakes.
//!
//! The caller holds a lock around every call, so nothing here may run foreign code. A waker comes in
//! already cloned and leaves by value: cloning, waking and dropping it is for after the unlock.

use std::task::{RawWakerVTable, Waker};

/// No entry.
pub(crate) const NIL: u32 = u32::MAX;

/// Many lists of wakers in one slab; a list is named by its head, which its owner keeps.
#[derive(Default)]
pub(crate) struct Waiters {
    entries: Vec<Entry>,
    free: Head,
}

/// The first entry of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head(u32);

impl Default for Head {
    fn default() -> Self {
        Self(NIL)
    }
}

struct Entry {
    waker: Option<Waker>,
    prev: u32,
    /// In a free entry: the next free one.
    next: u32,
}

impl Waiters {
    /// Puts a waker at the front of a list and returns its key.
    #[inline]
    pub(crate) fn insert(&mut self, head: &mut Head, waker: Waker) -> u32 {
        let entry = Entry { waker: Some(waker), prev: NIL, next: head.0 };
        let key = if self.free.0 == NIL {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        } else {
            let key = self.free.0;
            self.free.0 = self.entries[key as usize].next;
            self.entries[key as usize] = entry;
            key
        };
        if head.0 != NIL {
            self.entries[head.0 as usize].prev = key;
        }
        head.0 = key;
        key
    }

    /// Swaps the waker of a registered entry; the old one is for the caller to drop.
    pub(crate) fn replace(&mut self, key: u32, waker: Waker) -> Option<Waker> {
        self.entries[key as usize].waker.replace(waker)
    }

    /// Whether a registered entry has this waker.
    pub(crate) fn will_wake(&self, key: u32, waker: &Waker) -> bool {
        self.entries[key as usize].waker.as_ref().is_some_and(|own| own.will_wake(waker))
    }

    /// Takes one entry out of its list.
    #[inline]
    pub(crate) fn remove(&mut self, head: &mut Head, key: u32) -> Option<Waker> {
        let Entry { prev, next, .. } = self.entries[key as usize];
        if prev == NIL {
            head.0 = next;
        } else {
            self.entries[prev as usize].next = next;
        }
        if next != NIL {
            self.entries[next as usize].prev = prev;
        }
        self.release(key)
    }

    /// Takes the waker of a list that has one entry; leaves a longer list as it is.
    #[inline]
    pub(crate) fn take_single(&mut self, head: &mut Head) -> Option<Waker> {
        let key = head.0;
        if key == NIL || self.entries[key as usize].next != NIL {
            return None;
        }
        head.0 = NIL;
        self.release(key)
    }

    /// Moves every waker of a list to `out` and leaves the list empty.
    #[inline]
    pub(crate) fn drain(&mut self, head: &mut Head, out: &mut impl Extend<Waker>) {
        let mut key = std::mem::take(head).0;
        while key != NIL {
            let next = self.entries[key as usize].next;
            out.extend(self.release(key));
            key = next;
        }
    }

    /// Takes every waker of every list at once, in constant time.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(self).entries.into_iter().filter_map(|entry| entry.waker)
    }

    /// How many wakers are registered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.waker.is_some()).count()
    }

    /// How many entries were ever live at once.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn capacity(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    fn release(&mut self, key: u32) -> Option<Waker> {
        let entry = &mut self.entries[key as usize];
        entry.next = self.free.0;
        self.free.0 = key;
        entry.waker.take()
    }
}

/// Wakers that were taken out of their lists; one, which is the rule, needs no allocation.
#[derive(Default)]
#[must_use = "these are to be woken, after the unlock"]
pub(crate) struct Taken {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Taken {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl Extend<Waker> for Taken {
    fn extend<W: IntoIterator<Item = Waker>>(&mut self, wakers: W) {
        for waker in wakers {
            match self.first {
                None => self.first = Some(waker),
                Some(_) => self.more.push(waker),
            }
        }
    }
}

impl IntoIterator for Taken {
    type Item = Waker;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Waker>, std::vec::IntoIter<Waker>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}

/// Room for the one waker of a tracked future.
#[derive(Default)]
pub(crate) struct WakerSlot(Option<Waker>);

impl WakerSlot {
    pub(crate) fn replace(&mut self, waker: Waker) -> Option<Waker> {
        self.0.replace(waker)
    }

    pub(crate) fn take(&mut self) -> Option<Waker> {
        self.0.take()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// Names a registered waker, so that a re-poll with the same one needs no lock.
///
/// Comparing is sound while the registered waker is alive: its data pointer cannot be reused before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct WakerId(usize, usize);

impl WakerId {
    pub(crate) const NONE: Self = Self(0, 0);

    pub(crate) fn of(waker: &Waker) -> Self {
        Self(waker.data() as usize, std::ptr::from_ref::<RawWakerVTable>(waker.vtable()) as usize)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_released_entry_is_used_again() {
        let (mut waiters, mut head) = (Waiters::default(), Head::default());
        for _ in 0..1000 {
            let key = waiters.insert(&mut head, Waker::noop().clone());
            assert!(waiters.remove(&mut head, key).is_some());
        }
        assert_eq!(waiters.capacity(), 1);
    }

    #[test]
    fn a_list_of_one_is_taken_and_a_longer_one_is_not() {
        let (mut waiters, mut head) = (Waiters::default(), Head::default());
        assert!(waiters.take_single(&mut head).is_none());
        let first = waiters.insert(&mut head, Waker::noop().clone());
        waiters.insert(&mut head, Waker::noop().clone());
        assert!(waiters.take_single(&mut head).is_none());
        assert!(waiters.remove(&mut head, first).is_some());
        assert!(waiters.take_single(&mut head).is_some());
        assert!(head == Head::default() && waiters.len() == 0);
    }

    #[test]
    fn lists_in_one_slab_do_not_mix() {
        let mut waiters = Waiters::default();
        let (mut a, mut b) = (Head::default(), Head::default());
        let first = waiters.insert(&mut a, Waker::noop().clone());
        let middle = waiters.insert(&mut a, Waker::noop().clone());
        waiters.insert(&mut b, Waker::noop().clone());
        waiters.insert(&mut a, Waker::noop().clone());
        assert!(waiters.remove(&mut a, middle).is_some());
        assert!(waiters.remove(&mut a, first).is_some());
        let mut taken = Taken::default();
        waiters.drain(&mut a, &mut taken);
        assert_eq!(taken.into_iter().count(), 1);
        assert_eq!(waiters.take_all().count(), 1);
    }
}
