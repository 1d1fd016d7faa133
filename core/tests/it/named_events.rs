//! Named events: who hears what, from when on, what a bound drops, and what is left behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use lifespan_core::{
    Events, Foreground, InsideLoop, Lifespan, Outcome, RecvError, Spawner, Subscription, WaitError,
};

use crate::by_hand::{ByHand, next_round, run, serve};
use crate::woken::{Count, PanicOnDrop, call, is_pending, on_drop, panicking, poll};

const SECOND: Duration = Duration::from_secs(1);

/// Runs a test with the events of a lifespan.
fn with_events(test: impl FnOnce(&Events) + 'static) {
    let _ = serve(async |cx| test(&cx.events()));
}

fn next<T: Send + Sync + 'static>(subscription: &mut Subscription<T>) -> Result<Arc<T>, RecvError> {
    match poll(&mut subscription.recv(), std::task::Waker::noop()) {
        Poll::Ready(next) => next,
        Poll::Pending => panic!("there is nothing"),
    }
}

#[test]
fn what_is_dispatched_reaches_all_who_have_subscribed_before() {
    with_events(|events| {
        let mut one = events.subscribe::<String>("a").unwrap();
        let mut two = events.subscribe::<String>("a").unwrap();
        let mut other = events.subscribe::<String>("b").unwrap();
        assert_eq!(events.dispatch("a", String::from("x")), Ok(2));
        let mut late = events.subscribe::<String>("a").unwrap();
        let (one, two) = (next(&mut one).unwrap(), next(&mut two).unwrap());
        assert_eq!(*one, "x");
        assert!(Arc::ptr_eq(&one, &two), "the same value");
        assert_eq!(late.try_recv(), Ok(None));
        assert_eq!(other.try_recv(), Ok(None));
    });
}

#[test]
fn a_dispatch_that_nobody_hears_is_no_error() {
    with_events(|events| {
        assert_eq!(events.dispatch("nobody", 1), Ok(0));
        drop(events.subscribe::<u8>("nobody").unwrap());
        assert_eq!(events.dispatch("nobody", "and of another type"), Ok(0));
    });
}

#[test]
fn nothing_between_two_waits_is_lost_and_the_order_is_kept() {
    with_events(|events| {
        let mut numbers = events.subscribe::<i32>("n").unwrap();
        for number in 0..10 {
            assert_eq!(events.dispatch("n", number), Ok(1));
        }
        for number in 0..10 {
            assert_eq!(*next(&mut numbers).unwrap(), number);
        }
        assert!(is_pending(&mut numbers.recv()));
    });
}

#[test]
fn who_is_slow_loses_the_oldest_and_hears_how_many() {
    with_events(|events| {
        let mut slow = events.subscribe_bounded::<i32>("n", 3).unwrap();
        let mut other = events.subscribe::<i32>("n").unwrap();
        for number in 0..8 {
            assert_eq!(events.dispatch("n", number), Ok(2));
        }
        assert_eq!(next(&mut slow), Err(RecvError::Lagged(5)));
        for number in 5..8 {
            assert_eq!(*next(&mut slow).unwrap(), number);
        }
        assert_eq!(slow.try_recv(), Ok(None));
        assert_eq!(*next(&mut other).unwrap(), 0, "nobody else loses anything");
        let mut smallest = events.subscribe_bounded::<i32>("n", 0).unwrap();
        events.dispatch("n", 8).unwrap();
        assert_eq!(*next(&mut smallest).unwrap(), 8, "0 counts as 1");
    });
}

#[test]
fn another_type_is_an_error_that_names_both_and_gives_the_value_back() {
    with_events(|events| {
        let _numbers = events.subscribe::<u32>("n").unwrap();
        let wrong = events.dispatch("n", String::from("text")).unwrap_err();
        assert_eq!((wrong.name().as_str(), wrong.expected()), ("n", "u32"));
        assert!(wrong.given().ends_with("String") && wrong.to_string().contains("u32"));
        assert_eq!(wrong.into_inner(), "text");
        let wrong = events.subscribe::<u64>("n").unwrap_err();
        assert_eq!((wrong.expected(), wrong.given()), ("u32", "u64"));
    });
}

