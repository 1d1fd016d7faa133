//! `is_set`: alone, and while another thread sets a tree of a million.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_shutdown::ShutdownManager;
use lifespan::ShutdownEvent;
use tokio_util::sync::CancellationToken;

use super::rivals::Rival;
use super::row::{OURS, Plan, Row};

const LOADS: u32 = 10_000;
const BARE: &str = "a bare atomic load";
const TARGET: [(f64, &str); 1] = [(1.1, BARE)];
/// How often the flag is asked between two looks at the clock.
const BATCH: u32 = 1_000;

pub(super) fn rows(plan: &Plan) {
    alone(plan);
    for million in [10_000, 1_000_000] {
        while_a_tree_is_set(plan, million);
    }
}

fn alone(plan: &Plan) {
    let Some(mut row) = plan.row("is_set", LOADS, 301) else { return };
    let flag = AtomicU32::new(0);
    let (event, token) = (ShutdownEvent::new(), CancellationToken::new());
    let child = event.child();
    let manager = <ShutdownManager<()> as Rival>::new();
    for _ in row.rounds() {
        row.measure(BARE, || ask(|| black_box(&flag).load(Ordering::Acquire) != 0));
        row.measure(OURS, || ask(|| black_box(&event).is_set()));
        row.measure("lifespan, of a child", || ask(|| black_box(&child).is_set()));
        row.measure("CancellationToken", || ask(|| black_box(&token).is_cancelled()));
        row.measure("async-shutdown", || ask(|| black_box(&manager).is_set()));
    }
    row.print(&TARGET);
}

fn ask(is_set: impl Fn() -> bool) {
    for _ in 0..LOADS {
        black_box(is_set());
    }
}

/// What is asked is the event that is being set, its tree below it: until the set has returned.
fn while_a_tree_is_set(plan: &Plan, nodes: u32) {
    let name = format!("is_set while another thread sets a tree of {nodes}");
    let Some(mut row) = plan.row(name, nodes, 15) else { return };
    let (mut longest_ours, mut longest_theirs) = (Duration::ZERO, Duration::ZERO);
    for _ in row.rounds() {
        measure_beside(
            &mut row,
            BARE,
            ours(nodes),
            |_| AtomicU32::new(0),
            |flag| flag.load(Ordering::Acquire) != 0,
        );
        let longest =
            measure_beside(&mut row, OURS, ours(nodes), Clone::clone, |(root, _)| root.is_set());
        longest_ours = longest_ours.max(longest);
        let longest = measure_beside(
            &mut row,
            "CancellationToken",
            theirs(nodes),
            Clone::clone,
            |(root, _)| root.is_cancelled(),
        );
        longest_theirs = longest_theirs.max(longest);
    }
    row.print(&TARGET);
    println!(
        "  the longest batch of {BATCH}: lifespan {longest_ours:?}, CancellationToken {longest_theirs:?}"
    );
}

type Tree<E> = (E, Arc<Vec<E>>);

fn ours(nodes: u32) -> impl FnOnce() -> (Tree<ShutdownEvent>, fn(&Tree<ShutdownEvent>)) {
    move || {
        let root = ShutdownEvent::new();
        let below = (0..nodes).map(|_| root.child()).collect();
        ((root, Arc::new(below)), |(root, _)| root.set())
    }
}

fn theirs(nodes: u32) -> impl FnOnce() -> (Tree<CancellationToken>, fn(&Tree<CancellationToken>)) {
    move || {
        let root = CancellationToken::new();
        let below = (0..nodes).map(|_| root.child_token()).collect();
        ((root, Arc::new(below)), |(root, _)| root.cancel())
    }
}

/// Asks while another thread sets; notes the time for as many questions as the row has nodes, and
/// returns how long the longest batch took.
fn measure_beside<E: Send + 'static, A>(
    row: &mut Row,
    name: &'static str,
    make: impl FnOnce() -> (E, fn(&E)),
    asked: impl FnOnce(&E) -> A,
    is_set: impl Fn(&A) -> bool,
) -> Duration {
    let mut longest = Duration::ZERO;
    let of = row.of();
    row.measured(name, || {
        let (tree, set) = make();
        let asked = asked(&tree);
        let ended = Arc::new(AtomicBool::new(false));
        let begun = Arc::new(AtomicBool::new(false));
        let (starts, ends) = (Arc::clone(&begun), Arc::clone(&ended));
        let setter = thread::spawn(move || {
            starts.store(true, Ordering::Release);
            set(&tree);
            ends.store(true, Ordering::Release);
            tree
        });
        while !begun.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let (first, mut batches) = (Instant::now(), 0);
        let mut last = first;
        while batches == 0 || !ended.load(Ordering::Acquire) {
            for _ in 0..BATCH {
                black_box(is_set(black_box(&asked)));
            }
            batches += 1;
            let now = Instant::now();
            longest = longest.max(now - last);
            last = now;
        }
        let each = (last - first).as_secs_f64() / f64::from(batches * BATCH);
        drop(setter.join());
        Duration::from_secs_f64(each * f64::from(of))
    });
    longest
}
