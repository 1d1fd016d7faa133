//! A lifespan that is a part of a task on a loop which somebody else drives.

use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};

use lifespan_core::{
    Attached, Cx, EventLoop, Lifespan, LoopOwner, Reason, ShutdownEvent, TaskError,
};

use crate::by_hand::{ByHand, Hand, next_round};
use crate::outcomes::Gone;

#[test]
fn it_runs_beside_what_the_loop_does_else() {
    let gone = Gone::default();
    let guard = gone.guard();
    let report = ByHand::new().run(async move |hand| {
        hand.spawn(async move {
            next_round().await;
            drop(guard);
        })
        .unwrap();
        let lifespan = Lifespan::attach(hand.clone()).serve(async |cx| {
            assert!(cx.shutdown().wait_blocking().is_err(), "a loop runs here");
            assert_eq!(cx.spawn(async |_cx| 7).await.unwrap(), 7);
            next_round().await;
        });
        lifespan.run().await
    });
    let report = report.unwrap();
    assert!(report.is_clean() && gone.is_gone(), "{report}");
}

#[test]
fn dropping_it_cancels_what_it_started() {
    let event = ShutdownEvent::new();
    let stop = event.clone();
    let done = ByHand::new().run(async move |hand| {
        let gone = Gone::default();
        let guard = gone.guard();
        let (send, receive) = std::sync::mpsc::channel();
        {
            let lifespan = Lifespan::attach(hand.clone()).event(stop).serve(async move |cx| {
                let task = cx.task("one").spawn(async move |cx| {
                    let _guard = guard;
                    cx.protect(pending::<()>()).await;
                });
                send.send((task.unwrap(), cx.spawner())).unwrap();
                pending::<()>().await;
            });
            let mut run = pin!(lifespan.run());
            let mut context = Context::from_waker(Waker::noop());
            assert!(run.as_mut().poll(&mut context).is_pending());
            next_round().await;
        }
        let (task, spawner) = receive.recv().unwrap();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(gone.is_gone());
        assert!(spawner.spawn(async |_cx| ()).is_err(), "its scope is closed");
    });
    done.unwrap();
    assert_eq!(event.reason(), Some(Reason::LoopClosed));
}

/// Drops the future of an attached lifespan while its handler of this kind waits.
fn drop_in_a_handler(startup: impl FnOnce(Lifespan<Attached<Hand>, Hand>, Waits) -> Attach) {
    let done = ByHand::new().run(async move |hand| {
        let gone = Gone::default();
        let (guard, (send, receive)) = (gone.guard(), std::sync::mpsc::channel());
        let waits: Waits = Box::new(move |cx| {
            let task = cx.spawn(async move |_cx| {
                let _guard = guard;
                pending::<()>().await;
            });
            send.send((task, cx.spawner())).unwrap();
        });
        {
            let lifespan = startup(Lifespan::attach(hand.clone()), waits);
            let mut run = pin!(lifespan.run());
            for _ in 0..10 {
                let _ = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                next_round().await;
            }
        }
        let (task, spawner) = receive.recv().unwrap();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(gone.is_gone());
        assert!(spawner.spawn(async |_cx| ()).is_err(), "its scope is closed");
    });
    done.unwrap();
}

type Attach = Lifespan<Attached<Hand>, Hand>;
type Waits = Box<dyn FnOnce(&Cx<'_, Hand>) + Send>;

#[test]
fn dropping_it_while_a_startup_handler_waits_cancels_the_tasks_of_that_component() {
    drop_in_a_handler(|lifespan, waits| {
        lifespan.startup("waits", async move |cx| {
            waits(&cx);
            pending::<()>().await;
        })
    });
}

#[test]
fn dropping_it_while_a_component_stops_cancels_the_tasks_of_that_component() {
    drop_in_a_handler(|lifespan, waits| {
        let lifespan = lifespan.startup("stops", async move |cx| waits(&cx));
        lifespan.serve(async |_cx| {})
    });
}
