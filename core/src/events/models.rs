//! loom models of named events: dispatch against poll, drop, subscribe and close.
//!
//! Each names the bug that was planted to see it fail.

use std::task::{Poll, Waker};

use loom::thread;

use super::{Events, RecvError, Subscription};
use crate::counted::{Count, poll};

fn subscribe(events: &Events) -> Subscription<u32> {
    events.subscribe("n").unwrap()
}

/// Caught: `Channel::poll` that looks before it takes the lock under which it registers.
#[test]
fn dispatch_and_poll() {
    loom::model(|| {
        let events = Events::new();
        let mut subscription = subscribe(&events);
        let dispatcher = events.clone();
        let thread = thread::spawn(move || assert_eq!(dispatcher.dispatch("n", 7_u32), Ok(1)));
        let (count, waker) = Count::new();
        let mut next = subscription.recv();
        let polled = poll(&mut next, &waker);
        thread.join().unwrap();
        match polled {
            Poll::Ready(value) => assert_eq!((*value.unwrap(), count.get()), (7, 0)),
            Poll::Pending => {
                assert_eq!(count.get(), 1, "who waits is woken");
                assert!(poll(&mut next, Waker::noop()).is_ready());
            }
        }
    });
}

/// Caught: `Channel::dispatch` that takes the waker in a locked section before the one in which it
/// pushes.
#[test]
fn dispatch_and_poll_again_with_another_waker() {
    loom::model(|| {
        let events = Events::new();
        let mut subscription = subscribe(&events);
        let mut next = subscription.recv();
        let ((first, one), (second, two)) = (Count::new(), Count::new());
        assert!(poll(&mut next, &one).is_pending());
        let dispatcher = events.clone();
        let thread = thread::spawn(move || assert_eq!(dispatcher.dispatch("n", 7_u32), Ok(1)));
        let was_pending = poll(&mut next, &two).is_pending();
        thread.join().unwrap();
        assert_eq!(second.get(), usize::from(was_pending));
        assert!(first.get() + second.get() == 1);
    });
}

/// Caught: `forget` that takes a value along, planted as a `take`.
#[test]
fn dispatch_and_drop_of_a_wait() {
    loom::model(|| {
        let events = Events::new();
        let mut subscription = subscribe(&events);
        let (count, waker) = Count::new();
        let mut next = subscription.recv();
        assert!(poll(&mut next, &waker).is_pending());
        let dispatcher = events.clone();
        let thread = thread::spawn(move || assert_eq!(dispatcher.dispatch("n", 7_u32), Ok(1)));
        drop(next);
        thread.join().unwrap();
        assert!(count.get() <= 1);
        assert_eq!(subscription.try_recv().unwrap().map(|value| *value), Some(7));
    });
}

/// Caught: `remove_if_empty` that does not look whether somebody listens by now.
#[test]
fn the_last_leaves_while_another_comes() {
    loom::model(|| {
        let events = Events::new();
        let leaving = subscribe(&events);
        let thread = thread::spawn(move || drop(leaving));
        let mut coming = subscribe(&events);
        assert!(matches!(events.dispatch("n", 7_u32), Ok(1 | 2)));
        thread.join().unwrap();
        assert_eq!(events.subscribers("n"), 1);
        assert_eq!(coming.try_recv().unwrap().map(|value| *value), Some(7));
        drop(coming);
        assert_eq!(events.subscribers("n"), 0);
    });
}

/// Caught: `listen` that looks whether it is closed in a locked section before the one in which it
/// adds itself.
#[test]
fn subscribe_and_close() {
    loom::model(|| {
        let events = Events::new();
        let closer = events.clone();
        let thread = thread::spawn(move || closer.close());
        let mut subscription = subscribe(&events);
        let (count, waker) = Count::new();
        let polled = poll(&mut subscription.recv(), &waker).map(|next| next.map(|_| ()));
        thread.join().unwrap();
        assert!(polled.is_pending() || polled == Poll::Ready(Err(RecvError::Closed)));
        assert!(count.get() <= 1);
        assert_eq!(subscription.try_recv(), Err(RecvError::Closed));
    });
}

/// Caught: `close` that takes the wakers before it marks the channel.
#[test]
fn close_and_poll() {
    loom::model(|| {
        let events = Events::new();
        let mut subscription = subscribe(&events);
        let closer = events.clone();
        let thread = thread::spawn(move || closer.close());
        let (count, waker) = Count::new();
        let mut next = subscription.recv();
        let was_pending = poll(&mut next, &waker).is_pending();
        thread.join().unwrap();
        assert_eq!(count.get(), usize::from(was_pending));
        assert!(poll(&mut next, Waker::noop()).is_ready());
    });
}

/// Caught: `Channel::dispatch` that lets go of the lock between two listeners.
#[test]
fn two_dispatch_and_all_hear_them_in_one_order() {
    loom::model(|| {
        let events = Events::new();
        let mut both = [subscribe(&events), subscribe(&events)];
        let dispatcher = events.clone();
        let thread = thread::spawn(move || assert_eq!(dispatcher.dispatch("n", 1_u32), Ok(2)));
        assert_eq!(events.dispatch("n", 2_u32), Ok(2));
        thread.join().unwrap();
        let heard = both.each_mut().map(|it| [(); 2].map(|()| *it.try_recv().unwrap().unwrap()));
        assert_eq!(heard[0], heard[1]);
    });
}
