//! What a lifespan shows while it runs, and its overall deadline, also while its loop is blocked.

use std::sync::mpsc;
use std::thread;

use futures_lite::future::pending;
use lifespan_core::{
    Cx, EventLoop, Health, Lifespan, LoopOwner, Monitor, NodeKind, Phase, Reason, Timer,
};

use crate::support::{Log, NEVER, SHORT};

fn look(at: &str, monitor: &Monitor, log: &Log) {
    let Health { live, ready, phase, .. } = monitor.health();
    let live = if live { "live" } else { "gone" };
    let ready = if ready { ", ready" } else { "" };
    log.add(format!("{at}: {phase}, {live}{ready}"));
}

/// Ready when all has started, and not any more from the moment in which a stop is asked for.
pub fn is_ready_from_the_whole_start_to_the_stop<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let [starts, serves, stops] = [(); 3].map(|()| log.clone());
    let lifespan = Lifespan::on(owner);
    let monitor = lifespan.monitor();
    let report = lifespan
        .component("db", |it| {
            it.startup(async move |cx| look("starts", &cx.monitor(), &starts))
                .shutdown(async move |cx| look("stops", &cx.monitor(), &stops))
        })
        .serve(async move |cx| {
            look("serves", &cx.spawner().monitor(), &serves);
            cx.trigger().set("enough").unwrap();
            look("is told", &cx.monitor(), &serves);
        })
        .run();
    assert!(report.is_clean(), "{report}");
    look("is over", &monitor, &log);
    let lines = [
        "starts: starting, live",
        "serves: serving, live, ready",
        "is told: stopping, live",
        "stops: stopping, live",
        "is over: stopped, gone",
    ];
    assert_eq!(log, lines);
}

/// A task hears of each phase that it waits for, at once if it is reached already.
pub fn is_waited_for<O: LoopOwner<Handle: Timer>>(owner: O) {
    let log = Log::default();
    let waits = log.clone();
    let report = Lifespan::on(owner)
        .task("waits", async move |cx| {
            let waits = waits.clone();
            for phase in [Phase::Serving, Phase::Stopping] {
                let now = cx.monitor().wait_for(phase).await;
                waits.add(format!("{phase} at {now}"));
            }
            assert_ne!(cx.monitor().wait_for(Phase::Starting).await, Phase::Starting, "it was");
        })
        .serve(async |cx| {
            cx.monitor().wait_for(Phase::Serving).await;
            cx.trigger().set("enough").unwrap();
        })
        .run();
    assert!(report.is_clean(), "{report}");
    let lines = log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("serving at "), "the stop may have begun: {lines:?}");
    assert_eq!(lines[1], "stopping at stopping");
}

/// Another thread is answered while a task blocks the loop.
pub fn answers_while_its_loop_is_blocked<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .component("db", |it| it.task("poller", async |cx| cx.shutdown().wait().await))
        .serve(async |cx| {
            let monitor = cx.monitor();
            let (health, tree) = {
                let looks = thread::spawn(move || (monitor.health(), monitor.snapshot()));
                looks.join().unwrap() // the loop stands still meanwhile
            };
            assert!(health.ready && health.live);
            let nodes = tree.nodes.iter().map(|node| (node.depth, node.kind, &*node.name));
            let [.., db, poller] = nodes.collect::<Vec<_>>()[..] else { panic!("{tree}") };
            assert_eq!(db, (0, NodeKind::Component, "db"));
            assert_eq!(poller, (1, NodeKind::Task, "poller"));
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

/// After a stop was asked for, all goes on for the time of the drain.
pub fn drains_before_it_stops<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let log = Log::default();
    let (serves, ticks) = (log.clone(), log.clone());
    let report = Lifespan::on(&mut owner)
        .drain(SHORT)
        .task("ticks", async move |cx| {
            cx.lifespan_event().wait().await;
            assert!(!cx.shutdown().is_set(), "it drains");
            assert_eq!(cx.monitor().phase(), Phase::Draining);
            cx.shutdown().wait().await;
            assert!(cx.monitor().phase() == Phase::Stopping);
            ticks.add("told to stop");
        })
        .serve(async move |cx| {
            cx.trigger().set("enough").unwrap();
            look("serves on", &cx.monitor(), &serves);
            cx.shutdown().wait().await;
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert!(report.phases.draining >= SHORT, "{report}");
    assert_eq!(log, ["serves on: draining, live", "told to stop"]);
    let early = Lifespan::on(owner)
        .drain(NEVER)
        .task("waits", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| {
            cx.trigger().set("enough").unwrap();
            cx.sleep(SHORT).await; // the last connection
        })
        .run();
    assert!(early.is_clean() && early.reason == Reason::from("enough"), "{early}");
}

/// The deadline is kept though a task blocks the loop: what is known then names it.
pub fn has_a_deadline_though_its_loop_is_blocked<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let is_virtual = owner.run(async |handle| handle.has_virtual_time()).unwrap();
    if is_virtual {
        return; // only the loop can tell the time
    }
    let (done, blocks) = mpsc::channel();
    let stuck = async move |cx: Cx<'_, O::Handle>| stuck(&cx, &blocks);
    let report = Lifespan::on(&mut owner)
        .grace(SHORT)
        .deadline(SHORT)
        .serve(async move |cx| {
            cx.task("stuck").spawn(stuck).unwrap().detach();
            pending::<()>().await;
        })
        .on_hard_end(move |report| {
            let stuck = report.stragglers.iter().find(|straggler| straggler.path == "stuck");
            let is_held = stuck.is_some_and(|stuck| stuck.is_polled);
            done.send((is_held, report.hard_ended)).unwrap();
        })
        .run();
    // If it was hard, the callback has let it go.
    if !report.hard_ended {
        // The loop has another thread.
        let [stuck] = &report.stragglers[..] else { panic!("{report}") };
        assert!(stuck.path == "stuck" && stuck.is_polled, "{report}");
    }
    assert_eq!(report.exit_code(), 6, "{report}");
}

/// Blocks until the hard end has been told, or cannot come any more.
fn stuck<L: EventLoop>(cx: &Cx<'_, L>, told: &mpsc::Receiver<(bool, bool)>) {
    cx.trigger().set("now").unwrap();
    if let Ok(told) = told.recv() {
        assert_eq!(told, (true, true), "it is known to hold its thread");
    }
}
