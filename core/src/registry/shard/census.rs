//! Who lives in a shard, and what is wanted of all of them.

use super::{Locked, Reference, Slot, Word};
use crate::task::{Flags, Record};

impl Locked<'_> {
    /// Every live task with its place, and a reference more; from now on they are attended to, and
    /// listed.
    pub(in crate::registry) fn list_live(&mut self, mut each: impl FnMut(Slot, &mut Record)) {
        for index in self.0.slab.indices() {
            let word = self.0.slab.word(index);
            let listed = Flags::ATTENDED | Flags::LISTED;
            if word.change_if_live(listed, Reference::Counted) {
                each(Slot::new(word), self.record(index));
            }
        }
    }

    /// Raises flags in every live task, each of which is attended to, and in all that come.
    pub(in crate::registry) fn raise_in_all(&mut self, bits: u32) {
        self.0.raised |= bits | Flags::ATTENDED;
        for index in self.0.slab.indices() {
            self.attend_if_live(index, bits);
        }
    }

    /// No longer raises these in who comes.
    pub(in crate::registry) fn raise_no_more(&mut self, bits: u32) {
        self.0.raised &= !bits;
    }

    /// Has the task settle under this lock from now on, if it lives. A task lives from its
    /// registration until it has settled.
    fn attend_if_live(&self, index: u32, bits: u32) -> bool {
        let word = self.0.slab.word(index);
        word.change_if_live(Flags::ATTENDED | bits, Reference::NotCounted)
    }

    pub(in crate::registry) fn live(&self) -> usize {
        if self.0.watched {
            return self.0.live;
        }
        let is_live = |index: &u32| self.0.slab.word(*index).read().is_live();
        self.0.slab.indices().filter(is_live).count()
    }

    pub(in crate::registry) fn opened(&self) -> u64 {
        self.0.opened
    }

    /// Tells whether the stop begins now.
    pub(in crate::registry) fn begin_stop(&mut self) -> bool {
        !std::mem::replace(&mut self.0.stopping, true)
    }

    /// The live tasks that were not asked to stop, each with a reference more.
    pub(in crate::registry) fn refer_unstopped(&mut self) -> Vec<Slot> {
        let words = self.0.slab.indices().map(|index| self.0.slab.word(index));
        let is_unstopped = |word: &&Word| {
            !word.read().is_stopped() && word.change_if_live(Flags::ATTENDED, Reference::Counted)
        };
        words.filter(is_unstopped).map(Slot::new).collect()
    }

    /// Has the scope be busy until the observers have heard of an end.
    pub(in crate::registry) fn begin_telling(&mut self) {
        self.0.telling += 1;
    }

    pub(in crate::registry) fn end_telling(&mut self) {
        self.0.telling -= 1;
    }

    pub(in crate::registry) fn is_busy(&self) -> bool {
        self.0.telling > 0 || self.live() > 0
    }

    pub(in crate::registry) fn is_watched(&self) -> bool {
        self.0.watched
    }

    /// Counts from now on.
    pub(in crate::registry) fn watch(&mut self) {
        if !self.0.watched {
            let live = self.0.slab.indices().filter(|index| self.attend_if_live(*index, 0));
            self.0.live = live.count();
            self.0.watched = true;
        }
    }

    pub(in crate::registry) fn unwatch(&mut self) {
        self.0.watched = false;
    }
}
