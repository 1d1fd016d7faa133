//! Spawning: when a task is polled, by whom, and what it gives.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::future::yield_now;
use lifespan_core::{Cx, EventLoop, LoopOwner, TaskError, Timer};

use crate::support::{Moment, inside};

/// `EventLoop::spawn` polls nothing inside the call; on any thread.
pub fn the_handle_never_polls_inside_the_call<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    thread_local!(static SPAWNING: Cell<bool> = const { Cell::new(false) });
    let ran = owner.run(async |handle| {
        let (inside, outer) = (Moment::default(), Moment::default());
        for _ in 0..20 {
            let (last, seen) = (outer.on_drop(), inside.clone());
            SPAWNING.set(true);
            let spawned = handle.spawn(async move {
                let _last = last;
                if SPAWNING.get() {
                    seen.come();
                }
            });
            SPAWNING.set(false);
            assert!(spawned.is_ok(), "the loop runs");
            outer.wait().await;
        }
        assert!(!inside.has_come(), "a future was polled inside the call that spawned it");
    });
    ran.expect("the loop runs");
}

/// What a handle starts runs to its end though nobody holds anything of it.
pub fn the_handle_starts_what_nobody_holds<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let ran = owner.run(async |handle| {
        let ended = Moment::default();
        let at_end = ended.clone();
        let spawned = handle.spawn(async move {
            for _ in 0..10 {
                yield_now().await;
            }
            at_end.come();
        });
        assert!(spawned.is_ok(), "the loop runs");
        ended.wait().await;
    });
    ran.expect("the loop runs");
}

/// `Cx::spawn` polls nothing inside the call, in a handler and in a task.
pub fn a_task_is_not_polled_inside_the_call<O: LoopOwner<Handle: Timer>>(owner: O) {
    thread_local!(static SPAWNING: Cell<bool> = const { Cell::new(false) });
    async fn spawn_one<L: Timer>(cx: &Cx<'_, L>) -> bool {
        SPAWNING.set(true);
        let task = cx.spawn(async |_cx| SPAWNING.get());
        SPAWNING.set(false);
        task.await.expect("the task completes")
    }
    inside(owner, async |cx| {
        assert!(!spawn_one(&cx).await, "polled inside a handler's spawn");
        let in_task = cx.spawn(async |cx| spawn_one(&cx).await);
        assert!(!in_task.await.unwrap(), "polled inside a task's spawn");
    });
}

/// A task runs though its handle is held and never polled.
pub fn a_task_runs_though_its_handle_is_never_polled<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let ended = Moment::default();
        let at_end = ended.clone();
        let task = cx.spawn(async move |_cx| at_end.come());
        ended.wait().await;
        drop(task);
    });
}

/// Awaiting a task gives its value, of any size, moved and not copied.
pub fn a_task_gives_its_value<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let shared = Arc::new(AtomicUsize::new(7));
        let sent = Arc::clone(&shared);
        let got = cx.spawn(async move |_cx| sent).await.unwrap();
        assert!(Arc::ptr_eq(&got, &shared), "the very value comes out");
        assert_eq!(Arc::strong_count(&shared), 2, "and it was not kept anywhere");
        let large = cx.spawn(async |_cx| [7_u64; 4096]).await.unwrap();
        assert_eq!(large.iter().sum::<u64>(), 7 * 4096);
    });
}

/// Awaiting a task that returned an error gives that error, which is then nobody else's.
pub fn a_task_gives_its_error<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| Err::<u8, _>(std::fmt::Error));
        let Err(TaskError::Failed(failure)) = task.await else { panic!("it failed") };
        assert!(failure.error().is::<std::fmt::Error>());
    });
}

/// Of many tasks every one runs, exactly once.
pub fn many_tasks_all_run<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let count = Arc::new(AtomicUsize::new(0));
        let tasks = (0..3_000_usize).map(|number| {
            let count = Arc::clone(&count);
            cx.spawn(async move |_cx| {
                count.fetch_add(1, Ordering::SeqCst);
                yield_now().await;
                number
            })
        });
        for (number, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), number);
        }
        assert_eq!(count.load(Ordering::SeqCst), 3_000);
        assert!(cx.tasks().is_empty(), "who has ended has left");
    });
}

/// A task may spawn tasks and await them.
pub fn a_task_awaits_tasks_of_its_own<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let sum = cx.spawn(async |cx| {
            let tasks = [1, 2, 3].map(|number| cx.spawn(async move |_cx| number));
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum.await.unwrap(), 6);
    });
}

/// A task that yields for ever keeps nobody else from running.
pub fn a_task_that_yields_starves_nobody<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let over = Moment::default();
        let seen = over.clone();
        let busy = cx.spawn(async move |_cx| {
            while !seen.has_come() {
                yield_now().await;
            }
        });
        let turns = cx.spawn(async |_cx| {
            for _ in 0..100 {
                yield_now().await;
            }
        });
        turns.await.unwrap();
        over.come();
        busy.await
    });
}

/// A spawner taken out of its task still spawns into that scope while the lifespan lives.
pub fn a_spawner_outlives_the_task_it_came_from<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let task = cx.spawn(async move |cx| sender.send(cx.spawner()).unwrap());
        task.await.unwrap();
        let spawner = receiver.recv().unwrap();
        let task = spawner.spawn(async |_cx| 5).expect("the scope lives");
        assert_eq!(task.await.unwrap(), 5);
    });
}

/// A task's id, path and place of spawn are told, while it lives and after.
pub fn a_task_says_who_it_is<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let line = line!() + 2;
        let task =
            cx.spawn(async |cx| cx.this_task().expect("a task knows itself").id().to_string());
        let task_ref = task.task_ref().clone();
        assert_eq!(task.await.unwrap(), task_ref.id().to_string());
        let place = task_ref.spawned_at();
        assert_eq!((place.file(), place.line()), (file!(), line));
        assert!(task_ref.is_finished());
        assert!(cx.this_task().is_none(), "a handler is no task");
    });
}
