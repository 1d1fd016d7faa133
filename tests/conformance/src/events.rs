//! The shutdown event: a level, heard on every loop, by children and by who comes late.

use std::cell::Cell;
use std::time::Duration;

use futures_lite::future::{pending, poll_once, yield_now};
use lifespan_core::{InsideLoop, Lifespan, LoopOwner, Reason, ShutdownEvent, Timer};

use crate::support::{Moment, inside};

/// An event made before any loop exists is heard by a task, by the foreground, and after the end.
pub fn made_before_any_loop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let event = ShutdownEvent::new();
    let (heard, trigger) = (event.clone(), event.trigger());
    inside(owner, async move |cx| {
        let also_heard = heard.clone();
        let waiter = cx.spawn(async move |_cx| also_heard.wait().await);
        yield_now().await;
        trigger.set("now").unwrap();
        heard.wait().await;
        waiter.await
    });
    assert_eq!(event.reason(), Some(Reason::from("now")));
}

/// Who comes late finds it set; a second setter is told both reasons.
pub fn is_a_level<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let event = ShutdownEvent::new();
        event.trigger().set("first").unwrap();
        let late = event.clone();
        cx.spawn(async move |_cx| late.wait().await).await.unwrap();
        let refused = event.trigger().set("second").unwrap_err();
        assert_eq!((refused.first, refused.yours), ("first".into(), "second".into()));
    });
}

/// A child hears its parent; the parent never hears its child.
pub fn a_child_hears_its_parent<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let parent = ShutdownEvent::new();
        let (child, sibling) = (parent.child(), parent.child());
        let grandchild = child.child();
        child.trigger().set("child").unwrap();
        assert!(grandchild.is_set() && !parent.is_set() && !sibling.is_set());
        let waiter = cx.spawn(async move |_cx| sibling.wait().await);
        yield_now().await;
        parent.trigger().set("parent").unwrap();
        assert_eq!(child.reason(), Some(Reason::from("child")), "the first reason stays");
        assert!(parent.child().is_set(), "born set");
        waiter.await
    });
}

/// A dropped middle node hands its children to its parent.
pub fn a_dropped_middle_is_bridged<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let top = ShutdownEvent::new();
        let middle = top.child();
        let bottom = middle.child();
        let waiter = cx.spawn(async move |_cx| bottom.wait().await);
        yield_now().await;
        drop(middle);
        top.trigger().set("top").unwrap();
        waiter.await
    });
}

/// `run_until_set` gives the output, or nothing when the event is set, and drops the future.
pub fn runs_a_future_until_it_is_set<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let event = ShutdownEvent::new();
        assert_eq!(event.run_until_set(async { 16 }).await, Some(16));
        let gone = Moment::default();
        let (held, heard, trigger) = (gone.on_drop(), event.clone(), event.trigger());
        let task = cx.spawn(async move |_cx| {
            let never = async move {
                let _held = held;
                pending::<()>().await;
            };
            heard.run_until_set(never).await.is_none()
        });
        yield_now().await;
        trigger.set("now").unwrap();
        assert!(task.await.unwrap() && gone.has_come());
    });
}

/// Once set, `run_until_set` never polls the future: the event wins.
pub fn wins_over_a_future_that_is_ready<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |_cx| {
        let event = ShutdownEvent::new();
        event.trigger().set("before").unwrap();
        let polled = Cell::new(false);
        assert!(event.run_until_set(async { polled.set(true) }).await.is_none());
        assert!(!polled.get());
    });
}

/// A waiter that is dropped leaves; those that stay are woken.
pub fn a_dropped_waiter_leaves<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let event = ShutdownEvent::new();
        for _ in 0..1_000 {
            assert!(poll_once(event.wait()).await.is_none());
        }
        let cut = event.clone();
        let cut = cx.spawn(async move |_cx| cut.wait().await);
        let stays = event.clone();
        let stays = cx.spawn(async move |_cx| stays.wait().await);
        yield_now().await;
        cut.cancel().await;
        event.trigger().set("now").unwrap();
        stays.await
    });
}

/// A thousand waiters are all woken by one set.
pub fn wakes_a_thousand<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let event = ShutdownEvent::new();
        let waiters = [(); 1_000].map(|()| {
            let event = event.child();
            cx.spawn(async move |_cx| event.wait().await)
        });
        yield_now().await;
        event.trigger().set("now").unwrap();
        for waiter in waiters {
            waiter.await.unwrap();
        }
    });
}

/// A drop guard sets the event when its task is cancelled, and not when it is disarmed.
pub fn a_drop_guard_sets_it<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let event = ShutdownEvent::new();
        let guard = event.drop_guard();
        drop(cx.spawn(async move |_cx| drop(guard.disarm())).await);
        assert!(!event.is_set());
        let guard = event.drop_guard();
        let task = cx.spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        task.cancel().await;
        assert_eq!(event.reason(), Some(Reason::GuardDropped));
    });
}

/// A task's event is set by its own stop, by its scope's, and is born set in a scope that stops.
pub fn is_seen_by_a_task_as_its_own<O: LoopOwner<Handle: Timer>>(owner: O) {
    let born_set = Moment::default();
    let at_birth = born_set.clone();
    let report = Lifespan::on(owner)
        .startup("component", async move |cx| {
            let own = cx.spawn(async |cx| cx.shutdown().wait().await);
            assert!(own.stop() && own.await.is_ok() && !cx.shutdown().is_set());
            cx.spawn(async move |cx| {
                cx.shutdown().wait().await;
                assert!(cx.lifespan_event().is_set(), "the lifespan's is set before any task's");
                let late = cx.spawn(async |cx| cx.shutdown().is_set());
                if late.await.unwrap() {
                    at_birth.come();
                }
            })
            .detach();
        })
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(born_set.has_come(), "a task of a scope that stops is born stopped, and awaited");
}

/// A stop asked for before the poll is not lost: the event is set when it is first looked at.
pub fn a_stop_before_the_first_look_is_seen<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |cx| {
            let set = cx.shutdown().is_set();
            cx.shutdown().wait().await;
            set
        });
        task.stop();
        // On several threads it may have looked before; it has heard all the same.
        task.await.map(drop)
    });
}

/// The forms that block their thread refuse inside a loop, in a handler as in a task.
pub fn the_blocking_forms_refuse_inside<O: LoopOwner<Handle: Timer>>(owner: O) {
    fn are_refused() {
        let event = ShutdownEvent::new();
        let error = event.wait_blocking().expect_err("the loop would stand still");
        assert!(error.to_string().contains("is running an event loop"), "{error}");
        assert_eq!(event.wait_blocking_timeout(Duration::ZERO).map(drop), Err(error_of_timeout()));
    }
    inside(owner, async |cx| {
        are_refused();
        cx.spawn(async |_cx| are_refused()).await
    });
}

fn error_of_timeout() -> InsideLoop {
    InsideLoop::new("ShutdownEvent::wait_blocking_timeout")
}
