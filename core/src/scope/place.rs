//! Where a task runs, shared by all tasks of a loop and scope; and what is the task's own.

use super::Scope;
use crate::event::{HeldEvent, ShutdownEvent};
use crate::registry::{RecordAt, Slot};
use crate::sync::{Arc, OnceLock};

/// A loop and a scope behind one count, so that a task takes one and not two.
///
/// Aligned, so that threads which read it do not wait for those that count.
#[repr(align(128))]
pub(super) struct Place<L> {
    pub(super) handle: L,
    pub(super) scope: Arc<Scope>,
}

impl<L> Place<L> {
    pub(super) fn new(handle: L, scope: Arc<Scope>) -> Arc<Self> {
        Arc::new(Self { handle, scope })
    }

    #[inline]
    pub(super) fn record(&self, slot: Slot) -> RecordAt<'_> {
        RecordAt::new(self.scope.registry(), slot)
    }
}

/// Where a task runs, and what is its own; it lies in the tracked future, and the task's `Cx` borrows
/// it, so that neither counts the place once more.
pub(super) struct Post<L> {
    pub(super) place: Arc<Place<L>>,
    pub(super) own: Own,
}

impl<L> Post<L> {
    #[inline]
    pub(super) fn record(&self) -> RecordAt<'_> {
        self.place.record(self.own.slot)
    }
}

/// What is a task's own.
pub(super) struct Own {
    /// The tracked future's reference to the record, until it has settled.
    pub(super) slot: Slot,
    /// The event as this task sees it, once it has been asked for. Boxed: most tasks never ask, and
    /// this lies in each.
    event: OnceLock<Box<HeldEvent>>,
}

impl Own {
    pub(super) fn new(slot: Slot) -> Self {
        Self { slot, event: OnceLock::new() }
    }

    /// With an event of its own: of one attempt among several.
    pub(super) fn hearing(slot: Slot, event: ShutdownEvent) -> Self {
        Self { slot, event: OnceLock::from(Box::new(HeldEvent::new(event))) }
    }

    pub(super) fn event<L>(&self, place: &Place<L>) -> &ShutdownEvent {
        self.held(place).event()
    }

    pub(super) fn held<L>(&self, place: &Place<L>) -> &HeldEvent {
        self.event.get_or_init(|| {
            Box::new(HeldEvent::new(place.record(self.slot).event(place.scope.event())))
        })
    }
}
