//! How a task comes into a registry.

use super::shard::{Came, Locked};
use super::{RecordAt, Registry, Slot, TaskRef, this_thread};
use crate::clock::Stamp;
use crate::sync::Arc;
use crate::task::{Entry, Flags, Name};

/// Why a task cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Closed,
    NameTaken,
    EmptyName,
}

impl Registry {
    /// Adds a live task, with a reference for the tracked future and one for the handle. Takes the
    /// name, unless it is refused. With `QUEUED` among the flags it may have to wait for its turn, if
    /// the scope has turns.
    pub(crate) fn register(
        self: &Arc<Self>,
        entry: &mut Entry,
        flags: u32,
    ) -> Result<Slot, Refused> {
        let may_wait = flags & Flags::QUEUED != 0 && self.has_turns();
        let flags = flags & !Flags::QUEUED;
        // A closure on a thread of its own is not seen to begin, nor is a scope. Before any lock: it
        // reads the clock.
        let is_unseen = flags & (Flags::BLOCKING | Flags::SCOPE) != 0;
        let since = if is_unseen { self.clock.stamp() } else { Stamp::NONE };
        let came = if may_wait {
            self.come_in_turn(entry, since, flags)?
        } else {
            self.come(entry, since, flags)?
        };
        if came.is_stopping || came.is_attended {
            self.tell_of(&came);
        }
        Ok(came.slot)
    }

    /// As `come`, of a task that may have to wait.
    #[cold]
    fn come_in_turn(
        self: &Arc<Self>,
        entry: &mut Entry,
        since: Stamp,
        flags: u32,
    ) -> Result<Came, Refused> {
        let Some(turns) = self.turns() else { return self.come(entry, since, flags) };
        let entrance = turns.enter();
        let came = self.come(entry, since, flags | entrance.flags())?;
        entrance.take(RecordAt::new(self, came.slot).id(), came.slot);
        Ok(came)
    }

    #[inline]
    fn come(&self, entry: &mut Entry, since: Stamp, flags: u32) -> Result<Came, Refused> {
        match &entry.name {
            None => self.come_unnamed(entry, since, flags),
            Some(_) => self.come_named(entry, since, flags),
        }
    }

    #[inline]
    fn come_unnamed(&self, entry: &mut Entry, since: Stamp, flags: u32) -> Result<Came, Refused> {
        let at = self.shards.place(this_thread());
        let mut shard = self.shards.at(at).lock();
        if shard.is_closed() {
            return Err(Refused::Closed);
        }
        Ok(shard.open(entry, since, flags))
    }

    #[inline]
    fn come_named(&self, entry: &mut Entry, since: Stamp, flags: u32) -> Result<Came, Refused> {
        let name = entry.name.as_ref().map_or(&[][..], Name::as_bytes);
        let (tag, mut shard) = self.lock_for(name)?;
        let Some(vacancy) = shard.vacancy(tag, name) else { return Err(Refused::NameTaken) };
        Ok(shard.open_named(entry, vacancy, since, flags))
    }

    /// Locks the shard of a name that is to come, and tells its tag.
    #[inline]
    pub(super) fn lock_for(&self, name: &[u8]) -> Result<(u32, Locked<'_>), Refused> {
        let (tag, at) = self.place_of(name);
        let shard = self.shards.at(at).lock();
        if shard.is_closed() {
            return Err(Refused::Closed);
        }
        if name.is_empty() {
            return Err(Refused::EmptyName);
        }
        Ok((tag, shard))
    }

    /// Tells of a task, which its loop has not been given yet, those who are to know.
    #[cold]
    pub(super) fn tell_of(self: &Arc<Self>, came: &Came) {
        if came.is_stopping {
            self.notify_all();
        }
        if came.is_attended && self.listener.hears() {
            self.listener.task_spawned(&TaskRef::new(RecordAt::new(self, came.slot).refer()));
        }
    }
}
