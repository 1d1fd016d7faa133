//! How a task comes into a registry.

use super::shard::{Came, Locked};
use super::{RecordAt, Registry, Slot, TaskRef};
use crate::clock::Stamp;
use crate::sync::Arc;
use crate::task::{Entry, Flags, Name};

/// A closure on a thread of its own is not seen to begin, nor is a scope.
const UNSEEN: u32 = Flags::BLOCKING | Flags::SCOPE;

/// Why a task cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NameTaken,
    Barred(Barred),
}

/// Why a task cannot be registered, whoever has its name.
///
/// As large as a slot, so that either comes back in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Barred {
    Closed,
    EmptyName,
}

impl From<Barred> for Refused {
    fn from(barred: Barred) -> Self {
        Self::Barred(barred)
    }
}

impl Registry {
    /// Adds a live task, with a reference for the tracked future and one for the handle. Takes the
    /// name, unless it is refused. With `QUEUED` among the flags it may have to wait for its turn, if
    /// the scope has turns.
    #[inline]
    pub(crate) fn register(
        self: &Arc<Self>,
        entry: &mut Entry,
        flags: u32,
    ) -> Result<Slot, Refused> {
        if flags & UNSEEN != 0 || (flags & Flags::QUEUED != 0 && self.has_turns()) {
            return self.come_in_turn(entry, flags);
        }
        let flags = flags & !Flags::QUEUED;
        match &entry.name {
            None => self.come_unnamed(entry, flags),
            Some(_) => self.come_named(entry, flags),
        }
    }

    fn come_unnamed(self: &Arc<Self>, entry: &mut Entry, flags: u32) -> Result<Slot, Refused> {
        let came = self.open_unnamed(entry, Stamp::NONE, flags)?;
        Ok(self.told_of(&came))
    }

    fn come_named(self: &Arc<Self>, entry: &mut Entry, flags: u32) -> Result<Slot, Refused> {
        let came = self.open_named(entry, Stamp::NONE, flags)?;
        Ok(self.told_of(&came))
    }

    /// As those, of a task that may have to wait, or whose age counts from now on.
    #[cold]
    fn come_in_turn(self: &Arc<Self>, entry: &mut Entry, flags: u32) -> Result<Slot, Refused> {
        // Before any lock.
        let since = self.since(flags);
        let turns = self.turns().filter(|_| flags & Flags::QUEUED != 0);
        let flags = flags & !Flags::QUEUED;
        let open = |entry: &mut Entry, flags| match &entry.name {
            None => self.open_unnamed(entry, since, flags),
            Some(_) => self.open_named(entry, since, flags),
        };
        let came = match turns {
            None => open(entry, flags)?,
            Some(turns) => {
                let entrance = turns.enter();
                let came = open(entry, flags | entrance.flags())?;
                entrance.take(RecordAt::new(self, came.slot).id(), came.slot);
                came
            }
        };
        Ok(self.told_of(&came))
    }

    /// From when the age of a task counts that is about to come. Reads the clock.
    pub(super) fn since(&self, flags: u32) -> Stamp {
        if flags & UNSEEN != 0 { self.clock.stamp() } else { Stamp::NONE }
    }

    // In each caller: as a result of its own it would be stored and loaded again in other pieces.
    #[inline(always)]
    fn open_unnamed(&self, entry: &mut Entry, since: Stamp, flags: u32) -> Result<Came, Refused> {
        let mut shard = self.shards.at(self.shard).lock();
        if shard.is_closed() {
            return Err(Barred::Closed.into());
        }
        Ok(shard.open(entry, since, flags))
    }

    #[inline(always)]
    fn open_named(&self, entry: &mut Entry, since: Stamp, flags: u32) -> Result<Came, Refused> {
        let name = entry.name.as_ref().map_or(&[][..], Name::as_bytes);
        let (tag, mut shard) = self.lock_for(name)?;
        let Some(vacancy) = shard.vacancy(tag, name) else { return Err(Refused::NameTaken) };
        Ok(shard.open_named(entry, vacancy, since, flags))
    }

    /// Locks the shard of a name that is to come, and tells its tag.
    #[inline(always)] // as above
    pub(super) fn lock_for(&self, name: &[u8]) -> Result<(u32, Locked<'_>), Barred> {
        let (tag, at) = self.place_of(name);
        let shard = self.shards.at(at).lock();
        if shard.is_closed() {
            return Err(Barred::Closed);
        }
        if name.is_empty() {
            return Err(Barred::EmptyName);
        }
        Ok((tag, shard))
    }

    /// The slot of a task, which its loop has not been given yet, and of which those have heard who are
    /// to know.
    #[inline(always)]
    pub(super) fn told_of(self: &Arc<Self>, came: &Came) -> Slot {
        if came.is_stopping || came.is_attended {
            self.tell_of(came);
        }
        came.slot
    }

    #[cold]
    fn tell_of(self: &Arc<Self>, came: &Came) {
        if came.is_stopping {
            self.notify_of(RecordAt::new(self, came.slot));
        }
        if came.is_attended && self.listener.hears() {
            self.listener.task_spawned(&TaskRef::new(RecordAt::new(self, came.slot).refer()));
        }
    }
}
