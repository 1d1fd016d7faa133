//! Tasks of a shard that wait for the name of another one.

use std::task::Waker;

use super::{Came, Inner, Locked, Reference, Slot, Word, is_live};
use crate::clock::Stamp;
use crate::task::{Entry, Flags};

impl Locked<'_> {
    /// As `open`, of a task whose name another one has.
    pub(in crate::registry) fn open_successor(
        &mut self,
        entry: &mut Entry,
        tag: u32,
        since: Stamp,
        flags: u32,
    ) -> Came {
        let flags = flags | Flags::QUEUED | Flags::ATTENDED | Flags::KEEPS;
        let came = self.open_tagged(entry, tag, since, flags);
        self.0.successors.push(came.slot.index());
        came
    }

    /// Who waits for the name of a task, in the order in which they came.
    fn successors_of(&self, index: u32) -> Vec<u32> {
        let Inner { slab, successors, .. } = &*self.0;
        let name = &slab.get(index).name;
        successors.iter().copied().filter(|&other| slab.get(other).name == *name).collect()
    }

    /// As `successors_of`, each with a reference more, and cancelled: none of them has the name from now
    /// on. The caller's cancel, which takes their wakers, follows (record, invariant 3).
    pub(in crate::registry) fn cancel_successors_of(&self, index: u32) -> Vec<Slot> {
        let words = self.successors_of(index).into_iter().map(|index| self.0.slab.word(index));
        let cancelled = |word: &&Word| word.change_if_live(Flags::CANCELLED, Reference::Counted);
        words.filter(cancelled).map(Slot::new).collect()
    }

    /// Gives the name of a task that ends to the first that waits for it, and takes its waker.
    #[cold]
    pub(super) fn pass_name_on(&mut self, index: u32) -> Option<Waker> {
        let next = self.successors_of(index);
        let Inner { slab, names, successors, .. } = &mut *self.0;
        if let Some(place) = successors.iter().position(|&other| other == index) {
            successors.remove(place); // it never had the name
            return None;
        }
        let is_cancelled = |other: u32| slab.word(other).read().is_cancelled();
        let heir = next.into_iter().find(|&other| !is_cancelled(other))?;
        successors.retain(|&other| other != heir);
        let tag = slab.get(heir).tag;
        let vacancy = names.room_for(tag, |it, tag| is_live(slab, it, tag));
        names.fill(vacancy, heir);
        slab.word(heir).lower(Flags::QUEUED);
        slab.get_mut(heir).take_waker()
    }
}
