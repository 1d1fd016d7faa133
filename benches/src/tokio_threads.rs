//! Spawn and await on tokio: bare, its own sets, and lifespan.

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Cx, Lifespan};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::rounds::{Rounds, Size};

pub(crate) fn current_thread(size: Size) -> Rounds {
    on(TokioLoop::current_thread(), size)
}

pub(crate) fn two_threads(size: Size) -> Rounds {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2);
    on(TokioLoop::from_builder(builder), size)
}

fn on(owner: TokioLoop, size: Size) -> Rounds {
    let (send, receive) = std::sync::mpsc::channel();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            // In a task, as a program would: the root of a multi-thread runtime is no worker.
            cx.spawn(async move |cx| drop(send.send(rounds(&cx, size).await))).await
        })
        .run();
    assert!(report.is_clean(), "{report}");
    receive.recv().expect("the task has sent it")
}

async fn rounds(cx: &Cx<'_, Tokio>, size: Size) -> Rounds {
    let mut rounds = Rounds::new(size);
    for _ in 0..=size.rounds {
        rounds.measure("tokio::spawn", bare(size.tasks)).await;
        rounds.measure("JoinSet", join_set(size.tasks)).await;
        rounds.measure("TaskTracker", tracker(size.tasks)).await;
        rounds.measure("lifespan", unnamed(cx, size.tasks)).await;
        rounds.measure("lifespan, formatted names", named(cx, size.tasks)).await;
    }
    rounds
}

async fn bare(tasks: u32) {
    let handles = (0..tasks).map(|_| tokio::spawn(async {})).collect::<Vec<_>>();
    for handle in handles {
        handle.await.expect("it ends");
    }
}

async fn join_set(tasks: u32) {
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        set.spawn(async {});
    }
    while let Some(ended) = set.join_next().await {
        ended.expect("it ends");
    }
}

async fn tracker(tasks: u32) {
    let tracker = TaskTracker::new();
    let handles = (0..tasks).map(|_| tracker.spawn(async {})).collect::<Vec<_>>();
    for handle in handles {
        handle.await.expect("it ends");
    }
}

async fn unnamed(cx: &Cx<'_, Tokio>, tasks: u32) {
    let handles = (0..tasks).map(|_| cx.spawn(async |_cx| {})).collect::<Vec<_>>();
    for handle in handles {
        handle.await.expect("it ends");
    }
}

async fn named(cx: &Cx<'_, Tokio>, tasks: u32) {
    let handles = (0..tasks).map(|number| {
        cx.task(format_args!("task-{number}")).spawn(async |_cx| {}).expect("the name is free")
    });
    for handle in handles.collect::<Vec<_>>() {
        handle.await.expect("it ends");
    }
}
