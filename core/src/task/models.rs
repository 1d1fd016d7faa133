//! loom models of a record: cancel, settle and the handle's drop, in every order of two threads.
//!
//! Each names the bug that was planted to see it fail.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::thread;

use super::record::{Flags, Registration};
use super::{Failure, Outcome};
use crate::counted::{Count, poll};
use crate::event::ShutdownEvent;
use crate::registry::{
    Failures, FirstPoll, Nobody, RecordAt, RecordRef, Registry, Slot, TaskRef, entry, registry,
};
use crate::sync::Arc;

/// The two who refer to a task at first, as in `scope`: its handle, and its tracked future.
struct Spawned {
    handle: RecordRef,
    slot: Slot,
}

impl Spawned {
    fn tracked(&self) -> Tracked {
        Tracked(Arc::clone(self.handle.registry()), self.slot)
    }
}

struct Tracked(Arc<Registry>, Slot);

impl Tracked {
    fn at(&self) -> RecordAt<'_> {
        RecordAt::new(&self.0, self.1)
    }

    fn settle(self) {
        self.at().settle(Outcome::LoopClosed);
    }

    fn complete(self) {
        self.at().complete();
    }
}

fn unheard(failures: &Arc<Failures>) -> Arc<Registry> {
    registry(Arc::new(Nobody), Arc::clone(failures))
}

fn open(registry: &Arc<Registry>) -> Spawned {
    let slot = registry.register(&mut entry(None), Flags::HANDLE).ok().unwrap();
    Spawned { handle: RecordRef::new(Arc::clone(registry), slot), slot }
}

fn record() -> Spawned {
    open(&unheard(&Arc::default()))
}

/// What the tracked future does at the end of a poll: store, then look. Tells whether it ends.
///
/// A copy of the order in `scope/tracked.rs`, which the models do not run.
fn park(record: RecordAt<'_>, waker: Waker) -> bool {
    record.store_waker(waker, FirstPoll::Yes);
    record.flags().must_end()
}

/// Caught: `demand_alone_under` that takes the waker before it raises its flag.
#[test]
fn park_and_cancel() {
    loom::model(|| {
        let spawned = record();
        let tracked = spawned.tracked();
        let thread = thread::spawn(move || assert!(spawned.handle.cancel()));
        let (count, waker) = Count::new();
        let has_ended = park(tracked.at(), waker);
        thread.join().unwrap();
        assert!(has_ended || count.get() == 1, "the cancel reaches a task that waits");
        assert!(tracked.at().flags().must_end());
    });
}

/// Caught: a `must_end` that does not let `FORCED` through; and, planted in `park` above, a look
/// before the store.
#[test]
fn park_in_a_protected_block_and_force_after_cancel() {
    loom::model(|| {
        let spawned = record();
        let tracked = spawned.tracked();
        tracked.at().protect();
        let thread = thread::spawn(move || {
            assert!(spawned.handle.cancel());
            assert!(spawned.handle.force());
        });
        let (first, waker) = Count::new();
        let mut has_ended = park(tracked.at(), waker);
        let (second, waker) = Count::new();
        // The cancel took the first waker; the next poll stores another.
        let polled_again = !has_ended && first.get() > 0;
        if polled_again {
            has_ended = park(tracked.at(), waker);
        }
        thread.join().unwrap();
        let woken = if polled_again { second.get() } else { first.get() };
        assert!(has_ended || woken == 1);
    });
}

/// Caught: `finish` that looks for the handle in a locked section before the one of its outcome.
#[test]
fn settle_and_drop_of_the_handle_report_once() {
    loom::model(|| {
        let failures = Arc::<Failures>::default();
        let spawned = open(&unheard(&failures));
        let tracked = spawned.tracked();
        let thread = thread::spawn(move || {
            if spawned.handle.at().drop_handle() {
                spawned.handle.registry().report(&spawned.handle);
            }
            assert!(!spawned.handle.at().drop_handle(), "and only once");
        });
        tracked.at().settle(Outcome::Failed(Failure::new("an error".into())));
        thread.join().unwrap();
        assert_eq!(failures.take().0.len(), 1, "exactly one reports");
    });
}

