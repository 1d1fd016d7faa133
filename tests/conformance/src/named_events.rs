//! Named events: what is dispatched reaches those who listen, on every loop.

use std::sync::Arc;

use futures_lite::future::yield_now;
use lifespan_core::{Lifespan, LoopOwner, RecvError, Timer, WaitError};

use crate::support::{Moment, NEVER, SHORT, inside, ready};

/// Nothing that is dispatched after the subscription is lost, whatever the subscriber does between.
pub fn reach_all_who_have_subscribed<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let mut numbers = cx.events().subscribe::<u32>("n").unwrap();
                cx.spawn(async move |_cx| {
                    let mut heard = Vec::new();
                    while heard.len() < 10 {
                        heard.push(*numbers.recv().await.unwrap());
                        yield_now().await; // it works between two waits
                    }
                    heard
                })
            })
            .collect();
        for number in 0..10_u32 {
            assert!(cx.events().dispatch("n", number).unwrap() <= 3);
            if number % 3 == 0 {
                yield_now().await;
            }
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), (0..10).collect::<Vec<_>>());
        }
        assert_eq!(cx.events().subscribers("n"), 0);
    });
}

/// Who waits already is woken, and all get the same value.
pub fn wake_who_waits<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                cx.spawn(async |cx| {
                    let value = cx.events().wait::<String>("greeting", NEVER).await.unwrap();
                    (Arc::as_ptr(&value).addr(), String::clone(&value))
                })
            })
            .collect();
        while cx.events().subscribers("greeting") < 10 {
            yield_now().await;
        }
        assert_eq!(cx.events().dispatch("greeting", String::from("hello")), Ok(10));
        // Who has its value may not have left yet; it takes no other.
        assert!(cx.events().dispatch("greeting", String::from("again")).is_ok());
        let mut heard = Vec::new();
        for waiter in waiters {
            heard.push(waiter.await.unwrap());
        }
        assert!(heard.iter().all(|one| *one == heard[0] && one.1 == "hello"), "{heard:?}");
        assert_eq!((heard.len(), cx.events().subscribers("greeting")), (10, 0));
    });
}

/// A wait has a limit, by the loop's own time.
pub fn are_waited_for_in_time<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let from_the_call_on = cx.events().wait::<u32>("at once", NEVER);
        assert_eq!(cx.events().dispatch("at once", 7_u32), Ok(1), "it listens, though unpolled");
        assert_eq!(*from_the_call_on.await.unwrap(), 7);
        let waited = cx.events().wait::<u32>("never", SHORT).await;
        assert!(matches!(waited, Err(WaitError::Elapsed(_))), "{waited:?}");
        assert_eq!(cx.events().subscribers("never"), 0);
        assert_eq!(cx.events().dispatch("never", 7_u32), Ok(0));
    });
}

/// Who is slow is told how much was dropped, and goes on with what is left.
pub fn tell_who_is_slow<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut slow = cx.events().subscribe_bounded::<u32>("n", 4).unwrap();
        let dispatching = cx.spawn(async |cx| {
            for number in 0..100_u32 {
                cx.events().dispatch("n", number).unwrap();
                yield_now().await;
            }
        });
        dispatching.await.unwrap();
        assert_eq!(slow.recv().await, Err(RecvError::Lagged(96)));
        for number in 96..100 {
            assert_eq!(*slow.recv().await.unwrap(), number);
        }
    });
}

/// A subscription that outlives the lifespan is closed, and who waits is told.
pub fn are_closed_at_the_end<O: LoopOwner<Handle: Timer>>(owner: O) {
    let (subscribed, outside) = Moment::pair();
    let (give, take) = std::sync::mpsc::channel();
    let report = Lifespan::on(owner)
        .shutdown("last", async |cx| {
            assert_eq!(cx.events().dispatch("n", 1_u32), Ok(1));
        })
        .serve(async move |cx| {
            give.send(cx.events().subscribe::<u32>("n").unwrap()).unwrap();
            subscribed.come();
        })
        .run();
    assert!(report.is_clean() && outside.has_come(), "{report}");
    let mut kept = take.recv().unwrap();
    assert_eq!(*ready(kept.recv()).unwrap(), 1);
    assert_eq!(ready(kept.recv()), Err(RecvError::Closed));
}

/// A task that is cancelled while it waits leaves nothing behind.
pub fn leave_with_their_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..20 {
            let task = cx.spawn(async |cx| {
                let mut numbers = cx.events().subscribe::<u32>("n").unwrap();
                while numbers.recv().await.is_ok() {}
            });
            while cx.events().subscribers("n") == 0 {
                yield_now().await;
            }
            task.cancel().await;
            assert_eq!(cx.events().subscribers("n"), 0);
        }
    });
}
