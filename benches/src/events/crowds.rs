//! Many tasks that wait: for one event, or each for a child of its own; until all have ended.

use std::sync::atomic::{AtomicU32, Ordering};

use async_shutdown::ShutdownManager;
use lifespan::ShutdownEvent;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::rivals::{Drained, Listened, Notified, Rival};
use super::row::{OURS, Plan, Row};

const SIZES: [(u32, usize); 5] =
    [(100, 1001), (1_000, 301), (10_000, 101), (100_000, 31), (1_000_000, 15)];

/// How many tasks of the crowd have begun to wait, or have ended.
static COUNT: AtomicU32 = AtomicU32::new(0);

pub(super) fn rows(plan: &Plan) {
    for (tasks, rounds) in SIZES {
        let one = plan.row(
            format!("one event, {tasks} waiting tasks: set, until all have ended"),
            tasks,
            rounds,
        );
        one.into_iter().for_each(one_event);
        let own = plan.row(
            format!("a child for each of {tasks} tasks: set, until all have ended"),
            tasks,
            rounds,
        );
        own.into_iter().for_each(child_each);
        let all = plan.row(
            format!("a child for each of {tasks} tasks: spawn, wait, set, end"),
            tasks,
            rounds,
        );
        all.into_iter().for_each(whole_lives);
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime without anything")
}

fn one_event(mut row: Row) {
    let runtime = runtime();
    in_turn(&mut row, &runtime, &EACH);
    row.print(&[(1.15, Drained::NAME), (0.7, CancellationToken::NAME), (0.7, Notified::NAME)]);
}

/// Measures one contender in one round.
type Measure = fn(&mut Row, &Runtime);

const EACH: [Measure; 6] = [
    one::<Drained>,
    one::<ShutdownEvent>,
    one::<CancellationToken>,
    one::<Notified>,
    one::<Listened>,
    one::<ShutdownManager<()>>,
];

/// Each round begins with another contender: in what memory the tasks of one lie depends on what the
/// one before has left.
fn in_turn(row: &mut Row, runtime: &Runtime, contenders: &[Measure]) {
    for round in row.rounds() {
        for number in 0..contenders.len() {
            contenders[(round + number) % contenders.len()](row, runtime);
        }
    }
}

fn one<R: Rival>(row: &mut Row, runtime: &Runtime) {
    let tasks = row.of();
    let gather = || {
        let event = R::new();
        gather(runtime, tasks, || event.wait_owned());
        event
    };
    row.measure_made(R::NAME, gather, |event| {
        event.set();
        end(runtime, tasks);
        event
    });
}

fn child_each(mut row: Row) {
    // The drained list has no children: it shows what the tasks take.
    in_turn(&mut row, &runtime(), &[set_tokens, set_events, one::<Drained>]);
    row.print(&[(0.7, CancellationToken::NAME)]);
}

fn set_tokens(row: &mut Row, runtime: &Runtime) {
    let tasks = row.of();
    row.measure_made(
        CancellationToken::NAME,
        || tokens(runtime, tasks),
        |token| {
            token.cancel();
            end(runtime, tasks);
            token
        },
    );
}

fn set_events(row: &mut Row, runtime: &Runtime) {
    let tasks = row.of();
    row.measure_made(
        OURS,
        || events(runtime, tasks),
        |event| {
            event.set();
            end(runtime, tasks);
            event
        },
    );
}

fn whole_lives(mut row: Row) {
    in_turn(&mut row, &runtime(), &[lives_of_tokens, lives_of_events, lives_of_drained]);
    row.print(&[(0.7, CancellationToken::NAME)]);
}

fn lives_of_tokens(row: &mut Row, runtime: &Runtime) {
    let tasks = row.of();
    row.measure(CancellationToken::NAME, || {
        tokens(runtime, tasks).cancel();
        end(runtime, tasks);
    });
}

fn lives_of_events(row: &mut Row, runtime: &Runtime) {
    let tasks = row.of();
    row.measure(OURS, || {
        events(runtime, tasks).set();
        end(runtime, tasks);
    });
}

fn lives_of_drained(row: &mut Row, runtime: &Runtime) {
    let tasks = row.of();
    row.measure(Drained::NAME, || {
        let event = Drained::new();
        gather(runtime, tasks, || event.wait_owned());
        event.set();
        end(runtime, tasks);
    });
}

fn tokens(runtime: &Runtime, tasks: u32) -> CancellationToken {
    let token = CancellationToken::new();
    gather(runtime, tasks, || token.child_token().cancelled_owned());
    token
}

fn events(runtime: &Runtime, tasks: u32) -> ShutdownEvent {
    let event = ShutdownEvent::new();
    gather(runtime, tasks, || event.child().wait_owned());
    event
}

/// Spawns tasks that wait, and returns when each of them does.
fn gather<W: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    tasks: u32,
    wait: impl Fn() -> W,
) {
    COUNT.store(0, Ordering::Relaxed);
    for _ in 0..tasks {
        let wait = wait();
        drop(runtime.spawn(async move {
            COUNT.fetch_add(1, Ordering::Relaxed);
            wait.await;
            COUNT.fetch_sub(1, Ordering::Relaxed);
        }));
    }
    turn_until(runtime, tasks);
}

fn end(runtime: &Runtime, tasks: u32) {
    assert_eq!(COUNT.load(Ordering::Relaxed), tasks, "none was woken before");
    turn_until(runtime, 0);
}

fn turn_until(runtime: &Runtime, count: u32) {
    runtime.block_on(async {
        while COUNT.load(Ordering::Relaxed) != count {
            tokio::task::yield_now().await;
        }
    });
}
