//! Waiting for an event: by hand, on a plain thread, and beside another future.

use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use lifespan_core::{Inside, Reason, ShutdownEvent};

use crate::by_hand::serve;
use crate::woken::{Count, is_pending, poll};

#[test]
fn a_waiter_is_woken_once() {
    let event = ShutdownEvent::new();
    let (count, waker) = Count::new();
    let mut wait = event.wait();
    assert_eq!(count.stored(), 0, "it registers when it is polled");
    for _ in 0..3 {
        assert!(poll(&mut wait, &waker).is_pending());
        assert_eq!(count.stored(), 1, "it registers once");
    }
    event.trigger().set(Reason::Requested).unwrap();
    assert_eq!((count.get(), count.stored()), (1, 0));
    assert!(poll(&mut wait, &waker).is_ready());
    assert!(poll(&mut wait, &waker).is_ready(), "a level, also for one waiter");
    drop(wait);
    assert_eq!(count.get(), 1);
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    for below in [false, true] {
        let root = ShutdownEvent::new();
        let event = if below { root.child() } else { root.clone() };
        let (first, first_waker) = Count::new();
        let (last, last_waker) = Count::new();
        let mut wait = event.wait_owned();
        assert!(poll(&mut wait, &first_waker).is_pending());
        assert!(poll(&mut wait, &last_waker).is_pending());
        assert_eq!((first.stored(), last.stored()), (0, 1));
        event.trigger().set(Reason::Requested).unwrap();
        assert_eq!((first.get(), last.get()), (0, 1));
    }
}

#[test]
fn a_dropped_wait_gives_its_waker_back() {
    let event = ShutdownEvent::new().child();
    let (count, waker) = Count::new();
    let mut waits = (0..5).map(|_| event.wait()).collect::<Vec<_>>();
    for wait in &mut waits {
        assert!(poll(wait, &waker).is_pending());
    }
    drop(waits.remove(2));
    drop(waits.remove(0));
    assert_eq!(count.stored(), 3);
    event.trigger().set(Reason::Requested).unwrap();
    assert_eq!((count.get(), count.stored()), (3, 0));
}

#[test]
fn a_wait_that_is_dropped_after_the_set_removes_nobody_else() {
    let root = ShutdownEvent::new();
    let event = root.child();
    let mut old = event.wait();
    assert!(is_pending(&mut old));
    event.trigger().set(Reason::Requested).unwrap();
    // The place of the old waiter is another's now.
    let (count, waker) = Count::new();
    let beside = root.child();
    let mut new = beside.wait();
    assert!(poll(&mut new, &waker).is_pending());
    drop(old);
    root.trigger().set(Reason::Requested).unwrap();
    assert_eq!(count.get(), 1);
}

#[test]
fn a_set_below_wakes_only_who_waits_below() {
    let root = ShutdownEvent::new();
    let (below, beside) = (root.child(), root.child());
    let leaf = below.child();
    let counts = [&root, &below, &beside, &leaf].map(|event| {
        let (count, waker) = Count::new();
        let mut wait = event.wait_owned();
        assert!(poll(&mut wait, &waker).is_pending());
        (count, wait)
    });
    below.trigger().set(Reason::Requested).unwrap();
    assert_eq!(counts.each_ref().map(|(count, _)| count.get()), [0, 1, 0, 1]);
    root.trigger().set(Reason::Requested).unwrap();
    assert_eq!(counts.each_ref().map(|(count, _)| count.get()), [1, 1, 1, 1]);
}

#[test]
fn plain_threads_wait_without_a_loop() {
    let event = ShutdownEvent::new();
    let child = event.child();
    let waiters = [event.clone(), event.clone(), child]
        .map(|event| thread::spawn(move || event.wait_blocking().unwrap()));
    event.trigger().set("closing time").unwrap();
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap(), Reason::from("closing time"));
    }
    assert_eq!(event.wait_blocking(), Ok(Reason::from("closing time")), "a late one");
}

#[test]
fn a_blocking_wait_takes_any_timeout() {
    let event = ShutdownEvent::new();
    assert_eq!(event.wait_blocking_timeout(Duration::ZERO), Ok(None));
    assert_eq!(event.wait_blocking_timeout(Duration::from_millis(1)), Ok(None));
    let waiter = event.clone();
    let waiter = thread::spawn(move || waiter.wait_blocking_timeout(Duration::MAX).unwrap());
    event.trigger().set("set").unwrap();
    assert_eq!(waiter.join().unwrap(), Some(Reason::from("set")));
    assert_eq!(event.wait_blocking_timeout(Duration::ZERO), Ok(Some(Reason::from("set"))));
}

#[test]
fn a_blocking_wait_refuses_inside_a_loop_set_or_not() {
    let event = ShutdownEvent::new();
    let inside = Inside::enter();
    let nested = Inside::enter();
    drop(nested);
    let refused = event.wait_blocking().unwrap_err().to_string();
    assert!(refused.contains("ShutdownEvent::wait_blocking"), "{refused}");
    assert!(event.wait_blocking_timeout(Duration::ZERO).is_err());
    event.trigger().set(Reason::Requested).unwrap();
    assert!(event.wait_blocking().is_err(), "the mistake is told though it would not block");
    drop(inside);
    assert!(event.wait_blocking().is_ok());
}

#[test]
fn a_blocking_wait_refuses_in_every_part_of_a_task() {
    let report = serve(async |cx| {
        let in_body = cx.spawn(async |cx| cx.shutdown().wait_blocking().is_err());
        assert!(in_body.await.unwrap());
        assert!(cx.shutdown().wait_blocking().is_err());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn run_until_set_gives_the_value_of_what_ends_first() {
    let event = ShutdownEvent::new();
    let mut run = pin!(event.run_until_set(ready(7)));
    assert_eq!(run.as_mut().poll(&mut noop()), Poll::Ready(Some(7)));
}

#[test]
fn run_until_set_never_polls_once_the_event_is_set() {
    let event = ShutdownEvent::new();
    event.trigger().set(Reason::Requested).unwrap();
    let mut run = pin!(event.run_until_set(poll_fn(|_| -> Poll<()> { panic!("polled") })));
    assert_eq!(run.as_mut().poll(&mut noop()), Poll::Ready(None));
}

#[test]
fn the_event_wins_a_tie_of_run_until_set() {
    let event = ShutdownEvent::new();
    let mut polls = 0;
    let mut run = pin!(event.run_until_set(poll_fn(|_| {
        polls += 1;
        if polls == 1 { Poll::Pending } else { Poll::Ready(()) }
    })));
    assert!(run.as_mut().poll(&mut noop()).is_pending());
    event.trigger().set(Reason::Requested).unwrap();
    assert_eq!(run.as_mut().poll(&mut noop()), Poll::Ready(None));
}

#[test]
fn run_until_set_is_woken_by_the_set_and_drops_its_future() {
    let event = ShutdownEvent::new();
    let (count, waker) = Count::new();
    let (held, _) = Count::new();
    let inner = std::sync::Arc::clone(&held);
    let future = Box::pin(async move {
        let _inner = inner;
        pending::<()>().await;
    });
    {
        let mut run = Box::pin(event.run_until_set(future));
        assert!(poll(&mut run, &waker).is_pending());
        event.trigger().set(Reason::Requested).unwrap();
        assert_eq!(count.get(), 1);
        assert_eq!(poll(&mut run, &waker), Poll::Ready(None));
        assert_eq!(std::sync::Arc::strong_count(&held), 1, "dropped when it returned");
    }
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
