//! Passes a stop on from one event to another, at once and without a task or thread that waits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Wake, Waker};

use super::{Reason, ShutdownEvent, WaitOwned};
use crate::sync::Arc;
use crate::wake::call_caught;

/// Calls what it was made with when its event is set, or has been; until it is dropped.
///
/// The call is a wake-up: made by whoever sets the event, with no lock held, and perhaps still under
/// way when others see the event set. So a drop calls too if the event is set: afterwards no set is
/// on its way. Two events may be linked both ways: setting the first sets the second, whose own link
/// finds the first set.
#[must_use = "it passes on only while this lives"]
pub(crate) struct Link {
    relay: Arc<Relay>,
    /// Registered with the relay as its waker. Dropping it takes the relay out again, and with it
    /// the event that the relay holds.
    _registered: WaitOwned,
}

impl Link {
    /// `to` may be called more than once, with the same reason.
    pub(crate) fn new(from: &ShutdownEvent, to: impl Fn(Reason) + Send + Sync + 'static) -> Self {
        let relay = Arc::new(Relay { from: from.clone(), to: Box::new(to) });
        let mut wait = from.wait_owned();
        let waker = Waker::from(Arc::clone(&relay));
        // Registered and looked at in one: a set that comes before is seen here, a later one wakes.
        if Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)).is_ready() {
            relay.pass_on();
        }
        Self { relay, _registered: wait }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.relay.pass_on();
    }
}

struct Relay {
    from: ShutdownEvent,
    to: Box<dyn Fn(Reason) + Send + Sync>,
}

impl Relay {
    fn pass_on(&self) {
        if let Some(reason) = self.from.reason() {
            // A waker that panics there is shown by the panic hook, and harms nobody here.
            let _ = call_caught(|| (self.to)(reason));
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.pass_on();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.pass_on();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn both_ways(first: &ShutdownEvent, second: &ShutdownEvent) -> [Link; 2] {
        let pass_to = |event: &ShutdownEvent| {
            let to = event.trigger();
            move |reason| drop(to.set(reason))
        };
        [Link::new(first, pass_to(second)), Link::new(second, pass_to(first))]
    }

    #[test]
    fn a_stop_passes_both_ways_with_its_reason() {
        for which in [0, 1] {
            let events = [ShutdownEvent::new(), ShutdownEvent::new()];
            let _links = both_ways(&events[0], &events[1]);
            assert!(events[which].trigger().set("set").is_ok());
            assert_eq!(events[1 - which].reason(), Some(Reason::from("set")));
        }
    }

    #[test]
    fn an_event_that_was_set_before_passes_it_on_at_once() {
        let (from, to) = (ShutdownEvent::new(), ShutdownEvent::new());
        assert!(from.trigger().set("before").is_ok());
        let _links = both_ways(&from, &to);
        assert_eq!(to.reason(), Some(Reason::from("before")));
    }

    #[test]
    fn an_event_may_be_linked_to_itself() {
        let event = ShutdownEvent::new();
        let _links = both_ways(&event, &event.clone());
        assert!(event.trigger().set("set").is_ok());
    }

    #[test]
    fn a_link_that_was_dropped_passes_nothing_on_and_keeps_nothing() {
        let (from, to) = (ShutdownEvent::new(), ShutdownEvent::new());
        drop(both_ways(&from, &to));
        assert_eq!(from.0.handles(), 1);
        assert!(from.trigger().set("set").is_ok());
        assert!(!to.is_set());
    }
}
