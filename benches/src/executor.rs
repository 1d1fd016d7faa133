//! Spawn and await on async-executor, the cheapest runtime: bare, and lifespan.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_executor::Executor;
use futures_lite::future::block_on;
use lifespan::async_executor::AsyncExecutor;
use lifespan::{Cx, Lifespan};

use crate::floors::{GUARDED, LEAST, NAMED, Names, Records, least};
use crate::rounds::{Rounds, Shape};
use crate::spawns::{self, Naming};

/// All on one executor, which does nothing else: `async_io::block_on` would look for events of the system
/// at each turn of a steady stream, or not, by whether a thread of its own is just then doing so.
pub(crate) fn one_thread(rounds: Rounds) -> Rounds {
    let executor = Arc::new(Executor::new());
    let (send, receive) = std::sync::mpsc::channel();
    let own = Arc::clone(&executor);
    let lifespan = Lifespan::attach(AsyncExecutor::of(&executor))
        .serve(async move |cx| drop(send.send(run(&cx, &own, rounds).await)));
    let report = block_on(executor.run(lifespan.run()));
    assert!(report.is_clean(), "{report}");
    receive.recv().expect("the foreground has sent it")
}

async fn run(
    cx: &Cx<'_, AsyncExecutor>,
    executor: &Executor<'static>,
    mut rounds: Rounds,
) -> Rounds {
    let (shape, count) = (rounds.shape(), Arc::new(()));
    let (names, records) = (Names::default(), Records::default());
    for number in rounds.turns(5 + Naming::ALL.len()) {
        match number {
            0 => rounds.measure("Executor::spawn", bare(executor, shape)).await,
            1 => rounds.measure(LEAST, wrapped(executor, shape, &count)).await,
            2 => rounds.measure("Mutex<HashSet<String>>", hash_map(executor, shape)).await,
            3 => rounds.measure(NAMED, named(executor, shape, &names)).await,
            4 => rounds.measure(GUARDED, guarded(executor, shape, &records)).await,
            ours => {
                let (name, naming) = Naming::ALL[ours - 5];
                rounds.measure(name, spawns::work(cx, naming, shape)).await;
            }
        }
    }
    rounds
}

async fn bare(executor: &Executor<'static>, shape: Shape) {
    shape.run(|_| executor.spawn(async {}), async |task| task.await).await;
}

async fn wrapped(executor: &Executor<'static>, shape: Shape, count: &Arc<()>) {
    let spawn = |_| executor.spawn(least::<12>(count));
    shape.run(spawn, async |task| task.await).await;
}

async fn named(executor: &Executor<'static>, shape: Shape, names: &Names) {
    let spawn = |number| executor.spawn(names.least(number));
    shape.run(spawn, async |task| task.await).await;
}

async fn guarded(executor: &Executor<'static>, shape: Shape, records: &Records) {
    let spawn = |_| executor.spawn(records.least());
    shape.run(spawn, async |task| task.await).await;
}

/// What is written by hand where tasks are to be known by name: each takes itself out at its end.
async fn hash_map(executor: &Executor<'static>, shape: Shape) {
    let live = Arc::new(Mutex::new(HashSet::<String>::new()));
    let spawn = |number: u32| {
        let name = format!("task-{number}");
        let (own, inner) = (name.clone(), Arc::clone(&live));
        live.lock().expect("no panic under it").insert(name);
        executor.spawn(async move {
            inner.lock().expect("no panic under it").remove(&own);
        })
    };
    shape.run(spawn, async |task| task.await).await;
}