/// Caught: `finish` that takes the waiters in a locked section before the one of its outcome; and
/// `poll_finished` that does not look again when it has locked.
#[test]
fn settle_and_wait_for_the_end() {
    loom::model(|| {
        let spawned = record();
        let tracked = spawned.tracked();
        let thread = thread::spawn(move || tracked.settle());
        let (count, waker) = Count::new();
        let mut me = Registration::NONE;
        let was_pending = spawned.handle.at().poll_finished(&mut me, &waker).is_pending();
        thread.join().unwrap();
        assert_eq!(count.get(), usize::from(was_pending));
        let ended = spawned.handle.at().poll_finished(&mut me, &waker);
        assert!(matches!(ended, Poll::Ready(Outcome::LoopClosed)));
    });
}

/// Caught: `remove_waiter` that removes its key though settling has taken it, so that it is free
/// twice.
#[test]
fn settle_and_drop_of_a_wait() {
    loom::model(|| {
        let spawned = record();
        let (count, waker) = Count::new();
        let mut me = Registration::NONE;
        assert!(spawned.handle.at().poll_finished(&mut me, &waker).is_pending());
        let tracked = spawned.tracked();
        let thread = thread::spawn(move || tracked.settle());
        spawned.handle.at().forget_waiter(&mut me);
        thread.join().unwrap();
        assert!(count.get() <= 1);
        // In its next life the record has room for each of two.
        let registry = Arc::clone(spawned.handle.registry());
        drop(spawned);
        let spawned = open(&registry);
        let mut waits = [(); 2].map(|()| (Registration::NONE, Count::new()));
        for (me, (_, waker)) in &mut waits {
            assert!(spawned.handle.at().poll_finished(me, waker).is_pending());
        }
        spawned.tracked().settle();
        assert!(waits.iter().all(|(_, (count, _))| count.get() == 1));
    });
}

/// Caught: `event` that looks at the flag before it publishes the event.
#[test]
fn stop_and_first_look_at_the_event() {
    loom::model(|| {
        let spawned = record();
        let tracked = spawned.tracked();
        let scope = ShutdownEvent::new();
        let thread = thread::spawn(move || {
            assert!(spawned.handle.at().stop(crate::event::Reason::Requested));
        });
        let event = tracked.at().event(&scope);
        thread.join().unwrap();
        assert!(event.is_set() && !scope.is_set());
    });
}

/// The flags say `Completed` to a handle that takes no lock: then the value is there.
///
/// Caught: a `Word` that reads, or writes, `Relaxed`.
#[test]
fn completion_is_seen_without_a_lock_after_what_led_to_it() {
    loom::model(|| {
        let spawned = record();
        let tracked = spawned.tracked();
        let value = Arc::new(loom::cell::UnsafeCell::new(0));
        let read = Arc::clone(&value);
        let thread = thread::spawn(move || {
            // A look, not `poll_finished`: that locks when it finds nothing.
            if spawned.handle.flags().is_completed() {
                read.with(|_| ());
            }
        });
        value.with_mut(|_| ());
        tracked.at().settle(Outcome::Completed);
        thread.join().unwrap();
    });
}

