//! What the monitor shows in virtual time: phases, readiness, what is awaited, the tree.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lifespan_core::{
    AwaitedKind, Cx, Foreground, Health, Lifespan, Monitor, NodeKind, NodeState, Phase,
    RestartPolicy, ShutdownEvent, Snapshot,
};
use lifespan_sim::{Sim, SimLoop};

const SECOND: Duration = Duration::from_secs(1);

type Seen<T> = Arc<Mutex<Vec<T>>>;

fn note<T>(seen: &Seen<T>, value: T) {
    seen.lock().unwrap().push(value);
}

async fn waits(cx: Cx<'_, Sim>) {
    cx.shutdown().wait().await;
}

#[test]
fn ready_from_the_whole_start_to_the_first_moment_of_the_stop() {
    let seen: Seen<(&str, bool, bool, Phase)> = Arc::default();
    let look = |at, seen: &Seen<_>, monitor: &Monitor| {
        let Health { live, ready, phase, .. } = monitor.health();
        note(seen, (at, live, ready, phase));
    };
    let [starts, serves, stops] = [(); 3].map(|()| Arc::clone(&seen));
    let lifespan = Lifespan::on(SimLoop::new(0));
    let monitor = lifespan.monitor();
    look("built", &seen, &monitor);
    let _ = lifespan
        .component("db", |it| {
            it.startup(async move |cx| look("starts", &starts, &cx.monitor()))
                .shutdown(async move |cx| look("stops", &stops, &cx.monitor()))
        })
        .serve(async move |cx| {
            cx.sleep(SECOND).await;
            look("serves", &serves, &cx.monitor());
            let _ = cx.trigger().set("enough");
            look("in the same poll", &serves, &cx.monitor());
        })
        .run();
    look("after", &seen, &monitor);
    assert_eq!(
        *seen.lock().unwrap(),
        [
            ("built", true, false, Phase::Starting),
            ("starts", true, false, Phase::Starting),
            ("serves", true, true, Phase::Serving),
            ("in the same poll", true, false, Phase::Stopping),
            ("stops", true, false, Phase::Stopping),
            ("after", false, false, Phase::Stopped),
        ]
    );
}

#[test]
fn a_start_that_hangs_says_which_handler_it_waits_for() {
    let event = ShutdownEvent::new();
    let (stop, seen) = (event.trigger(), Seen::default());
    let looks = Arc::clone(&seen);
    let _ = Lifespan::on(SimLoop::new(0))
        .event(event)
        .concurrent_start()
        .component("slow", |it| {
            it.startup(async |_cx| std::future::pending::<()>().await).start_timeout(SECOND * 9)
        })
        .component("looks", |it| {
            it.startup(async move |cx: Cx<'_, Sim>| {
                cx.sleep(SECOND * 2).await;
                note(&looks, cx.monitor().health());
                let _ = stop.set("enough");
            })
        })
        .run();
    let seen = seen.lock().unwrap();
    let awaits = seen[0].awaits.iter().map(|it| (it.kind, &*it.path, it.waited, it.left));
    assert_eq!(
        awaits.collect::<Vec<_>>(),
        [
            (AwaitedKind::Startup, "slow", SECOND * 2, Some(SECOND * 7)),
            (AwaitedKind::Startup, "looks", SECOND * 2, Some(SECOND * 58)),
        ]
    );
}