#[test]
fn a_name_without_subscribers_takes_any_type_again() {
    with_events(|events| {
        let numbers = events.subscribe::<u32>("n").unwrap();
        let more = events.subscribe::<u32>("n").unwrap();
        drop(numbers);
        assert!(events.subscribe::<u64>("n").is_err(), "one is left");
        drop(more);
        assert_eq!(events.subscribers("n"), 0);
        let _texts = events.subscribe::<String>("n").unwrap();
        assert_eq!(format!("{events:?}"), r#"Events { heard: ["n"] }"#);
    });
}

#[test]
fn a_dispatch_wakes_who_waits_once() {
    with_events(|events| {
        let mut waits = events.subscribe::<i32>("n").unwrap();
        let (count, waker) = Count::new();
        let mut wait = waits.recv();
        assert!(poll(&mut wait, &waker).is_pending());
        assert!(poll(&mut wait, &waker).is_pending());
        assert_eq!(count.stored(), 1, "registered once");
        events.dispatch("n", 1).unwrap();
        events.dispatch("n", 2).unwrap();
        assert_eq!((count.get(), count.stored()), (1, 0));
        assert!(poll(&mut wait, &waker).is_ready());
    });
}

#[test]
fn the_last_waker_counts_and_a_dropped_wait_leaves_none() {
    with_events(|events| {
        let mut waits = events.subscribe::<u8>("n").unwrap();
        let ((first, one), (second, two)) = (Count::new(), Count::new());
        let mut wait = waits.recv();
        assert!(poll(&mut wait, &one).is_pending() && poll(&mut wait, &two).is_pending());
        assert_eq!((first.stored(), second.stored()), (0, 1));
        drop(wait);
        assert_eq!(second.stored(), 0);
        events.dispatch("n", 1_u8).unwrap();
        assert_eq!((first.get(), second.get()), (0, 0));
    });
}

#[test]
fn a_waker_that_panics_loses_nobody_elses_wake_up() {
    with_events(|events| {
        let mut waits: Vec<_> = (0..3).map(|_| events.subscribe::<i32>("n").unwrap()).collect();
        let (count, waker) = Count::new();
        let wakers = [waker.clone(), panicking(), waker];
        let mut waits: Vec<_> = waits.iter_mut().map(Subscription::recv).collect();
        for (wait, waker) in waits.iter_mut().zip(&wakers) {
            assert!(poll(wait, waker).is_pending());
        }
        assert_eq!(events.dispatch("n", 1), Ok(3));
        assert_eq!(count.get(), 2);
    });
}

#[test]
fn wakers_and_values_may_use_the_events_when_they_run_or_drop() {
    with_events(|events| {
        let mut waits = events.subscribe::<u32>("n").unwrap();
        let (again, on_wake) = (events.clone(), Arc::new(AtomicUsize::new(0)));
        let seen = Arc::clone(&on_wake);
        let reenters = call(move || {
            let mut inner = again.subscribe::<u32>("n").unwrap();
            again.dispatch("n", 2_u32).unwrap();
            seen.fetch_add(*next(&mut inner).unwrap() as usize, Ordering::SeqCst);
        });
        let mut wait = waits.recv();
        assert!(poll(&mut wait, &reenters).is_pending());
        events.dispatch("n", 1_u32).unwrap();
        assert_eq!(on_wake.load(Ordering::SeqCst), 2);
        drop(wait);

        let again = events.clone();
        let dropped = on_drop(move || drop(again.dispatch("n", 3_u32)));
        assert!(is_pending(&mut events.subscribe::<u32>("m").unwrap().recv()));
        let mut wait = waits.recv();
        while poll(&mut wait, &dropped).is_ready() {}
        drop((wait, dropped));
        assert_eq!(*next(&mut waits).unwrap(), 3);
    });
}

/// Dispatches when it is dropped.
struct Echo(Events);

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.0.dispatch("echo", ());
    }
}

#[test]
fn a_value_that_is_dropped_for_another_is_dropped_without_a_lock() {
    with_events(|events| {
        let mut echoes = events.subscribe::<()>("echo").unwrap();
        let slow = events.subscribe_bounded::<Echo>("n", 1).unwrap();
        events.dispatch("n", Echo(events.clone())).unwrap();
        events.dispatch("n", Echo(events.clone())).unwrap();
        next(&mut echoes).unwrap();
        drop(slow);
        next(&mut echoes).unwrap();
        assert_eq!(echoes.try_recv(), Ok(None));
    });
}

#[test]
fn a_destructor_that_panics_is_the_fault_of_neither_side() {
    with_events(|events| {
        let slow = events.subscribe_bounded::<PanicOnDrop>("n", 1).unwrap();
        events.dispatch("n", PanicOnDrop).unwrap();
        events.dispatch("n", PanicOnDrop).unwrap();
        drop(slow);
        assert_eq!(events.subscribers("n"), 0);
    });
}

#[test]
fn two_quick_dispatches_reach_every_waiter_with_the_first() {
    let report = serve(async |cx| {
        let waiters: Vec<_> = (0..3)
            .map(|_| cx.spawn(async |cx| *cx.events().wait::<u32>("n", SECOND).await.unwrap()))
            .collect();
        next_round().await;
        next_round().await;
        assert_eq!(cx.events().dispatch("n", 1_u32), Ok(3));
        assert_eq!(cx.events().dispatch("n", 2_u32), Ok(0), "each has its one");
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), 1);
        }
        assert_eq!(cx.events().subscribers("n"), 0);
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_wait_hears_from_its_call_on_though_it_was_not_polled() {
    let _ = serve(async |cx| {
        let wait = cx.events().wait::<u32>("n", SECOND);
        cx.events().dispatch("n", 7_u32).unwrap();
        assert_eq!(*wait.await.unwrap(), 7);
    });
}

