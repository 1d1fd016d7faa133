//! Panics: whatever panics, it is an outcome with its payload, and the loop goes on.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures_lite::future::{pending, yield_now};
use lifespan_core::{Cx, HandlerOutcome, Lifespan, LoopOwner, Outcome, TaskError, Timer};

use crate::support::{Bomb, Moment, inside};
use crate::wakers::panicking;

fn is_panic<T>(ended: &Result<T, TaskError>, text: &str) -> bool {
    matches!(ended, Err(TaskError::Panicked(panic)) if panic.text() == text)
}

/// A body that panics before or after an await: an outcome, with its text.
pub fn in_a_body<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let at_once = cx.spawn(async |_cx| panic!("at once"));
        assert!(is_panic(&at_once.await, "at once"));
        let later = cx.spawn(async |_cx| {
            yield_now().await;
            panic!("after {}", "an await");
        });
        assert!(is_panic(&later.await, "after an await"));
    });
}

/// A body that panics when it is called, before there is a future.
pub fn in_the_call_of_a_body<O: LoopOwner<Handle: Timer>>(owner: O) {
    fn body<L: Timer>(_cx: Cx<'_, L>) -> impl Future<Output = ()> + Send + '_ {
        let future = async {};
        assert!(std::hint::black_box(false), "in the call");
        future
    }
    inside(owner, async |cx| {
        let ended = cx.spawn(body).await;
        assert!(is_panic(&ended, "in the call"), "{ended:?}");
    });
}

/// The payload of a panic is kept, and is one taker's.
pub fn keeps_the_payload<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| panic_any(404_u16));
        let Err(TaskError::Panicked(panic)) = task.await else { unreachable!("it panicked") };
        let payload = panic.take_payload().expect("nobody took it before");
        assert_eq!(payload.downcast_ref::<u16>(), Some(&404));
        assert!(panic.take_payload().is_none(), "it was taken");
    });
}

/// A payload whose destructor panics harms nobody.
pub fn in_the_destructor_of_a_payload<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| panic_any(Bomb("in a payload")));
        let end = task.task_ref().finished();
        assert!(matches!(end.await, Outcome::Panicked(_)));
        assert!(task.await.is_err());
        assert_eq!(cx.spawn(async |_cx| 1).await.unwrap(), 1, "the loop goes on");
    });
}

/// A destructor that panics when a body is cancelled: `Panicked`, told to the canceller.
pub fn in_the_destructor_of_a_cancelled_body<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let begun = Moment::default();
        let at_begin = begun.clone();
        let task = cx.spawn(async move |_cx| {
            let _bomb = Bomb("in a destructor");
            at_begin.come();
            pending::<()>().await;
        });
        begun.wait().await;
        assert_eq!(task.cancel().await.to_string(), "panicked: in a destructor");
        assert!(is_panic(&task.await, "in a destructor"));
    });
}

/// A destructor that panics in a body that was never polled.
pub fn in_the_destructor_of_an_unpolled_body<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let bomb = Bomb("unpolled");
        let task = cx.spawn(async move |_cx| {
            let _bomb = bomb;
            pending::<()>().await;
        });
        assert_eq!(task.cancel().await.to_string(), "panicked: unpolled");
        assert!(task.await.is_err());
    });
}

/// A destructor that panics as a body returns.
pub fn in_the_destructor_of_a_body_that_returns<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| {
            let _bomb = Bomb("on the way out");
            yield_now().await;
        });
        assert!(is_panic(&task.await, "on the way out"));
    });
}

/// A value whose destructor panics, where nobody is left to take it, is a panic of its task.
pub fn in_the_destructor_of_a_value<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let (gate, go_on) = Moment::pair();
            let task = cx.spawn(async move |_cx| {
                gate.wait().await;
                Some(Bomb("in a value"))
            });
            let end = task.task_ref().finished();
            task.detach();
            go_on.come();
            assert_eq!(end.await.to_string(), "panicked: in a value");
            assert_eq!(cx.spawn(async |_cx| 1).await.unwrap(), 1, "the loop goes on");
        })
        .run();
    assert!(matches!(report.serve, Some(Outcome::Completed)), "{report}");
    assert!(report.stragglers.is_empty(), "{report}");
}