#[test]
fn a_stop_says_whom_it_waits_for_and_what_is_left() {
    let seen: Seen<Health> = Arc::default();
    let looks = Arc::clone(&seen);
    let _ = Lifespan::on(SimLoop::new(0))
        .grace(SECOND * 20)
        .deadline(SECOND * 8)
        .component("db", |it| {
            it.shutdown(async move |cx| {
                cx.sleep(SECOND).await;
                note(&looks, cx.monitor().health());
            })
        })
        .task("looks", {
            let looks = Arc::clone(&seen);
            async move |cx: Cx<'_, Sim>| {
                cx.sleep(SECOND).await;
                cx.task("own").grace(SECOND * 5).spawn(waits_and_sleeps).unwrap().detach();
                let _ = cx.trigger().set("enough");
                cx.sleep(SECOND * 2).await;
                note(&looks, cx.monitor().health());
            }
        })
        .run();
    let seen = seen.lock().unwrap();
    let line = seen[0].awaits[0].to_string();
    assert!(
        line.starts_with("task looks for 2.0s, which holds its thread, 6.0s left (spawned"),
        "{line}"
    );
    assert!(seen[0].awaits[1].to_string().starts_with("task own for 2.0s, 3.0s left"));
    assert_eq!(seen[1].awaits[0].to_string(), "shutdown db for 1.0s, 4.0s left");
    assert!(seen[1].to_json().starts_with(
        r#"{"live":true,"ready":false,"phase":"stopping","awaits":[{"kind":"shutdown","path":"db","waited_seconds":1,"is_polled":false,"left_seconds":4,"spawned_at":null}]"#
    ), "{}", seen[1].to_json());
}

async fn waits_and_sleeps(cx: Cx<'_, Sim>) {
    cx.shutdown().wait().await;
    cx.sleep(SECOND * 3).await;
}

#[test]
fn the_snapshot_is_a_tree_of_components_and_tasks() {
    let seen: Seen<Snapshot> = Arc::default();
    let looks = Arc::clone(&seen);
    let _ = Lifespan::on(SimLoop::new(0))
        .component("db", |it| it.task("poller", waits))
        .component("web", |it| {
            it.after(["db"]).startup(async move |cx| {
                cx.sleep(SECOND).await;
                note(&looks, cx.monitor().snapshot());
            })
        })
        .component("last", |it| it)
        .task("looks", {
            let looks = Arc::clone(&seen);
            async move |cx: Cx<'_, Sim>| {
                cx.sleep(SECOND).await;
                let blocks = cx.task("blocks").spawn_blocking(|_stop| ());
                note(&looks, cx.monitor().snapshot());
                drop(blocks);
                let _ = cx.trigger().set("enough");
            }
        })
        .run();
    let tree = |at: usize| {
        let seen = seen.lock().unwrap();
        let nodes = seen[at].nodes.iter();
        let nodes = nodes.map(|node| (node.depth, node.kind, node.name.clone(), node.state));
        nodes.collect::<Vec<_>>()
    };
    let node = |depth, kind, name: &str, state| (depth, kind, String::from(name), state);
    assert_eq!(
        tree(0),
        [
            node(0, NodeKind::Component, "db", NodeState::Running),
            node(1, NodeKind::Task, "poller", NodeState::Running),
            node(0, NodeKind::Component, "web", NodeState::Starting),
            node(0, NodeKind::Component, "last", NodeState::Waiting),
        ]
    );
    assert_eq!(
        tree(1),
        [
            node(0, NodeKind::Task, "looks", NodeState::Running),
            node(0, NodeKind::Blocking, "blocks", NodeState::Running),
            node(0, NodeKind::Component, "db", NodeState::Running),
            node(1, NodeKind::Task, "poller", NodeState::Running),
            node(0, NodeKind::Component, "web", NodeState::Running),
            node(0, NodeKind::Component, "last", NodeState::Running),
        ]
    );
    let seen = seen.lock().unwrap();
    let text = seen[0].to_string();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("starting, 1.0s old"));
    assert_eq!(lines.next(), Some("  component db: running, 1.0s old"));
    let task = lines.next().unwrap();
    assert!(task.starts_with("    task poller: running, 1.0s old (spawned at "), "{task}");
    assert_eq!(lines.nth(1), Some("  component last: waiting"));
    let json = seen[0].to_json();
    assert!(json.starts_with(
        r#"{"phase":"starting","reason":null,"age_seconds":1,"nodes":[{"depth":0,"kind":"component","name":"db","state":"running","age_seconds":1,"#
    ), "{json}");
}