#[test]
fn a_wait_ends_when_its_time_is_over_and_leaves_nothing() {
    let _ = serve(async |cx| {
        let before = cx.now();
        let waited = cx.events().wait::<u32>("n", 5 * SECOND).await;
        assert!(matches!(waited, Err(WaitError::Elapsed(_))), "{waited:?}");
        assert!(cx.now() - before >= 5 * SECOND);
        assert_eq!(cx.events().subscribers("n"), 0);
        let _others = cx.events().subscribe::<u8>("n").unwrap();
        let waited = cx.events().wait::<u32>("n", SECOND).await;
        assert!(matches!(waited, Err(WaitError::WrongType(_))), "{waited:?}");
    });
}

#[test]
fn the_end_of_the_lifespan_closes_what_is_heard() {
    type Kept = Arc<Mutex<Vec<Subscription<u32>>>>;
    let kept = Kept::default();
    let (inside, lifespan) = (Arc::clone(&kept), Lifespan::on(ByHand::new()));
    let spawner = Arc::new(Mutex::new(None::<Spawner<_>>));
    let outside = Arc::clone(&spawner);
    let _ = run(lifespan
        .startup("feed", async |_cx| ())
        .shutdown("feed", async |cx| {
            assert_eq!(cx.events().dispatch("n", 3_u32), Ok(2), "shutdown handlers are heard");
        })
        .serve(async move |cx| {
            let both = [(), ()].map(|()| cx.events().subscribe::<u32>("n").unwrap());
            inside.lock().unwrap().extend(both);
            *outside.lock().unwrap() = Some(cx.spawner());
        }));
    let mut kept = std::mem::take(&mut *kept.lock().unwrap());
    let mut waiting = kept.pop().unwrap();
    assert_eq!(*next(&mut waiting).unwrap(), 3, "what was queued is heard first");
    assert_eq!(next(&mut waiting), Err(RecvError::Closed));
    assert_eq!(waiting.recv_blocking(), Err(RecvError::Closed));
    let events = spawner.lock().unwrap().take().unwrap().events().clone();
    assert_eq!(events.dispatch("n", 4_u32), Ok(0));
    assert_eq!(next(&mut events.subscribe::<u32>("n").unwrap()), Err(RecvError::Closed));
    drop((kept, waiting));
    assert_eq!(events.subscribers("n"), 0);
}

#[test]
fn the_end_wakes_who_waits_elsewhere() {
    let (count, waker) = Count::new();
    let mut kept = None;
    let report = {
        let kept = Arc::new(Mutex::new(None));
        let inside = Arc::clone(&kept);
        let report = serve(async move |cx| {
            let mut waiting = cx.events().subscribe::<u32>("n").unwrap();
            let mut wait = Box::pin(async move { waiting.recv().await });
            let polled = wait.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            *inside.lock().unwrap() = Some(wait);
        });
        (kept.lock().unwrap().take(), report)
    };
    let (wait, report) = report;
    kept.replace(wait.unwrap());
    assert!(report.is_clean());
    assert_eq!(count.get(), 1);
    let mut wait = kept.unwrap();
    let polled = wait.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
    assert_eq!(polled, Poll::Ready(Err(RecvError::Closed)));
}

#[test]
fn a_plain_thread_waits_and_a_loop_is_not_blocked() {
    let _ = serve(async |cx| {
        let mut inside = cx.events().subscribe::<u32>("n").unwrap();
        let refused = inside.recv_blocking().unwrap_err();
        assert_eq!(refused, RecvError::from(InsideLoop::new("Subscription::recv_blocking")));
        let refused = inside.recv_blocking_timeout(SECOND).unwrap_err();
        assert!(matches!(refused, RecvError::InsideLoop(_)), "{refused}");
        let mut outside = cx.events().subscribe::<u32>("n").unwrap();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            assert_eq!(outside.recv_blocking_timeout(Duration::ZERO), Ok(None));
            ready.send(()).unwrap();
            let first = outside.recv_blocking().unwrap();
            (*first, *outside.recv_blocking_timeout(Duration::MAX).unwrap().unwrap())
        });
        is_ready.recv().unwrap();
        for number in [5, 6_u32] {
            assert_eq!(cx.events().dispatch("n", number), Ok(2));
        }
        assert_eq!(thread.join().unwrap(), (5, 6));
    });
}

#[test]
fn a_cancelled_task_takes_its_subscription_along() {
    let _ = serve(async |cx| {
        let task = cx.task("listener").spawn(async |cx| {
            let mut numbers = cx.events().subscribe::<u32>("n").unwrap();
            while numbers.recv().await.is_ok() {}
        });
        let task = task.unwrap();
        next_round().await;
        next_round().await;
        assert_eq!(cx.events().subscribers("n"), 1);
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
        assert_eq!(cx.events().subscribers("n"), 0);
    });
}

fn _is_for_any_loop(subscription: Subscription<u8>, events: Events) {
    fn anywhere(_: impl Send + Sync + 'static) {}
    anywhere(subscription);
    anywhere(events);
}

fn _foregrounds_have_them<O: lifespan_core::LoopOwner>(foreground: &Foreground<O>) -> &Events {
    foreground.events()
}
