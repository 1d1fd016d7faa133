//! Models of the end of a run: the loop that lets go against the thread that ends it hard.

use loom::thread;

use super::finish::{Due, Finish, FinishedBy};
use crate::sync::{Arc, AtomicU32, Ordering};

/// Seen to fail with a `let_go` that looks and lets go in two locked sections, and with one that does
/// not wait for the end of the hard end.
#[test]
fn exactly_one_finishes_and_the_loop_goes_on_after_the_report() {
    loom::model(|| {
        let finish = Arc::new(Finish::default());
        let written = Arc::new(AtomicU32::new(0));
        let (watched, writes) = (Arc::clone(&finish), Arc::clone(&written));
        let thread = thread::spawn(move || {
            let due = watched.next(|_times| Due::HardEnd);
            if due.is_some() {
                writes.store(1, Ordering::Relaxed);
                watched.hard_end_done();
            }
            due.is_some()
        });
        let by = finish.let_go();
        // What the thread wrote is seen through the lock alone.
        let seen = written.load(Ordering::Relaxed);
        let was_hard = thread.join().unwrap();
        assert_eq!(by == FinishedBy::HardEnd, was_hard);
        assert_eq!(seen == 1, was_hard);
    });
}

/// Seen to fail without the notification of `asked`.
#[test]
fn the_thread_hears_of_a_request() {
    loom::model(|| {
        let finish = Arc::new(Finish::default());
        let watched = Arc::clone(&finish);
        let thread = thread::spawn(move || {
            let due = watched.next(|times| match times.asked {
                Some(_) => Due::Line,
                None => Due::At(None),
            });
            due.is_some()
        });
        finish.asked();
        // Nothing else wakes it.
        assert!(thread.join().unwrap());
        assert_eq!(finish.let_go(), FinishedBy::Loop);
    });
}

/// Seen to fail without the notification of `let_go`.
#[test]
fn the_thread_hears_of_the_end() {
    loom::model(|| {
        let finish = Arc::new(Finish::default());
        let watched = Arc::clone(&finish);
        let thread = thread::spawn(move || watched.next(|_times| Due::At(None)).is_none());
        assert_eq!(finish.let_go(), FinishedBy::Loop);
        assert!(thread.join().unwrap());
    });
}
