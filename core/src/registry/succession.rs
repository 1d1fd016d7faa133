//! A task that is to have the name of another one: it waits until that one is gone.
//!
//! It is a live task of the registry from the first moment on, so that a stop waits for it and it can
//! be cancelled; the index of names does not know it before its turn. Its turn comes in the locked
//! section in which the one before it settles, so that nobody can take the name between the two. It
//! comes in one in which those that wait already are cancelled, so that none of them ever has the
//! name: when whoever has it is gone, it is the last one's, unless that was cancelled, too.

use super::{Barred, RecordRef, Registry, Slot};
use crate::sync::Arc;
use crate::task::{Entry, Flags, Name};
use crate::wake::{Payload, call_caught};

/// What a successor finds.
pub(crate) struct Succession {
    pub(crate) slot: Slot,
    /// Who has the name; `None`: nobody had, and it is the successor's already.
    pub(crate) holder: Option<RecordRef>,
    /// Those that waited for the name before, and never have it.
    waiting: Vec<RecordRef>,
}

impl Registry {
    /// Adds a live task that takes its name when whoever has it is gone; `cancel_others` has to follow.
    pub(crate) fn register_successor(
        self: &Arc<Self>,
        entry: &mut Entry,
        flags: u32,
    ) -> Result<Succession, Barred> {
        let since = self.since(flags);
        let name = entry.name.as_ref().map_or(&[][..], Name::as_bytes);
        let (tag, mut shard) = self.lock_for(name)?;
        // From now on the holder settles under this lock, and so passes the name on.
        let holder = shard.find(tag, name, Flags::ATTENDED);
        let waiting =
            holder.map_or_else(Vec::new, |holder| shard.cancel_successors_of(holder.index()));
        let came = match holder {
            Some(_) => shard.open_successor(entry, tag, since, flags),
            None => {
                let vacancy = shard.room_for(tag);
                shard.open_named(entry, vacancy, since, flags)
            }
        };
        drop(shard);
        let slot = self.told_of(&came);
        let refer = |slot| RecordRef::new(Arc::clone(self), slot);
        let waiting = waiting.into_iter().map(refer).collect();
        Ok(Succession { slot, holder: holder.map(refer), waiting })
    }
}

impl Succession {
    /// Has all that came before dropped, each under a guard; the first panic of a waker comes back.
    pub(crate) fn cancel_others(&self) -> Result<(), Payload> {
        let mut first = Ok(());
        for record in self.holder.iter().chain(&self.waiting) {
            let cancelled = call_caught(|| record.cancel()).map(drop);
            first = first.and(cancelled);
        }
        first
    }
}