/// A value whose destructor panics, and whose handle is dropped after the end: the dropper's.
pub fn in_the_destructor_of_a_value_that_was_ready<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| Some(Bomb("in a ready value")));
        assert!(matches!(task.task_ref().finished().await, Outcome::Completed));
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(task)));
        let _ = dropped.map_err(drop); // raised or not, nothing else is harmed
        assert_eq!(cx.spawn(async |_cx| 1).await.unwrap(), 1, "the loop goes on");
    });
}

/// The waker of a waiter panics: the task settles, and every other waiter is woken.
pub fn in_the_waker_of_a_waiter<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let go_on = Moment::default();
        let gate = go_on.clone();
        let task = cx.spawn(async move |_cx| gate.wait().await);
        let task_ref = task.task_ref().clone();
        let mut hostile = [task_ref.finished(), task_ref.finished()];
        let waker = panicking();
        for waiter in &mut hostile {
            assert!(Pin::new(waiter).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        let waiters = [(); 3].map(|()| {
            let end = task_ref.finished();
            cx.spawn(async move |_cx| matches!(end.await, Outcome::Completed))
        });
        go_on.come();
        task.await.unwrap();
        for waiter in waiters {
            assert!(waiter.await.unwrap());
        }
    });
}

/// A waker whose own destructor panics harms nobody.
pub fn in_the_destructor_of_a_waker<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Armed(#[expect(dead_code, reason = "for its destructor")] Bomb);
    impl Wake for Armed {
        fn wake(self: Arc<Self>) {}
    }
    inside(owner, async |cx| {
        let go_on = Moment::default();
        let gate = go_on.clone();
        let task = cx.spawn(async move |_cx| gate.wait().await);
        {
            let mut end = pin!(task.task_ref().finished());
            let waker = Waker::from(Arc::new(Armed(Bomb("in a waker's destructor"))));
            assert!(end.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker); // the last one is the record's: it goes off when the task settles
            go_on.come();
            cx.spawn(async |_cx| {}).await.unwrap();
            while !task.task_ref().is_finished() {
                yield_now().await;
            }
        }
        task.await.unwrap();
    });
}

/// One of many panics: the others end as they would have.
pub fn of_one_of_many<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let tasks = (0..100_usize).map(|number| {
            cx.spawn(async move |_cx| {
                yield_now().await;
                assert!(number % 10 != 3, "unlucky {number}");
                number
            })
        });
        for (number, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
            let ended = task.await;
            if number % 10 == 3 {
                assert!(is_panic(&ended, &format!("unlucky {number}")));
            } else {
                assert_eq!(ended.unwrap(), number);
            }
        }
    });
}

/// A panic in the foreground and in handlers is an outcome; the stop goes its way.
pub fn in_handlers_and_the_foreground<O: LoopOwner<Handle: Timer>>(owner: O) {
    let stopped = Moment::default();
    let at_stop = stopped.clone();
    let report = Lifespan::on(owner)
        .shutdown("first", async move |_cx| at_stop.come())
        .shutdown("second", async |_cx| -> () { panic!("in a handler") })
        .serve(async |_cx| -> () { panic!("in the foreground") })
        .run();
    assert!(stopped.has_come(), "{report}");
    assert!(
        matches!(&report.serve, Some(Outcome::Panicked(panic)) if panic.text() == "in the foreground")
    );
    let second = &report.component("second").unwrap().shutdown;
    assert!(matches!(second, HandlerOutcome::Panicked(panic) if panic.text() == "in a handler"));
    assert_eq!(report.exit_code(), 4);
}
