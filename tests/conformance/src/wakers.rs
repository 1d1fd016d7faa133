//! Wake-ups: none is lost, too many are harmless, and a waker may do anything.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};

use futures_lite::future::yield_now;
use lifespan_core::{LoopOwner, ShutdownEvent, Timer};

use crate::support::{Moment, inside};

pub(crate) struct Counter(AtomicUsize);

impl Counter {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A waker that panics.
pub(crate) fn panicking() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    Waker::from(Arc::new(Panics))
}

pub(crate) fn counting() -> (Arc<Counter>, Waker) {
    let counter = Arc::new(Counter(AtomicUsize::new(0)));
    (Arc::clone(&counter), Waker::from(counter))
}

/// A wake-up during the poll itself has the task polled again.
pub fn during_the_poll<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let polls = cx.spawn(async |_cx| {
            let mut polls = 0;
            poll_fn(|context| {
                polls += 1;
                context.waker().wake_by_ref();
                context.waker().wake_by_ref(); // twice is once
                if polls == 50 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            polls
        });
        assert_eq!(polls.await.unwrap(), 50);
    });
}

/// A wake-up before the pending is returned, by another task, is not lost.
pub fn by_another_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..200 {
            let event = ShutdownEvent::new();
            let trigger = event.trigger();
            let waiter = cx.spawn(async move |_cx| event.wait().await);
            let setter = cx.spawn(async move |_cx| trigger.set("now").is_ok());
            assert!(setter.await.unwrap());
            waiter.await.unwrap();
        }
    });
}

/// A wake-up for no reason polls the task again and does no harm.
pub fn for_no_reason<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (sender, receiver) = mpsc::channel::<Waker>();
        let go_on = Moment::default();
        let gate = go_on.clone();
        let task = cx.spawn(async move |_cx| {
            let mut wait = pin!(gate.wait());
            poll_fn(|context| {
                let _ = sender.send(context.waker().clone());
                wait.as_mut().poll(context)
            })
            .await;
        });
        let mut wakers = Vec::new();
        while wakers.len() < 10 {
            wakers.extend(receiver.try_iter());
            wakers.iter().for_each(Waker::wake_by_ref);
            yield_now().await;
        }
        go_on.come();
        task.await.unwrap();
        wakers.into_iter().for_each(Waker::wake); // the task has ended: nothing happens
    });
}

/// A waker that was kept beyond its task's end keeps nothing of the body.
pub fn a_waker_keeps_no_body<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (sender, receiver) = mpsc::channel::<Waker>();
        let gone = Moment::default();
        let held = gone.on_drop();
        let task = cx.spawn(async move |_cx| {
            let _held = held;
            poll_fn(|context| {
                sender.send(context.waker().clone()).unwrap();
                Poll::Ready(())
            })
            .await;
        });
        task.await.unwrap();
        let waker = receiver.recv().unwrap();
        assert!(gone.has_come(), "the body lives on in its waker");
        drop(waker);
    });
}

/// A waker that re-enters the event that wakes it: nothing runs under a lock.
pub fn that_re_enter_the_event<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct ReEnters(ShutdownEvent, AtomicBool);
    impl Wake for ReEnters {
        fn wake(self: Arc<Self>) {
            let (_count, waker) = counting();
            let mut again = pin!(self.0.wait());
            let set = again.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            let _ = self.0.trigger().set("again");
            let child = self.0.child();
            self.1.store(set && child.is_set(), Ordering::SeqCst);
        }
    }
    inside(owner, async |cx| {
        let event = ShutdownEvent::new();
        let re_enters = Arc::new(ReEnters(event.clone(), AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&re_enters));
        let mut wait = event.wait_owned();
        assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)).is_pending());
        let heard = event.clone();
        let waiter = cx.spawn(async move |_cx| heard.wait().await);
        let trigger = event.trigger();
        let setter = cx.spawn(async move |_cx| trigger.set("now").is_ok());
        assert!(setter.await.unwrap());
        waiter.await.unwrap();
        assert!(re_enters.1.load(Ordering::SeqCst), "the waker found the event set");
    });
}

/// A waker that spawns, looks up and cancels: nothing of the registry is locked.
pub fn that_re_enter_the_registry<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Meddles<L>(lifespan_core::Spawner<L>, Moment);
    impl<L: Timer> Wake for Meddles<L> {
        fn wake(self: Arc<Self>) {
            for task in &self.0.tasks() {
                assert!(!task.path().is_empty());
            }
            drop(self.0.tasks().cancel("victim"));
            drop(self.0.spawn(async |_cx| {}).expect("the scope lives"));
            self.1.come();
        }
    }
    inside(owner, async |cx| {
        let go_on = Moment::default();
        let gate = go_on.clone();
        let body = async |cx: lifespan_core::Cx<'_, _>| cx.sleep(crate::support::NEVER).await;
        let victim = cx.task("victim").spawn(body).unwrap();
        let task = cx.spawn(async move |_cx| gate.wait().await);
        let meddled = Moment::default();
        let waker = Waker::from(Arc::new(Meddles(cx.spawner(), meddled.clone())));
        let mut end = task.task_ref().finished();
        assert!(Pin::new(&mut end).poll(&mut Context::from_waker(&waker)).is_pending());
        go_on.come();
        meddled.wait().await;
        task.await.unwrap();
        assert!(victim.await.is_err(), "it was cancelled by the waker");
    });
}

/// A panicking waker loses nobody else's wake-up, and its panic is its setter's.
pub fn that_panic<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let event = ShutdownEvent::new();
        let mut wait = event.wait_owned();
        let waker = panicking();
        assert!(Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)).is_pending());
        let waiters = [(); 5].map(|()| {
            let event = event.clone();
            cx.spawn(async move |_cx| event.wait().await)
        });
        yield_now().await;
        let trigger = event.trigger();
        let setter = cx.spawn(async move |_cx| trigger.set("now").is_ok());
        assert!(setter.await.is_err(), "the panic is raised again in the setter");
        for waiter in waiters {
            waiter.await.unwrap();
        }
    });
}
