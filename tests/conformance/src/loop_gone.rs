//! The end of a loop: its tasks are dropped with it, and whoever waits for them is told.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use futures_lite::future::{pending, poll_fn, poll_once};
use lifespan_core::{
    Cx, EventLoop, Lifespan, LoopOwner, Outcome, Report, Spawner, Task, TaskError, Timer,
};

use crate::support::{Bomb, Moment, ready};

/// A lifespan that was left standing half-way, its loop not driven any more.
struct Standing<L: 'static> {
    spawner: Spawner<L>,
    task: Task<()>,
    // Dropping it cancels what it started, so it goes last.
    lifespan: Pin<Box<dyn Future<Output = Report>>>,
}

/// Runs the owner until a task of a lifespan says that it has begun, and leaves both standing.
fn stand<O, F>(owner: &mut O, begun: Moment, body: F) -> Standing<O::Handle>
where
    O: LoopOwner<Handle: Timer>,
    F: AsyncFnOnce(Cx<'_, O::Handle>)
        + for<'x> lifespan_core::TaskFn<'x, O::Handle, ()>
        + Send
        + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let ran = owner.run(async move |handle| {
        let lifespan = Lifespan::attach(handle.clone()).serve(async move |cx| {
            let task = cx.spawn(body);
            begun.wait().await;
            sender.send((cx.spawner(), task)).unwrap();
            pending::<()>().await;
        });
        let mut lifespan: Pin<Box<dyn Future<Output = Report>>> = Box::pin(lifespan.run());
        let begun = poll_fn(|context| {
            assert!(lifespan.as_mut().poll(context).is_pending(), "the lifespan serves");
            receiver.try_recv().map_or(Poll::Pending, Poll::Ready)
        });
        let (spawner, task) = begun.await;
        Standing { spawner, task, lifespan }
    });
    ran.expect("the loop runs")
}

/// The owner is dropped with a live task: the body is dropped, and awaiting gives `LoopClosed`.
pub fn tells_who_awaits<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let (begun, at_begin) = Moment::pair();
    let standing = stand(&mut owner, begun, async move |_cx| {
        let _held = held;
        at_begin.come();
        pending::<()>().await;
    });
    assert!(!gone.has_come());
    drop(owner);
    assert!(gone.has_come(), "a loop that ends drops the futures that it has");
    let task_ref = standing.task.task_ref().clone();
    assert!(matches!(ready(standing.task), Err(TaskError::LoopClosed)));
    assert!(matches!(ready(task_ref.finished()), Outcome::LoopClosed));
    assert!(matches!(ready(task_ref.cancel()), Outcome::LoopClosed), "a cancel changes nothing");
    drop(standing.lifespan);
}

/// A waiter that waits already, on a plain thread, is woken.
pub fn wakes_who_waits_already<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (begun, at_begin) = Moment::pair();
    let mut standing = stand(&mut owner, begun, async move |_cx| {
        at_begin.come();
        pending::<()>().await;
    });
    assert!(ready(poll_once(&mut standing.task)).is_none());
    let (count, waker) = crate::wakers::counting();
    let mut context = Context::from_waker(&waker);
    assert!(Pin::new(&mut standing.task).poll(&mut context).is_pending());
    drop(owner);
    assert_eq!(count.count(), 1, "the waiter was woken");
    assert!(matches!(ready(&mut standing.task), Err(TaskError::LoopClosed)));
}

/// A spawn into a scope whose loop is gone never runs, and ends as `LoopClosed`.
pub fn a_spawn_after_it_is_told<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (begun, at_begin) = Moment::pair();
    let standing = stand(&mut owner, begun, async move |_cx| at_begin.come());
    drop(owner);
    let gone = Moment::default();
    let held = gone.on_drop();
    let task = standing.spawner.spawn(async move |_cx| {
        let _held = held;
        unreachable!("no loop");
    });
    match task {
        Ok(task) => assert!(matches!(ready(task), Err(TaskError::LoopClosed))),
        Err(closed) => drop(closed.into_inner()),
    }
    assert!(gone.has_come(), "the body was dropped");
}

/// What a handle of an ended loop is given to spawn is dropped.
pub fn the_handle_drops_what_it_is_given<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = owner.run(async |handle| handle.clone()).expect("the loop runs");
    drop(owner);
    let gone = Moment::default();
    let held = gone.on_drop();
    let _closed_or_not = handle.spawn(async move {
        let _held = held;
        unreachable!("no loop");
    });
    assert!(gone.has_come(), "the future was dropped");
}

/// No task keeps its own loop alive, whatever it holds: a spawner, its `Cx`, its own handle.
pub fn no_task_keeps_its_loop_alive<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let (begun, at_begin) = Moment::pair();
    let standing = stand(&mut owner, begun, async move |cx| {
        let (_held, _spawner, _itself) = (held, cx.spawner(), cx.this_task());
        at_begin.come();
        cx.sleep(crate::support::NEVER).await;
    });
    drop(owner);
    assert!(gone.has_come(), "the body outlives its loop");
    drop(standing);
}

