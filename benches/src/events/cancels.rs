//! Cancel one of many by its name, and wait until it is gone.

use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Cx, Lifespan};
use tokio::task::JoinHandle;
use tokio_util::task::JoinMap;

use super::row::{OURS, Plan, Row};
use crate::names;
use crate::rounds::MOST_TASKS;

const CANCELS: u32 = 1_000;
const MAP: &str = "JoinMap";

/// Not a rival but a floor: no name is looked up, nobody hears but who asks.
const BARE: &str = "JoinHandle: abort, await";

pub(super) fn rows(plan: &Plan) {
    let name = format!("cancel one of {MOST_TASKS} by name and await");
    let Some(row) = plan.row(name, CANCELS, 31) else { return };
    names::make(MOST_TASKS);
    let (send, receive) = std::sync::mpsc::channel();
    let report = Lifespan::on(TokioLoop::current_thread())
        .serve(async move |cx| drop(send.send(run(&cx, row).await)))
        .run();
    assert!(report.is_clean(), "{report}");
    receive.recv().expect("the foreground has sent it").print(&[(0.8, MAP)]);
}

/// Each round cancels others, spread over all, and puts new ones in their places.
async fn run(cx: &Cx<'_, Tokio>, mut row: Row) -> Row {
    let (mut map, mut handles) = (JoinMap::new(), Vec::new());
    for number in 0..MOST_TASKS {
        join(&mut map, number);
        spawn(cx, number);
        handles.push(bare());
    }
    // All have been polled once.
    turn().await;
    for round in row.rounds() {
        let first = u32::try_from(round).unwrap_or(0) % CANCELS;
        let numbers = (first..MOST_TASKS).step_by((MOST_TASKS / CANCELS) as usize);
        row.measure_in(MAP, by_key(&mut map, numbers.clone())).await;
        row.measure_in(OURS, by_name(cx, numbers.clone())).await;
        row.measure_in(BARE, by_handle(&mut handles, numbers.clone())).await;
        for number in numbers {
            if handles[number as usize].is_finished() {
                handles[number as usize] = bare();
            }
            if !map.contains_key(names::literal(number)) {
                join(&mut map, number);
            }
            if !cx.tasks().contains(names::literal(number)) {
                spawn(cx, number);
            }
        }
        turn().await;
    }
    row
}

async fn turn() {
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
}

fn join(map: &mut JoinMap<&'static str, ()>, number: u32) {
    map.spawn(names::literal(number), std::future::pending());
}

fn bare() -> JoinHandle<()> {
    tokio::spawn(std::future::pending())
}

fn spawn(cx: &Cx<'_, Tokio>, number: u32) {
    cx.task(names::literal(number))
        .cancel_on_stop()
        .spawn(async |_cx| std::future::pending::<()>().await)
        .expect("the name is free")
        .detach();
}

async fn by_key(map: &mut JoinMap<&'static str, ()>, numbers: impl Iterator<Item = u32>) {
    for number in numbers {
        assert!(map.abort(names::literal(number)));
        let (_key, ended) = map.join_next().await.expect("there are others");
        assert!(ended.is_err(), "it was aborted");
    }
}

async fn by_handle(handles: &mut [JoinHandle<()>], numbers: impl Iterator<Item = u32>) {
    for number in numbers {
        let handle = &mut handles[number as usize];
        handle.abort();
        assert!(handle.await.is_err(), "it was aborted");
    }
}

async fn by_name(cx: &Cx<'_, Tokio>, numbers: impl Iterator<Item = u32>) {
    for number in numbers {
        let outcome = cx.tasks().cancel(names::literal(number)).await;
        assert!(outcome.is_ok_and(|outcome| !outcome.is_failure()));
    }
}
