//! The erased handle: functions without generics mean the same.

use std::time::Duration;

use futures_lite::future::pending;
use lifespan_core::{AnyLoop, Cx, LoopOwner, Outcome, Spawner, TaskError, Timer, Waited};

use crate::support::{Moment, NEVER, SHORT, inside};

/// What a library without generics looks like.
async fn work(cx: &Cx<'_>) -> u32 {
    let before = cx.now();
    cx.sleep(Duration::from_millis(1)).await;
    assert!(cx.now() - before >= Duration::from_millis(1));
    assert!(cx.timeout(SHORT, pending::<()>()).await.is_err());
    let task = cx.spawn(async |cx| {
        cx.sleep(Duration::ZERO).await;
        17_u32
    });
    task.await.expect("it completes")
}

/// A function without generics sleeps, times out, spawns and awaits.
pub fn works_without_generics<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        assert_eq!(work(&cx.erased()).await, 17);
        assert_eq!(cx.spawn(async |cx| work(&cx.erased()).await).await.unwrap(), 17);
    });
}

/// It is the same loop, scope, task, state and event.
pub fn is_the_same_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        cx.state().insert(18_u64);
        let task = cx.task("typed").spawn(async |cx| {
            let erased = cx.erased();
            assert_eq!(erased.loop_id(), cx.loop_id());
            assert_eq!(erased.this_task().unwrap().id(), cx.this_task().unwrap().id());
            assert_eq!(erased.state().get::<u64>().as_deref(), Some(&18));
            assert!(erased.tasks().contains("typed"));
            let inner = erased.task("erased").spawn(async |cx| {
                assert_eq!(cx.wait_timeout(NEVER).await, Waited::Set);
            });
            assert!(cx.tasks().stop("erased").is_ok());
            inner.unwrap().await.unwrap();
            cx.this_task().unwrap().stop();
            assert!(erased.shutdown().is_set());
        });
        task.unwrap().await
    });
}

/// An erased spawner is a plain type that may go anywhere.
pub fn has_a_spawner_without_generics<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct RequestHandler {
        spawner: Spawner<AnyLoop>,
    }
    inside(owner, async |cx| {
        let handler = RequestHandler { spawner: cx.erased().spawner() };
        let gone = Moment::default();
        let held = gone.on_drop();
        let task = handler.spawner.task("job").spawn(async move |_cx| {
            let _held = held;
            pending::<()>().await;
        });
        assert!(matches!(handler.spawner.tasks().cancel("job").await, Ok(Outcome::Cancelled)));
        assert!(gone.has_come());
        assert!(matches!(task.unwrap().await, Err(TaskError::Cancelled)));
    });
}