/// A future that holds the raw handle does not keep its loop alive either.
pub fn no_future_keeps_its_loop_alive<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let ran = owner.run(async |handle| {
        let mine = handle.clone();
        let polled = Moment::default();
        let at_poll = polled.clone();
        let spawned = handle.spawn(async move {
            let _held = (held, &mine);
            at_poll.come();
            let _ = mine.sleep(crate::support::NEVER).await;
        });
        assert!(spawned.is_ok(), "the loop runs");
        polled.wait().await;
    });
    ran.expect("the loop runs");
    drop(owner);
    assert!(gone.has_come(), "a future that holds its loop's handle outlives the loop");
}

/// A future that was never polled is dropped with its loop.
pub fn drops_what_was_never_polled<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let ran = owner.run(async |handle| {
        let spawned = handle.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        assert!(spawned.is_ok(), "the loop runs");
    });
    ran.expect("the loop runs");
    drop(owner);
    assert!(gone.has_come(), "the future outlives its loop");
}

/// A destructor that panics as the loop ends is an outcome; it aborts nothing.
pub fn a_destructor_may_panic<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let (begun, at_begin) = Moment::pair();
    let standing = stand(&mut owner, begun, async move |_cx| {
        let (_bomb, _held) = (Bomb("as the loop ends"), held);
        at_begin.come();
        pending::<()>().await;
    });
    drop(owner);
    assert!(gone.has_come());
    let ended = ready(standing.task);
    assert!(
        matches!(&ended, Err(TaskError::Panicked(panic)) if panic.text() == "as the loop ends"),
        "{ended:?}"
    );
}

/// A destructor may spawn as the loop ends: what it spawns is dropped, and nothing hangs.
pub fn a_destructor_may_spawn<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    struct SpawnOnDrop<L: EventLoop>(Spawner<L>, Option<crate::support::ComesOnDrop>);
    impl<L: EventLoop> Drop for SpawnOnDrop<L> {
        fn drop(&mut self) {
            let held = self.1.take();
            let body = async move |_cx: Cx<'_, L>| {
                let _held = held;
                pending::<()>().await;
            };
            // Refused or not, the body is to be dropped.
            let _ = self.0.spawn(body).map(drop);
        }
    }
    let gone = Moment::default();
    let held = gone.on_drop();
    let (begun, at_begin) = Moment::pair();
    let standing = stand(&mut owner, begun, async move |cx| {
        let _spawns = SpawnOnDrop(cx.spawner(), Some(held));
        at_begin.come();
        pending::<()>().await;
    });
    drop(owner);
    assert!(matches!(ready(standing.task), Err(TaskError::LoopClosed)));
    assert!(gone.has_come(), "what a destructor spawned outlives the loop");
}

/// A task's waker outlives the loop: waking, cloning and dropping it is harmless.
pub fn a_waker_outlives_it<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (sender, receiver) = mpsc::channel::<Waker>();
    let (begun, at_begin) = Moment::pair();
    let standing = stand(&mut owner, begun, async move |_cx| {
        at_begin.come();
        let give_away = poll_fn(|context| {
            let _ = sender.send(context.waker().clone());
            Poll::<()>::Pending
        });
        give_away.await;
    });
    drop(owner);
    let waker = receiver.recv().expect("it was polled");
    waker.wake_by_ref();
    let clone = waker.clone();
    drop(waker);
    clone.wake();
    assert!(matches!(ready(standing.task), Err(TaskError::LoopClosed)));
}

/// The lifespan's own future may be dropped when its loop is gone.
pub fn the_lifespan_may_be_dropped_after_it<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (begun, at_begin) = Moment::pair();
    let Standing { spawner, task, lifespan } = stand(&mut owner, begun, async move |cx| {
        at_begin.come();
        cx.shutdown().wait().await;
    });
    drop(owner);
    drop(lifespan);
    assert!(spawner.lifespan_event().is_set(), "its end is heard");
    let refused = spawner.spawn(async |_cx| 1);
    assert!(refused.is_err(), "the scope has ended");
    assert!(matches!(ready(task), Err(TaskError::LoopClosed)));
}

/// After the end of a lifespan a spawn gives the body back, unpolled, while the loop lives.
pub fn a_lifespan_that_has_ended_gives_the_body_back<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (sender, receiver) = mpsc::channel();
    let first = async move |cx: Cx<'_, O::Handle>| sender.send(cx.spawner()).unwrap();
    assert!(Lifespan::on(&mut owner).serve(first).run().is_clean());
    let spawner = receiver.recv().unwrap();
    let body = spawner.spawn(async |_cx| 21).expect_err("it has ended").into_inner();
    crate::support::inside(owner, async move |cx| {
        assert_eq!(cx.spawn(body).await.unwrap(), 21, "the body came back whole");
    });
}