#[test]
fn a_foreground_serves_from_its_first_moment() {
    let foreground = Foreground::on(SimLoop::new(0)).unwrap();
    let monitor = foreground.monitor();
    let task = foreground.task("waits").spawn(waits).unwrap();
    assert!(monitor.health().ready);
    assert_eq!(monitor.snapshot().nodes.len(), 1);
    drop(task);
    let _ = foreground.stop();
    assert_eq!((monitor.phase(), monitor.snapshot().nodes.len()), (Phase::Stopped, 0));
}

#[test]
fn who_waits_for_a_phase_hears_of_it_also_when_it_is_passed_by() {
    for (fails, heard, has_started) in
        [(false, Phase::Serving, true), (true, Phase::Stopping, false)]
    {
        let seen: Seen<(Phase, bool)> = Arc::default();
        let hears = Arc::clone(&seen);
        let lifespan = Lifespan::on(SimLoop::new(0));
        let monitor = lifespan.monitor();
        let report = lifespan
            .startup("early", async move |cx| {
                cx.spawn(async move |cx| {
                    let phase = cx.monitor().wait_for(Phase::Serving).await;
                    note(&hears, (phase, cx.monitor().has_started()));
                })
                .detach();
            })
            .startup("db", async move |cx| {
                cx.sleep(SECOND).await;
                if fails { Err("no such host") } else { Ok(()) }
            })
            .serve(async |cx| cx.sleep(SECOND).await)
            .run();
        assert_eq!(report.start_error.is_some(), fails, "{report}");
        assert_eq!(*seen.lock().unwrap(), [(heard, has_started)]);
        assert_eq!(monitor.has_started(), has_started);
        // It is over: nobody waits any more, on a plain thread either.
        let phase = monitor.wait_for_blocking_timeout(Phase::Serving, Duration::MAX);
        assert_eq!(phase.unwrap(), Phase::Stopped);
    }
}

#[test]
fn the_snapshot_counts_how_often_a_service_has_begun() {
    let seen: Seen<Snapshot> = Arc::default();
    let looks = Arc::clone(&seen);
    let policy = RestartPolicy::default().backoff(SECOND, SECOND).jitter(0.0).unlimited();
    let _ = Lifespan::on(SimLoop::new(0))
        .service_with("poller", |it| it.on_failure(policy), async |_cx| Err::<(), _>("no disk"))
        .serve(async move |cx| {
            cx.sleep(SECOND * 5 / 2).await;
            note(&looks, cx.monitor().snapshot());
        })
        .run();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].nodes[0].attempts, Some(3), "{}", seen[0]);
    assert!(seen[0].to_string().contains(", attempt 3 (spawned at "), "{}", seen[0]);
}

#[test]
fn the_snapshot_says_who_waits_for_its_turn_and_who_is_being_cancelled() {
    let seen: Seen<Snapshot> = Arc::default();
    let looks = Arc::clone(&seen);
    let _ = Lifespan::on(SimLoop::new(0))
        .serve(async move |cx| {
            let scope = cx.scope("jobs").max_concurrency(1).open().unwrap();
            for name in ["first", "second"] {
                scope.task(name).spawn(waits).unwrap().detach();
            }
            cx.sleep(SECOND * 2).await;
            drop(scope.tasks().cancel("first"));
            note(&looks, cx.monitor().snapshot());
        })
        .run();
    let seen = seen.lock().unwrap();
    let states = seen[0].nodes.iter().map(|node| (&*node.name, node.state));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            ("jobs", NodeState::Running),
            ("first", NodeState::Cancelling),
            ("second", NodeState::Waiting)
        ]
    );
    let text = seen[0].to_string();
    assert!(text.contains("\n    task first: cancelling, 2.0s old (spawned at "), "{text}");
    assert!(text.contains("\n    task second: waiting, 2.0s old (spawned at "), "{text}");
}
