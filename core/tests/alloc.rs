//! What is allocated: nothing grows with use, and what is hot allocates nothing.
//!
//! A binary of its own, since the counting allocator is the process's. One test, so that no other
//! thread allocates meanwhile.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::alloc::System;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use lifespan_core::{Cx, EventLoop as _, Events, Reason, RecvError, ShutdownEvent};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[expect(dead_code, reason = "what the other tests need")]
#[path = "it/by_hand.rs"]
mod by_hand;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MANY: usize = 100_000;

/// Runs something often, and tells how many allocations and bytes that left or took.
fn measure(what: &str, Allowed(allowed): Allowed, mut turn: impl FnMut()) {
    turn(); // what is needed once
    let region = Region::new(ALLOCATOR);
    for _ in 0..MANY {
        turn();
    }
    check_left(what, &region);
    let per_turn = region.change().allocations / MANY;
    assert!(per_turn <= allowed, "{what}: {per_turn} allocations a turn");
}

fn check_left(what: &str, region: &Region<'_, System>) {
    let change = region.change();
    let left = change.bytes_allocated as isize - change.bytes_deallocated as isize;
    assert!(left.unsigned_abs() < 4096, "{what}: {left} bytes are left");
}

/// Allocations in one turn.
struct Allowed(usize);

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn wait_once(event: &ShutdownEvent) {
    let mut wait = pin!(event.wait());
    assert!(wait.as_mut().poll(&mut noop()).is_pending());
}

#[test]
fn nothing_grows_and_what_is_hot_allocates_nothing() {
    a_hundred_thousand_waits_reuse_one_slot();
    children_that_come_and_go_reuse_one_entry();
    children_that_are_set_and_dropped_leave_no_reason();
    a_waiter_that_is_polled_again_allocates_nothing();
    run_until_set_allocates_nothing();
    let report = by_hand::serve(async |cx| {
        subscriptions_leave_nothing(&cx.events());
        tasks_that_end_leave_nothing(&cx).await;
        a_scope_is_small(&cx).await;
    });
    assert!(report.is_clean(), "{report}");
    let report = by_hand::serve_with(|hand| {
        async move |cx: Cx<'_, by_hand::Hand>| a_task_allocates_what_its_loop_does(&cx, &hand).await
    });
    assert!(report.is_clean(), "{report}");
    let report = by_hand::serve(async |cx| a_million_named_tasks_leave_nothing(&cx).await);
    assert!(report.is_clean(), "{report}");
}

fn a_hundred_thousand_waits_reuse_one_slot() {
    let root = ShutdownEvent::new();
    measure("waits on a root", Allowed(0), || wait_once(&root));
    let child = root.child();
    measure("waits on a child", Allowed(0), || wait_once(&child));
    let _other = pin!(root.wait()).poll(&mut noop());
    measure("waits beside another", Allowed(0), || wait_once(&root));
}

fn children_that_come_and_go_reuse_one_entry() {
    let root = ShutdownEvent::new();
    measure("children", Allowed(1), || wait_once(&root.child()));
    let mut middle = root.child();
    let leaf = middle.child();
    measure("middle nodes", Allowed(2), || {
        middle = root.child();
        drop(middle.child());
    });
    assert!(!leaf.is_set());
}

fn children_that_are_set_and_dropped_leave_no_reason() {
    let root = ShutdownEvent::new();
    measure("children that are set", Allowed(8), || {
        let event = root.child();
        let below = event.child();
        wait_once(&below);
        event.trigger().set(String::from("a reason on the heap")).unwrap();
        drop(event);
        assert_eq!(below.child().reason(), Some(Reason::from("a reason on the heap")));
    });
}

fn a_waiter_that_is_polled_again_allocates_nothing() {
    let root = ShutdownEvent::new();
    let mut wait = pin!(root.wait());
    measure("polls", Allowed(0), || {
        assert!(wait.as_mut().poll(&mut noop()).is_pending());
        assert!(!root.is_set() && root.reason().is_none());
    });
}

fn run_until_set_allocates_nothing() {
    let root = ShutdownEvent::new();
    measure("run_until_set", Allowed(0), || {
        let mut run = pin!(root.run_until_set(std::future::pending::<()>()));
        assert!(run.as_mut().poll(&mut noop()).is_pending());
    });
}

fn subscriptions_leave_nothing(events: &Events) {
    measure("dispatches that nobody hears", Allowed(0), || {
        assert_eq!(events.dispatch("n", 7_u64), Ok(0));
    });
    measure("subscriptions that come and go", Allowed(4), || {
        drop(events.subscribe::<u64>("n").unwrap());
    });
    let mut other = events.subscribe_bounded::<u64>("n", 1).unwrap();
    measure("subscriptions beside another", Allowed(0), || {
        let mut subscription = events.subscribe::<u64>("n").unwrap();
        assert!(pin!(subscription.recv()).poll(&mut noop()).is_pending());
    });
    measure("dispatches to one that is slow", Allowed(2), || {
        assert_eq!(events.dispatch("n", 7_u64), Ok(1));
    });
    assert_eq!(other.try_recv(), Err(RecvError::Lagged(MANY as u64)));
    drop(other);
}

