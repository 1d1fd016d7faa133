//! loom models of a record: cancel, settle and the handle's drop, in every order of two threads.
//!
//! Each names the bug that was planted to see it fail.

use std::panic::Location;
use std::task::{Poll, Waker};
use std::time::Instant;

use loom::thread;

use super::record::{Entry, Flags, Record, Registration};
use super::{Outcome, TaskId};
use crate::counted::Count;
use crate::sync::Arc;

fn record() -> Arc<Record> {
    let record = Record::empty();
    open(&record);
    Arc::new(record)
}

fn open(record: &Record) {
    let entry = Entry {
        id: TaskId::unique(),
        name: None,
        spawned_at: Location::caller(),
        since: Instant::now(),
        grace: None,
    };
    record.open(entry, Flags::HANDLE);
}

fn finish(record: &Record) -> crate::task::Finish {
    record.finish(Outcome::LoopClosed, Instant::now())
}

/// What the tracked future does at the end of a poll: store, then look. Tells whether it ends.
///
/// A copy of the order in `scope/tracked.rs`, which the models do not run.
fn park(record: &Record, waker: Waker) -> bool {
    record.store_waker(waker);
    record.flags().must_end()
}

/// Caught: `demand` that takes the waker before it raises its flag.
#[test]
fn park_and_cancel() {
    loom::model(|| {
        let record = record();
        let canceller = Arc::clone(&record);
        let thread = thread::spawn(move || assert!(canceller.cancel()));
        let (count, waker) = Count::new();
        let has_ended = park(&record, waker);
        thread.join().unwrap();
        assert!(has_ended || count.get() == 1, "the cancel reaches a task that waits");
        assert!(record.flags().must_end());
    });
}

/// Caught: a `must_end` that does not let `FORCED` through; and, planted in `park` above, a look
/// before the store.
#[test]
fn park_in_a_protected_block_and_force_after_cancel() {
    loom::model(|| {
        let record = record();
        record.protect();
        let canceller = Arc::clone(&record);
        let thread = thread::spawn(move || {
            assert!(canceller.cancel());
            assert!(canceller.force());
        });
        let (first, waker) = Count::new();
        let mut has_ended = park(&record, waker);
        let (second, waker) = Count::new();
        // The cancel took the first waker; the next poll stores another.
        let polled_again = !has_ended && first.get() > 0;
        if polled_again {
            has_ended = park(&record, waker);
        }
        thread.join().unwrap();
        let woken = if polled_again { second.get() } else { first.get() };
        assert!(has_ended || woken == 1);
    });
}

/// Caught: `drop_handle` as a load and a store; and `finish` that looks for the handle before it
/// raises its flag.
#[test]
fn settle_and_drop_of_the_handle_report_once() {
    loom::model(|| {
        let record = record();
        let dropper = Arc::clone(&record);
        let thread = thread::spawn(move || dropper.drop_handle());
        let reports_as_settler = finish(&record).unheard;
        let reports_as_dropper = thread.join().unwrap();
        assert!(reports_as_settler != reports_as_dropper, "exactly one reports");
        assert!(!record.drop_handle(), "and only once");
    });
}

/// Caught: `finish` that takes the waiters in a locked section before the one of its outcome.
#[test]
fn settle_and_wait_for_the_end() {
    loom::model(|| {
        let record = record();
        let settler = Arc::clone(&record);
        let thread = thread::spawn(move || {
            finish(&settler).waiters.into_iter().for_each(Waker::wake);
        });
        let (count, waker) = Count::new();
        let mut me = Registration::NONE;
        let was_pending = record.poll_finished(&mut me, &waker).is_pending();
        thread.join().unwrap();
        assert_eq!(count.get(), usize::from(was_pending));
        let ended = record.poll_finished(&mut me, &waker);
        assert!(matches!(ended, Poll::Ready(Outcome::LoopClosed)));
    });
}

/// Caught: `forget_waiter` that removes its key though settling has taken it, so that it is free
/// twice.
#[test]
fn settle_and_drop_of_a_wait() {
    loom::model(|| {
        let record = record();
        let (count, waker) = Count::new();
        let mut me = Registration::NONE;
        assert!(record.poll_finished(&mut me, &waker).is_pending());
        let settler = Arc::clone(&record);
        let thread = thread::spawn(move || {
            finish(&settler).waiters.into_iter().for_each(Waker::wake);
        });
        record.forget_waiter(&mut me);
        thread.join().unwrap();
        assert!(count.get() <= 1);
        // In its next life the record has room for each of two.
        drop(record.close());
        open(&record);
        let mut waits = [(); 2].map(|()| (Registration::NONE, Count::new()));
        for (me, (_, waker)) in &mut waits {
            assert!(record.poll_finished(me, waker).is_pending());
        }
        finish(&record).waiters.into_iter().for_each(Waker::wake);
        assert!(waits.iter().all(|(_, (count, _))| count.get() == 1));
    });
}

/// Caught: `event` that looks at the flag before it publishes the event.
#[test]
fn stop_and_first_look_at_the_event() {
    loom::model(|| {
        let record = record();
        let scope = crate::event::ShutdownEvent::new();
        let stopper = Arc::clone(&record);
        let thread = thread::spawn(move || assert!(stopper.stop(crate::event::Reason::Requested)));
        let event = record.event(&scope);
        thread.join().unwrap();
        assert!(event.is_set() && !scope.is_set());
    });
}
