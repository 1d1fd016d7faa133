//! Spawn and await on async-executor, the cheapest runtime: bare, and lifespan.

use std::sync::Arc;

use async_executor::Executor;
use lifespan::smol::{Smol, SmolLoop};
use lifespan::{Cx, Lifespan};

use crate::rounds::{Rounds, Size};

pub(crate) fn one_thread(size: Size) -> Rounds {
    let (send, receive) = std::sync::mpsc::channel();
    let report = Lifespan::on(SmolLoop::new())
        .serve(async move |cx| drop(send.send(rounds(&cx, size).await)))
        .run();
    assert!(report.is_clean(), "{report}");
    receive.recv().expect("the foreground has sent it")
}

async fn rounds(cx: &Cx<'_, Smol>, size: Size) -> Rounds {
    let bare_executor = Arc::new(Executor::new());
    let mut rounds = Rounds::new(size);
    for _ in 0..=size.rounds {
        rounds.measure("Executor::spawn", bare(&bare_executor, size.tasks)).await;
        rounds.measure("lifespan", unnamed(cx, size.tasks)).await;
        rounds.measure("lifespan, formatted names", named(cx, size.tasks)).await;
    }
    rounds
}

async fn bare(executor: &Executor<'_>, tasks: u32) {
    let handles = (0..tasks).map(|_| executor.spawn(async {})).collect::<Vec<_>>();
    executor
        .run(async {
            for handle in handles {
                handle.await;
            }
        })
        .await;
}

async fn unnamed(cx: &Cx<'_, Smol>, tasks: u32) {
    let handles = (0..tasks).map(|_| cx.spawn(async |_cx| {})).collect::<Vec<_>>();
    for handle in handles {
        handle.await.expect("it ends");
    }
}

async fn named(cx: &Cx<'_, Smol>, tasks: u32) {
    let handles = (0..tasks).map(|number| {
        cx.task(format_args!("task-{number}")).spawn(async |_cx| {}).expect("the name is free")
    });
    for handle in handles.collect::<Vec<_>>() {
        handle.await.expect("it ends");
    }
}