async fn tasks_that_end_leave_nothing(cx: &Cx<'_, by_hand::Hand>) {
    for turn in 0..2000 {
        spawn_every_kind(cx, turn).await;
    }
    let region = Region::new(ALLOCATOR);
    for turn in 0..10_000 {
        spawn_every_kind(cx, turn).await;
    }
    check_left("tasks", &region);
}

async fn spawn_every_kind(cx: &Cx<'_, by_hand::Hand>, turn: usize) {
    cx.spawn(async |_cx| ()).detach();
    assert_eq!(cx.spawn(async move |_cx| turn).await.unwrap(), turn);
    let failed = cx.spawn(async |_cx| Err::<(), _>("an error that is awaited")).await;
    assert!(failed.is_err());
    let task = cx.task(format_args!("a name of its own that is long, {turn}"));
    let task = task.spawn(async |cx| cx.shutdown().wait().await).unwrap();
    assert!(
        cx.task(format_args!("a name of its own that is long, {turn}"))
            .spawn(async |_cx| ())
            .is_err()
    );
    by_hand::next_round().await;
    assert!(!task.cancel().await.is_failure());
    cx.spawn_blocking(|_| ()).unwrap().await.unwrap();
}

/// Unnamed, with a static name, with a formatted one that is short: nothing beyond the loop's own.
async fn a_task_allocates_what_its_loop_does(cx: &Cx<'_, by_hand::Hand>, hand: &by_hand::Hand) {
    const NAMES: [&str; 4] = ["a", "a name that is static and longer than any short one", "c", "d"];
    let spawns: [(&str, &dyn Fn(usize)); 4] = [
        ("a future of the loop", &|_| assert!(hand.spawn(async {}).is_ok())),
        ("unnamed", &|_| cx.spawn(async |_cx| ()).detach()),
        ("static", &|at| cx.task(NAMES[at]).spawn(async |_cx| ()).unwrap().detach()),
        ("formatted", &|at| {
            cx.task(format_args!("client-{at}")).spawn(async |_cx| ()).unwrap().detach();
        }),
    ];
    let mut counts = Vec::new();
    for (what, spawn) in spawns {
        for warm in [true, false] {
            let region = Region::new(ALLOCATOR);
            for _ in 0..MANY / NAMES.len() {
                (0..NAMES.len()).for_each(spawn);
                by_hand::next_round().await;
            }
            if !warm {
                counts.push((what, region.change().allocations));
            }
        }
    }
    let (_, of_the_loop) = counts[0];
    for (what, count) in counts {
        assert!(count <= of_the_loop + MANY / 1000, "{what}: {count}, the loop {of_the_loop}");
    }
}

async fn a_million_named_tasks_leave_nothing(cx: &Cx<'_, by_hand::Hand>) {
    let mut number = 0_u32;
    let mut spawn_ten = async || {
        for _ in 0..10 {
            number += 1;
            cx.task(format_args!("task-{number}")).spawn(async |_cx| ()).unwrap().detach();
        }
        by_hand::next_round().await;
    };
    for _ in 0..1_000 {
        spawn_ten().await;
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..99_000 {
        spawn_ten().await;
    }
    assert_eq!(number, 1_000_000);
    check_left("a million named tasks", &region);
}

async fn a_scope_is_small(cx: &Cx<'_, by_hand::Hand>) {
    const SCOPES: usize = 1000;
    let kept = |region: &Region<'_, System>| {
        let change = region.change();
        (change.bytes_allocated as isize - change.bytes_deallocated as isize) / SCOPES as isize
    };
    let mut scopes = Vec::with_capacity(2 * SCOPES);
    let mut open = |number: usize| {
        scopes.push(cx.scope(format_args!("conn:{number}")).open().unwrap());
    };
    (0..SCOPES).for_each(&mut open); // the tables of the scope around them have grown
    let region = Region::new(ALLOCATOR);
    (SCOPES..2 * SCOPES).for_each(&mut open);
    let empty = kept(&region);
    let body = async |cx: Cx<'_, by_hand::Hand>| cx.shutdown().wait().await;
    let region = Region::new(ALLOCATOR);
    for _ in 0..SCOPES {
        cx.task("a task of the root").spawn(body).unwrap().cancel().await;
    }
    assert!(kept(&region).unsigned_abs() < 64);
    let region = Region::new(ALLOCATOR);
    for scope in &scopes[..SCOPES] {
        scope.task("receiver").spawn(body).unwrap().detach();
    }
    by_hand::next_round().await;
    let with_task = kept(&region);
    let region = Region::new(ALLOCATOR);
    for number in 0..SCOPES {
        cx.task(format_args!("task:{number}")).spawn(body).unwrap().detach();
    }
    by_hand::next_round().await;
    let task = kept(&region);
    assert!(empty < 2048, "an empty scope: {empty} bytes");
    assert!(with_task - task < 1280, "its first task: {with_task} bytes, elsewhere {task}");
    drop(scopes);
}
