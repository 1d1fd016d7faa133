//! Short named tasks leave the memory where it was after the first 10,000, on every loop.
//!
//! A binary of its own, since the counting allocator is the process's. One test, so that no other
//! allocates meanwhile.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::alloc::System;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;

use futures_lite::future::yield_now;
use lifespan_async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan_async_std::AsyncStdLoop;
use lifespan_core::{Cx, Lifespan, LocalLoop, LoopOwner, Task, TaskBuilder, Timer};
use lifespan_sim::SimLoop;
use lifespan_smol::{SmolLocalLoop, SmolLoop};
use lifespan_tokio::{TokioLocalLoop, TokioLoop};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a loop and the registry need once.
const FIRST: usize = 10_000;

/// On one flavour of each adapter.
const MILLION: usize = 1_000_000;

/// On its other flavours, so that all of this takes seconds.
const TENTH: usize = MILLION / 10;

/// How many are spawned at once.
const BATCH: usize = 100;

/// Bytes that may be left by chance: the queues of a runtime, and what its threads are about to drop.
/// A tenth of a million tasks that left eight bytes each would have left twelve times as much.
const CACHES: isize = 64 * 1024;

/// Starts the task of a number, which gives the number.
type Start<L> = fn(&Cx<'_, L>, TaskBuilder<'_, L>, usize) -> Task<usize>;

fn start<L: Timer>(_cx: &Cx<'_, L>, task: TaskBuilder<'_, L>, number: usize) -> Task<usize> {
    task.spawn(async move |_cx| number).unwrap()
}

fn start_local<L: LocalLoop>(
    cx: &Cx<'_, L>,
    task: TaskBuilder<'_, L>,
    number: usize,
) -> Task<usize> {
    task.spawn_local(cx, async move |_cx| number).unwrap()
}

/// Forgets eight bytes.
fn start_bad<L: Timer>(_cx: &Cx<'_, L>, task: TaskBuilder<'_, L>, number: usize) -> Task<usize> {
    task.spawn(async move |_cx| *Box::leak(Box::new(number))).unwrap()
}

#[test]
fn a_million_short_named_tasks_leave_the_memory_where_it_was() {
    check("tokio, several threads", TokioLoop::multi_thread(), start, TENTH);
    check("tokio, one thread", TokioLoop::current_thread(), start, MILLION);
    check("tokio, local", TokioLocalLoop::new(), start, TENTH);
    check("tokio, not Send", TokioLocalLoop::new(), start_local, TENTH);
    check("smol, several threads", SmolLoop::with_threads(3), start, TENTH);
    check("smol, one thread", SmolLoop::new(), start, MILLION);
    check("smol, local", SmolLocalLoop::new(), start, TENTH);
    check("smol, not Send", SmolLocalLoop::new(), start_local, TENTH);
    check("async-std", AsyncStdLoop::new(), start, MILLION);
    let executor = || AsyncExecutorLoop::on(Arc::default());
    let local_executor = || AsyncExecutorLocalLoop::on(Rc::default());
    check("async-executor, several threads", executor().driver_threads(2), start, TENTH);
    check("async-executor, one thread", executor(), start, MILLION);
    check("async-executor, local", local_executor(), start, TENTH);
    check("async-executor, not Send", local_executor(), start_local, TENTH);
    check("sim", SimLoop::new(1), start, TENTH);
    check("sim, in order", SimLoop::fifo(), start, MILLION);
    check("sim, not Send", SimLoop::new(1), start_local, TENTH);

    let left = left_by(SimLoop::new(1), start_bad, TENTH);
    assert!(left > CACHES, "that each task left eight bytes was not seen: {left}");
}

fn check<O: LoopOwner<Handle: Timer>>(
    flavour: &str,
    owner: O,
    start: Start<O::Handle>,
    count: usize,
) {
    let left = left_by(owner, start, count);
    assert!(left.abs() <= CACHES, "{flavour}: {left} bytes are left by {count} tasks");
}

/// How many bytes more there are when so many tasks have come and gone than after the first.
fn left_by<O: LoopOwner<Handle: Timer>>(owner: O, start: Start<O::Handle>, count: usize) -> isize {
    let (send, left) = channel();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            // In a task: from the root each spawn wakes another thread, which takes far longer.
            let spawner = cx.spawn(async move |cx| {
                for first in (0..FIRST).step_by(BATCH) {
                    come_and_go(&cx, start, first).await;
                }
                let region = Region::new(ALLOCATOR);
                for first in (FIRST..count).step_by(BATCH) {
                    come_and_go(&cx, start, first).await;
                }
                let change = region.change();
                send.send(change.bytes_allocated as isize - change.bytes_deallocated as isize)
            });
            spawner.await
        })
        .run();
    assert!(report.is_clean(), "{report}");
    left.recv().unwrap()
}

/// Spawns a batch of tasks, and waits until they are gone. Half of them give their value, half are
/// let go.
async fn come_and_go<L: Timer>(cx: &Cx<'_, L>, start: Start<L>, first: usize) {
    let mut awaited = Vec::with_capacity(BATCH);
    for number in first..first + BATCH {
        let task = match number % 10 {
            0 => cx.task(format!("a name that is longer than what is kept in place, {number}")),
            _ => cx.task(format_args!("task-{number}")),
        };
        let task = start(cx, task, number);
        if number % 2 == 0 {
            awaited.push(task);
        }
    }
    while cx.tasks().len() > 1 {
        yield_now().await; // until only this one is left
    }
    for (task, number) in awaited.into_iter().zip((first..).step_by(2)) {
        assert_eq!(task.await.unwrap(), number);
    }
}