/// The last two tasks leave from two shards at once, while somebody begins to watch.
///
/// Caught: `watch` that tells one shard only; and `settle` that looks whether it is watched in a
/// locked section before its own.
#[test]
fn the_last_to_leave_is_noticed() {
    loom::model(|| {
        let registry = unheard(&Arc::default());
        let leavers = two_shards(&registry);
        let threads = leavers.map(|tracked| thread::spawn(move || tracked.settle()));
        let (count, waker) = Count::new();
        if let Some(watch) = registry.watch_if_busy() {
            let mut watch = pin!(watch);
            let is_pending = watch.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(count.get(), usize::from(is_pending));
        } else {
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
        assert!(registry.close_if_empty());
    });
}

/// Two tasks in two shards, whatever the seed.
fn two_shards(registry: &Arc<Registry>) -> [Tracked; 2] {
    let unnamed = registry.register(&mut entry(None), 0).ok().unwrap();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
    let other = names.iter().find(|name| !registry.shares_a_shard(name, unnamed)).unwrap();
    let named = registry.register(&mut entry(Some(other)), 0).ok().unwrap();
    [unnamed, named].map(|slot| Tracked(Arc::clone(registry), slot))
}

/// Caught: `close_if_empty` that counts in one locked section for each shard, and closes in another.
#[test]
fn a_scope_closes_only_when_nothing_came() {
    loom::model(|| {
        let registry = unheard(&Arc::default());
        let spawner = Arc::clone(&registry);
        let thread = thread::spawn(move || spawner.register(&mut entry(Some("a")), 0).is_ok());
        let has_closed = registry.close_if_empty();
        let has_come = thread.join().unwrap();
        assert!(has_closed != has_come);
        assert_eq!(registry.len(), usize::from(has_come));
    });
}

/// A task that nobody attends to completes without the lock, while somebody begins to wait for it.
///
/// Here and below it is the main thread that completes: of the accesses to a word loom remembers the
/// last, and who looks before it exchanges would hide the other's.
///
/// Caught: `poll_finished` that registers without a look at what `attend` says; and
/// `complete_unattended` that looks, and stores in another step.
#[test]
fn complete_and_wait_for_the_end() {
    loom::model(|| {
        let spawned = record();
        let tracked = spawned.tracked();
        let (count, waker) = Count::new();
        let thread = thread::spawn(move || {
            let mut me = Registration::NONE;
            let was_pending = spawned.handle.at().poll_finished(&mut me, &waker).is_pending();
            (spawned, me, waker, was_pending)
        });
        tracked.complete();
        let (spawned, mut me, waker, was_pending) = thread.join().unwrap();
        assert_eq!(count.get(), usize::from(was_pending));
        let ended = spawned.handle.at().poll_finished(&mut me, &waker);
        assert!(matches!(ended, Poll::Ready(Outcome::Completed)));
    });
}

/// Caught: `watch` that counts the live ones without attending to them.
#[test]
fn the_last_to_complete_is_noticed() {
    loom::model(|| {
        let registry = unheard(&Arc::default());
        let tracked = open(&registry).tracked();
        let watched = Arc::clone(&registry);
        let (count, waker) = Count::new();
        let thread = thread::spawn(move || {
            let Some(watch) = watched.watch_if_busy() else { return false };
            // It is not dropped, so that it stays registered.
            let mut watch = std::mem::ManuallyDrop::new(Box::pin(watch));
            watch.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
        });
        tracked.complete();
        let was_pending = thread.join().unwrap();
        assert_eq!(count.get(), usize::from(was_pending));
        assert!(registry.close_if_empty());
    });
}

/// Caught: `is_free` that asks whether the task has ended, and not whether somebody refers to it.
#[test]
fn a_record_is_used_again_only_when_nobody_refers_to_it() {
    loom::model(|| {
        let registry = unheard(&Arc::default());
        // A chunk is full with two: the third has to look for a free record.
        let (first, second) = (open(&registry), open(&registry));
        let id = first.handle.at().id();
        let (tracked, spawner) = (first.tracked(), Arc::clone(&registry));
        let thread = thread::spawn(move || open(&spawner));
        tracked.complete();
        assert_eq!(first.handle.at().id(), id);
        let third = thread.join().unwrap();
        assert_eq!(first.handle.at().id(), id);
        drop(first.handle);
        let fourth = open(&registry);
        assert_eq!(registry.len(), 3);
        let mut live = [second, third, fourth].map(|spawned| spawned.handle.at().id());
        live.sort_unstable();
        assert!(live.windows(2).all(|two| two[0] < two[1]) && !live.contains(&id));
    });
}

/// Who waits until a task is ready, and the task, which is and then ends.
///
/// Caught: `Ready` that looks at readiness first, and at the end then.
#[test]
fn a_task_that_is_ready_and_ends_was_ready() {
    loom::model(|| {
        let spawned = record();
        let tracked = spawned.tracked();
        let vitals = spawned.handle.registry().vitals_of(spawned.handle.at());
        let mut waits = TaskRef::new(spawned.handle).ready();
        let thread = thread::spawn(move || {
            vitals.set_ready();
            tracked.settle();
        });
        let (count, waker) = Count::new();
        let polled = poll(&mut waits, &waker);
        thread.join().unwrap();
        match polled {
            Poll::Ready(is_ready) => assert!(is_ready.is_ok()),
            Poll::Pending => {
                assert!(count.get() > 0, "a lost wake-up");
                assert!(matches!(poll(&mut waits, Waker::noop()), Poll::Ready(Ok(()))));
            }
        }
    });
}

/// What a queued task does at its first poll: store, then look. Tells whether its turn has come.
///
/// A copy of the order in `scope/turn.rs`, which the models do not run.
fn take_turn(record: RecordAt<'_>, waker: Waker) -> bool {
    record.store_waker(waker, FirstPoll::Yes);
    !record.flags().is_queued()
}

/// A task ends while one comes that is to have its name, for which another one waits already.
///
/// Caught: `cancel_successors_of` that cancels nobody, as all are cancelled in the end.
#[test]
fn a_name_is_passed_on_to_nobody_who_came_before_the_last() {
    loom::model(|| {
        let registry = unheard(&Arc::default());
        let holder = registry.register(&mut entry(Some("a")), 0).ok().unwrap();
        let tracked = Tracked(Arc::clone(&registry), holder);
        let first = registry.register_successor(&mut entry(Some("a")), 0).ok().unwrap();
        let thread = thread::spawn(move || tracked.settle());
        let last = registry.register_successor(&mut entry(Some("a")), 0).ok().unwrap();
        thread.join().unwrap();
        assert!(last.cancel_others().is_ok());
        let replaced = last.holder.unwrap();
        let (first, last) = (first.slot, RecordAt::new(&registry, last.slot));
        let at = RecordAt::new(&registry, first);
        if replaced.at().id() == at.id() {
            assert!(!at.flags().is_queued() && last.flags().is_queued());
            at.settle(Outcome::Cancelled);
        } else {
            assert!(replaced.flags().is_finished() && at.flags().is_queued());
        }
        assert!(!last.flags().is_queued(), "the old one is gone");
        assert_eq!(registry.find("a").unwrap().at().id(), last.id());
    });
}

/// A task ends while another one comes to take its name.
///
/// Caught: `take_turn` that looks before it stores.
#[test]
fn a_name_is_passed_on_and_lost_by_nobody() {
    loom::model(|| {
        let registry = unheard(&Arc::default());
        let holder = registry.register(&mut entry(Some("a")), 0).ok().unwrap();
        let tracked = Tracked(Arc::clone(&registry), holder);
        let thread = thread::spawn(move || tracked.settle());
        let heir = registry.register_successor(&mut entry(Some("a")), 0).ok().unwrap();
        let (count, waker) = Count::new();
        let at = RecordAt::new(&registry, heir.slot);
        let has_come = take_turn(at, waker);
        assert!(registry.register(&mut entry(Some("a")), 0).is_err(), "nobody comes between");
        thread.join().unwrap();
        assert!(!at.flags().is_queued());
        assert!(has_come || count.get() == 1, "a lost wake-up");
        assert_eq!(registry.find("a").unwrap().at().id(), at.id());
    });
}
