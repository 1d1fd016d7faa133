//! A task that is to have the name of another one: it waits until that one is gone.
//!
//! It is a live task of the registry from the first moment on, so that a stop waits for it and it can
//! be cancelled; the index of names does not know it before its turn. Its turn comes in the locked
//! section in which the one before it settles, so that nobody can take the name between the two.

use super::{RecordRef, Refused, Registry, Slot, this_thread};
use crate::clock::Stamp;
use crate::sync::Arc;
use crate::task::{Entry, Name, TaskId};
use crate::wake::{Payload, call_caught};

/// What a successor finds.
pub(crate) struct Succession {
    pub(crate) slot: Slot,
    /// Who has the name; `None`: nobody had, and it is the successor's already.
    pub(crate) holder: Option<RecordRef>,
    /// Those that waited for the name before.
    waiting: Vec<RecordRef>,
}

impl Registry {
    /// Adds a live task that takes its name when whoever has it is gone.
    pub(crate) fn register_successor(
        self: &Arc<Self>,
        entry: &mut Entry,
        flags: u32,
    ) -> Result<Succession, Refused> {
        let id = TaskId::unique();
        let (tag, at) = match &entry.name {
            Some(name) => self.place_of(name.as_bytes()),
            None => (0, self.shards.place(this_thread())),
        };
        let mut shard = self.shards.at(at).lock();
        let mut holder = None;
        match super::refusal(&shard, tag, entry) {
            None => {}
            Some(Refused::NameTaken) => {
                holder = entry.name.as_ref().and_then(|name| shard.find(tag, name.as_bytes()));
            }
            Some(why) => return Err(why),
        }
        let waiting = holder.map_or_else(Vec::new, |holder| shard.successors_of(holder));
        for &index in holder.iter().chain(&waiting) {
            shard.refer(index);
        }
        let index = match holder {
            Some(_) => shard.open_successor(id, entry, tag, flags),
            None => {
                let name = entry.name.as_ref().map_or(&[][..], Name::as_bytes);
                match shard.vacancy(tag, name) {
                    Some(vacancy) => shard.open_named(id, entry, vacancy, Stamp::NONE, flags),
                    None => return Err(Refused::NameTaken), // nobody has it: see above
                }
            }
        };
        let is_stopping = shard.is_stopping();
        drop(shard);
        if is_stopping {
            self.notify_all();
        }
        if !self.observers.is_empty() {
            self.tell_spawned(Slot::new(at, index));
        }
        let refer = |index| RecordRef::new(Arc::clone(self), Slot::new(at, index));
        let waiting = waiting.into_iter().map(refer).collect();
        Ok(Succession { slot: Slot::new(at, index), holder: holder.map(refer), waiting })
    }
}

impl Succession {
    /// Cancels all that came before, each under a guard; the first panic of a waker comes back.
    pub(crate) fn cancel_others(&self) -> Result<(), Payload> {
        let mut first = Ok(());
        for record in self.holder.iter().chain(&self.waiting) {
            let cancelled = call_caught(|| record.cancel()).map(drop);
            first = first.and(cancelled);
        }
        first
    }
}
