//! loom models of two who set how many finished tasks a registry keeps.
//!
//! Each names the bug that was planted to see it fail.

use loom::thread;

use super::{Nobody, RecordAt, RecordRef, Registry, Slot, entry, registry};
use crate::sync::Arc;
use crate::task::Flags;

/// A task comes, ends, and is let go.
fn come_and_go(registry: &Arc<Registry>) {
    let slot: Slot = registry.register(&mut entry(None), Flags::HANDLE).ok().unwrap();
    RecordAt::new(registry, slot).complete();
    drop(RecordRef::new(Arc::clone(registry), slot));
}

/// Caught: `keep_finished` that lets go of the shards before it takes the lock of what is kept, so that
/// the limit is one call's and the flags of who comes are the other's.
#[test]
fn of_two_who_say_how_many_are_kept_one_has_the_last_word() {
    loom::model(|| {
        let registry = registry(Arc::new(Nobody), Arc::default());
        let keeper = Arc::clone(&registry);
        let thread = thread::spawn(move || keeper.keep_finished(1));
        registry.keep_finished(0);
        thread.join().unwrap();
        come_and_go(&registry);
        assert_eq!(registry.finished().len(), registry.kept_limit());
    });
}
