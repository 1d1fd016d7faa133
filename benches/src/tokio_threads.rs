//! Spawn and await on tokio: bare, its own sets, and lifespan.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Cx, Lifespan};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio_util::task::{JoinMap, TaskTracker};

use crate::floors::{GUARDED, LEAST, NAMED, Names, Records, SMALL, least};
use crate::rounds::{Rounds, Shape};
use crate::spawns::{self, Naming};

pub(crate) fn current_thread(rounds: Rounds) -> Rounds {
    on(TokioLoop::current_thread(), rounds)
}

pub(crate) fn two_threads(rounds: Rounds) -> Rounds {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2);
    on(TokioLoop::from_builder(builder), rounds)
}

fn on(owner: TokioLoop, rounds: Rounds) -> Rounds {
    let (send, receive) = std::sync::mpsc::channel();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            // In a task, as a program would: the root of a multi-thread runtime is no worker.
            cx.spawn(async move |cx| drop(send.send(run(&cx, rounds).await))).await
        })
        .run();
    assert!(report.is_clean(), "{report}");
    receive.recv().expect("the task has sent it")
}

async fn run(cx: &Cx<'_, Tokio>, mut rounds: Rounds) -> Rounds {
    let shape = rounds.shape();
    let (tracker, count) = (TaskTracker::new(), Arc::new(()));
    let (names, records) = (Names::default(), Records::default());
    for number in rounds.turns(9 + Naming::ALL.len()) {
        match number {
            0 => rounds.measure("tokio::spawn", shape.run(|_| tokio::spawn(async {}), ended)).await,
            1 => {
                let wrapped = |_| tokio::spawn(least::<12>(&count));
                rounds.measure(LEAST, shape.run(wrapped, ended)).await;
            }
            2 => rounds.measure("JoinSet", join_set(shape)).await,
            3 => {
                let tracked = |_| tracker.spawn(async {});
                rounds.measure("TaskTracker", shape.run(tracked, ended)).await;
            }
            4 => rounds.measure("JoinMap, String keys", join_map(shape)).await,
            5 => rounds.measure("Mutex<HashMap<String, _>>", hash_map(shape)).await,
            6 => {
                let wrapped = |_| tokio::spawn(least::<2>(&count));
                rounds.measure(SMALL, shape.run(wrapped, ended)).await;
            }
            7 => {
                let named = |number| tokio::spawn(names.least(number));
                rounds.measure(NAMED, shape.run(named, ended)).await;
            }
            8 => {
                let guarded = |_| tokio::spawn(records.least());
                rounds.measure(GUARDED, shape.run(guarded, ended)).await;
            }
            ours => {
                let (name, naming) = Naming::ALL[ours - 9];
                rounds.measure(name, spawns::work(cx, naming, shape)).await;
            }
        }
    }
    rounds
}

async fn ended(task: JoinHandle<()>) {
    task.await.expect("it ends");
}

async fn join_set(shape: Shape) {
    let mut set = JoinSet::new();
    match shape {
        Shape::Burst(tasks) => {
            for _ in 0..tasks {
                set.spawn(async {});
            }
            while let Some(ended) = set.join_next().await {
                ended.expect("it ends");
            }
        }
        Shape::Steady(tasks) => {
            for _ in 0..tasks {
                set.spawn(async {});
                set.join_next().await.expect("there is one").expect("it ends");
            }
        }
    }
}

async fn join_map(shape: Shape) {
    let mut map = JoinMap::new();
    match shape {
        Shape::Burst(tasks) => {
            for number in 0..tasks {
                map.spawn(format!("task-{number}"), async {});
            }
            while let Some((_key, ended)) = map.join_next().await {
                ended.expect("it ends");
            }
        }
        Shape::Steady(tasks) => {
            for number in 0..tasks {
                map.spawn(format!("task-{number}"), async {});
                let (_key, ended) = map.join_next().await.expect("there is one");
                ended.expect("it ends");
            }
        }
    }
}

/// What is written by hand where tasks are to be found by name: each takes itself out at its end.
async fn hash_map(shape: Shape) {
    let live = Arc::new(Mutex::new(HashMap::<String, AbortHandle>::new()));
    let spawn = |number: u32| {
        let name = format!("task-{number}");
        let (own, inner) = (name.clone(), Arc::clone(&live));
        let mut map = live.lock().expect("no panic under it");
        let task = tokio::spawn(async move {
            inner.lock().expect("no panic under it").remove(&own);
        });
        map.insert(name, task.abort_handle());
        task
    };
    shape.run(spawn, ended).await;
    assert!(live.lock().expect("no panic under it").is_empty());
}
