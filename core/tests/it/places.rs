//! The place of a spawn: the line of whoever called, by whichever way a task was started.

use std::future::{pending, ready};

use lifespan_core::{Component, Cx, Lifespan, Service};

use crate::by_hand::{ByHand, Hand, run, serve, serve_with};
use crate::by_hand_local::hold;

/// What an expression of one line spawns; its task must tell that line.
macro_rules! tells_its_line {
    ($spawned:expr) => {{
        let spawned = $spawned;
        let place = spawned.task_ref().spawned_at();
        assert_eq!((place.file(), place.line()), (file!(), line!()));
        spawned
    }};
}

async fn work(_cx: Cx<'_, Hand>) {}

#[test]
fn a_task_tells_the_line_that_spawned_it() {
    let _ = serve(async |cx| {
        let (spawner, scope) = (cx.spawner(), cx.scope("scope").open().unwrap());
        tells_its_line!(cx.spawn(work)).detach();
        tells_its_line!(spawner.spawn(work).unwrap()).detach();
        tells_its_line!(scope.spawn(work).unwrap()).detach();
        tells_its_line!(cx.task("named").spawn(work).unwrap()).detach();
        tells_its_line!(spawner.task("of a spawner").spawn(work).unwrap()).detach();
        tells_its_line!(cx.task("named").replace(work).unwrap().await).detach();
        tells_its_line!(cx.task("named, or not").replace(work).unwrap().await).detach();
        tells_its_line!(cx.scope("inner").open().unwrap()).detach();
        tells_its_line!(spawner.scope("of a spawner, too").open().unwrap()).detach();
    });
}

#[test]
fn a_closure_tells_the_line_that_started_it() {
    let _ = serve(async |cx| {
        let spawner = cx.spawner();
        tells_its_line!(cx.spawn_blocking(|_stop| ()).unwrap()).detach();
        tells_its_line!(spawner.spawn_blocking(|_stop| ()).unwrap()).detach();
        tells_its_line!(cx.task("named").spawn_blocking(|_stop| ()).unwrap()).detach();
        tells_its_line!(cx.task("named").replace_blocking(|_stop| ()).unwrap().await).detach();
    });
}

#[test]
fn a_local_task_tells_the_line_that_spawned_it() {
    let _ = serve_with(|hand| {
        async move |cx: Cx<'_, Hand>| {
            let _held = hold(&hand);
            let named = |name: &'static str| cx.task(name);
            tells_its_line!(cx.spawn_local(work)).await.unwrap();
            tells_its_line!(named("one").spawn_local(&cx, work).unwrap()).await.unwrap();
            tells_its_line!(named("one").replace_local(&cx, work).unwrap().await).await.unwrap();
        }
    });
}

#[test]
fn what_is_tracked_tells_the_line_that_tracks_it() {
    let _ = serve(async |cx| {
        let spawner = cx.spawner();
        drop(tells_its_line!(cx.track(ready(()))));
        drop(tells_its_line!(spawner.track(ready(())).unwrap()));
        drop(tells_its_line!(cx.task("named").track(ready(())).unwrap()));
        drop(tells_its_line!(cx.task("named").track_with(|_stop| ready(())).unwrap()));
    });
}

#[test]
fn a_service_tells_the_line_that_started_it() {
    let _ = serve(async |cx| {
        let (spawner, scope) = (cx.spawner(), cx.scope("scope").open().unwrap());
        tells_its_line!(cx.service("one").spawn(work).unwrap()).await.unwrap();
        tells_its_line!(spawner.service("one").spawn(work).unwrap()).await.unwrap();
        tells_its_line!(scope.service("one").spawn(work).unwrap()).await.unwrap();
        tells_its_line!(cx.service("one").replace(work).unwrap().await).await.unwrap();
    });
}

/// A scope that was cancelled takes nothing more; what cannot run has a place all the same.
#[test]
fn what_comes_too_late_tells_its_line() {
    let _ = serve_with(|hand| {
        async move |cx: Cx<'_, Hand>| {
            let _held = hold(&hand);
            let scope = cx.scope("scope").open().unwrap();
            let task = scope.spawn(async |cx| {
                drop(cx.this_scope().unwrap().cancel());
                // It goes on until its next await.
                assert!(tells_its_line!(cx.spawn(work)).task_ref().is_finished());
                assert!(tells_its_line!(cx.spawn_local(work)).task_ref().is_finished());
                assert!(tells_its_line!(cx.track(pending::<()>())).task_ref().is_finished());
            });
            assert!(task.unwrap().task_ref().finished().await.to_string() == "completed");
        }
    });
}

#[test]
fn what_a_lifespan_starts_tells_the_line_that_named_it() {
    async fn listens(cx: Cx<'_, Hand>) {
        cx.shutdown().wait().await;
    }
    let plain = |service: Service| service;
    let mut lifespan = Lifespan::on(ByHand::new());
    let before = line!();
    lifespan = lifespan.task("task", listens);
    lifespan = lifespan.service("service", listens);
    lifespan = lifespan.service_with("described", plain, listens);
    lifespan = lifespan.component("part", |mut part: Component<Hand>| {
        part = part.task("task", listens);
        part = part.service("service", listens);
        part.service_with("described", plain, listens)
    });
    let report = run(lifespan.serve(async |_cx| ()));
    let of_root = [("task", 1), ("service", 2), ("described", 3)];
    let of_part = [("part/task", 5), ("part/service", 6), ("part/described", 7)];
    for (path, line) in of_root.into_iter().chain(of_part) {
        let place = report.task(path).unwrap().spawned_at;
        assert_eq!((place.file(), place.line()), (file!(), before + line), "{path}");
    }
}
