//! Spawn and await on async-executor, the cheapest runtime: bare, and lifespan.

use std::sync::Arc;

use async_executor::Executor;
use lifespan::smol::{Smol, SmolLoop};
use lifespan::{Cx, Lifespan};

use crate::rounds::{Rounds, Shape};
use crate::spawns::{self, Naming};

pub(crate) fn one_thread(rounds: Rounds) -> Rounds {
    let (send, receive) = std::sync::mpsc::channel();
    let report = Lifespan::on(SmolLoop::new())
        .serve(async move |cx| drop(send.send(run(&cx, rounds).await)))
        .run();
    assert!(report.is_clean(), "{report}");
    receive.recv().expect("the foreground has sent it")
}

async fn run(cx: &Cx<'_, Smol>, mut rounds: Rounds) -> Rounds {
    let executor = Arc::new(Executor::new());
    let shape = rounds.shape();
    for _ in 0..=rounds.rounds() {
        rounds.measure("Executor::spawn", bare(&executor, shape)).await;
        for (name, naming) in Naming::ALL {
            rounds.measure(name, spawns::work(cx, naming, shape)).await;
        }
    }
    rounds
}

async fn bare(executor: &Executor<'_>, shape: Shape) {
    executor.run(shape.run(|_| executor.spawn(async {}), async |task| task.await)).await;
}
