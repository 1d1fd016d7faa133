//! Panics: whatever panics, it is an outcome with its payload, and the loop goes on.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use futures_lite::future::{pending, yield_now};
use lifespan_core::{
    BoxError, Cx, HandlerOutcome, Lifespan, LoopOwner, Outcome, Output, TaskError, Timer,
};

use crate::support::{self, Bomb, Moment, NEVER};
use crate::wakers::panicking;

/// As the foreground of a lifespan whose registry is whole when it ends.
#[track_caller]
fn inside<O, R, F>(owner: O, body: F)
where
    O: LoopOwner<Handle: Timer>,
    R: Output<Value = ()> + 'static,
    F: for<'t> AsyncFnOnce(Cx<'t, O::Handle>) -> R + 'static,
{
    support::inside(owner, async move |cx| {
        let returned = body(cx.clone()).await;
        assert_is_whole(&cx).await;
        returned
    });
}

/// Nothing is left of what has panicked, its name is free, and who comes is a task as any other.
async fn assert_is_whole<L: Timer>(cx: &Cx<'_, L>) {
    let tasks = cx.tasks();
    assert!(tasks.is_empty() && tasks.iter().next().is_none(), "{tasks:?}");
    assert!(tasks.get(PANICS).is_none() && tasks.cancel(PANICS).await.is_err());
    let next = cx.task(PANICS).spawn(async |cx| cx.shutdown().wait().await).unwrap();
    assert_eq!(tasks.get(PANICS).unwrap().id(), next.task_ref().id());
    assert!(cx.task(PANICS).spawn(async |_cx| ()).is_err(), "it is taken again");
    assert!(next.stop());
    next.await.unwrap();
}

/// Of what panics in these.
const PANICS: &str = "panics";

fn is_panic<T>(ended: &Result<T, TaskError>, text: &str) -> bool {
    matches!(ended, Err(TaskError::Panicked(panic)) if panic.text() == text)
}

/// A body that panics before or after an await: an outcome, with its text.
pub fn in_a_body<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let at_once = cx.task(PANICS).spawn(async |_cx| panic!("at once"));
        assert!(is_panic(&at_once.unwrap().await, "at once"));
        let later = cx.task(PANICS).spawn(async |_cx| {
            yield_now().await;
            panic!("after {}", "an await");
        });
        assert!(is_panic(&later.unwrap().await, "after an await"));
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
        let ended = cx.task(PANICS).spawn(body).unwrap().await;
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
        let task = cx.task(PANICS).spawn(async |_cx| panic_any(Bomb("in a payload")));
        let task = task.unwrap();
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
        let task = cx.task(PANICS).spawn(async move |_cx| {
            let _bomb = Bomb("in a destructor");
            at_begin.come();
            pending::<()>().await;
        });
        let task = task.unwrap();
        begun.wait().await;
        assert_eq!(task.cancel().await.to_string(), "panicked: in a destructor");
        assert!(is_panic(&task.await, "in a destructor"));
    });
}

/// A destructor that panics in a body that was never polled.
pub fn in_the_destructor_of_an_unpolled_body<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let bomb = Bomb("unpolled");
        let task = cx.task(PANICS).spawn(async move |_cx| {
            let _bomb = bomb;
            pending::<()>().await;
        });
        let task = task.unwrap();
        assert_eq!(task.cancel().await.to_string(), "panicked: unpolled");
        assert!(task.await.is_err());
    });
}

/// A destructor that panics as a body returns.
pub fn in_the_destructor_of_a_body_that_returns<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.task(PANICS).spawn(async |_cx| {
            let _bomb = Bomb("on the way out");
            yield_now().await;
        });
        assert!(is_panic(&task.unwrap().await, "on the way out"));
    });
}

/// A value whose destructor panics, where nobody is left to take it, is a panic of its task.
pub fn in_the_destructor_of_a_value<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let (gate, go_on) = Moment::pair();
            let task = cx.task(PANICS).spawn(async move |_cx| {
                gate.wait().await;
                Some(Bomb("in a value"))
            });
            let task = task.unwrap();
            let end = task.task_ref().finished();
            task.detach();
            go_on.come();
            assert_eq!(end.await.to_string(), "panicked: in a value");
            assert_is_whole(&cx).await;
        })
        .run();
    assert!(matches!(report.serve, Some(Outcome::Completed)), "{report}");
    assert!(report.stragglers.is_empty(), "{report}");
}

/// A value whose destructor panics, and whose handle is dropped after the end: the dropper's.
pub fn in_the_destructor_of_a_value_that_was_ready<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.task(PANICS).spawn(async |_cx| Some(Bomb("in a ready value"))).unwrap();
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

/// What panics while its scope is stopped counts as ended, so that the stop ends with the last.
pub fn during_a_stop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .startup("component", async |cx| {
            let body = async |cx: Cx<'_, _>| -> () {
                cx.shutdown().wait().await;
                panic!("at its stop");
            };
            cx.task("body").spawn(body)?.detach();
            let destructor = async |cx: Cx<'_, _>| {
                let _bomb = Bomb("at its stop");
                cx.shutdown().wait().await;
            };
            cx.task("destructor").spawn(destructor)?.detach();
            let value = async |cx: Cx<'_, _>| {
                cx.shutdown().wait().await;
                Some(Bomb("at its stop"))
            };
            cx.task("value").spawn(value)?.detach();
            let bomb = Bomb("at its stop");
            let cut = async move |_cx: Cx<'_, _>| {
                let _bomb = bomb;
                pending::<()>().await;
            };
            cx.task("cut").cancel_on_stop().spawn(cut)?.detach();
            Ok::<_, BoxError>(())
        })
        .shutdown("component", async |cx| assert!(cx.tasks().is_empty(), "its tasks are gone"))
        .serve(async |_cx| ())
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.phases.stopping < NEVER && report.stragglers.is_empty(), "{report}");
    for name in ["body", "destructor", "value", "cut"] {
        let task = report.task(&format!("component/{name}")).unwrap();
        let outcome = task.outcome.as_ref().unwrap().to_string();
        assert_eq!((outcome.as_str(), task.overran), ("panicked: at its stop", false), "{report}");
    }
    let shutdown = &report.component("component").unwrap().shutdown;
    assert!(matches!(shutdown, HandlerOutcome::Completed), "{report}");
    assert_eq!(report.exit_code(), 4);
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
