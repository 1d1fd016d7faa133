//! loom models of two who set how many finished tasks a registry keeps.
//!
//! Each names the bug that was planted to see it fail.

use std::panic::Location;
use std::time::Instant;

use loom::thread;

use super::{Failures, Nobody, RecordAt, RecordRef, Registry, Slot};
use crate::clock::Clock;
use crate::event::ShutdownEvent;
use crate::polls::Polls;
use crate::still::Still;
use crate::sync::Arc;
use crate::task::{Entry, Flags, Grace, Name};

fn registry() -> Arc<Registry> {
    let clock = Clock::of(&Still(Instant::now()));
    let stop = ShutdownEvent::new().trigger();
    let (failures, polls) = <(Arc<Failures>, Arc<Polls>)>::default();
    Registry::new(Name::from(""), failures, clock, stop, Arc::new(Nobody), polls)
}

/// A task comes, ends, and is let go.
fn come_and_go(registry: &Arc<Registry>) {
    let mut entry = Entry { name: None, spawned_at: Location::caller(), grace: Grace::DEFAULT };
    let slot: Slot = registry.register(&mut entry, Flags::HANDLE).ok().unwrap();
    RecordAt::new(registry, slot).complete();
    drop(RecordRef::new(Arc::clone(registry), slot));
}

/// Caught: `keep_finished` that lets go of the shards before it takes the lock of what is kept, so that
/// the limit is one call's and the flags of who comes are the other's.
#[test]
fn of_two_who_say_how_many_are_kept_one_has_the_last_word() {
    loom::model(|| {
        let registry = registry();
        let keeper = Arc::clone(&registry);
        let thread = thread::spawn(move || keeper.keep_finished(1));
        registry.keep_finished(0);
        thread.join().unwrap();
        come_and_go(&registry);
        assert_eq!(registry.finished().len(), registry.kept_limit());
    });
}
