//! Random programs: tasks open, spawn, stop, cancel and close whatever they find; observers, wakers and
//! destructors do so too, or panic. `LIFESPAN_PROGRAMS` says how many seeds are tried.

mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::future::{pending, poll_fn, yield_now};
use lifespan_core::{BoxError, Cx, Lifespan, OnEnd, RestartPolicy, Strategy};
use lifespan_sim::{Sim, SimLoop};

use world::{Foreign, Hears, NAMES, Wait, World, put, quietly};

const SECOND: Duration = Duration::from_secs(1);
/// What may come after a limit: protected blocks, which are shorter, and a last look.
const MORE: Duration = Duration::from_millis(1100);

#[test]
fn whatever_a_program_does_it_ends_in_time_and_leaves_nothing() {
    let count = std::env::var("LIFESPAN_PROGRAMS").ok().and_then(|count| count.parse().ok());
    for seed in 0..count.unwrap_or(1000) {
        let wrong = run(seed);
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
}

fn run(seed: u64) -> Vec<String> {
    let mut owner = SimLoop::new(seed);
    let world = World::new(seed);
    let (inside, place) = (Arc::clone(&world), Arc::new(Place::default()));
    let service = Body::new(&world, &place);
    let report = Lifespan::on(&mut owner)
        .observer(Hears(Arc::downgrade(&world)))
        .component("db", |it| it.service("service", async move |cx| body(cx, service).await))
        .serve(async move |cx| {
            put(&inside.spawners, (cx.spawner(), place));
            for _ in 0..12 {
                quietly(catch_unwind(AssertUnwindSafe(|| (open(&inside), spawn(&inside)))));
                // A task, whose panic is its own.
                let doer = Arc::clone(&inside);
                let step = cx.spawn(async move |cx| step(&cx, &doer).await);
                let ended = step.task_ref().finished();
                step.detach();
                let ended = cx.timeout(SECOND * 60, ended).await;
                inside.expect(ended.is_ok(), || String::from("a step took a minute"));
            }
        })
        .run();
    world.is_over.store(true, Relaxed);
    for (spawner, _) in &*world.spawners.lock().unwrap() {
        let is_closed = spawner.tasks().is_empty() && spawner.spawn(async |_cx| {}).is_err();
        world.expect(is_closed, || format!("{spawner:?} is left"));
    }
    let has_ended = report.stalled.is_none() && report.stragglers.is_empty();
    let is_in_time = report.phases.stopping <= SECOND * 30 + MORE;
    world.expect(has_ended && is_in_time, || report.to_string());
    quietly(report);
    while let Some(task) = world.take(&world.tasks) {
        quietly(task);
    }
    while let Some(wait) = world.take(&world.waits) {
        quietly(wait);
    }
    while world.take(&world.scopes).is_some() || world.take(&world.refs).is_some() {}
    while world.take(&world.spawners).is_some() {}
    quietly(owner);
    world.expect(Arc::strong_count(&world) == 1, || String::from("something is alive"));
    for (id, told) in &*world.told.lock().unwrap() {
        let failed = u32::from(told.is_failure && !told.is_heard);
        let is_right = (told.spawned, told.ended, told.failed) == (1, 1, failed);
        world.expect(is_right, || format!("{id:?}: {told:?}"));
    }
    std::mem::take(&mut *world.wrong.lock().unwrap())
}

/// What is known of a scope.
#[derive(Debug, Default)]
struct Place {
    limit: Option<usize>,
    running: AtomicUsize,
    names: [AtomicUsize; 3],
}

/// What a body has captured.
#[derive(Clone)]
struct Body {
    world: Arc<World>,
    place: Arc<Place>,
    /// Whether it takes a turn where there are some.
    counts: bool,
    name: Option<usize>,
    _foreign: Foreign,
}

impl Body {
    fn new(world: &Arc<World>, place: &Arc<Place>) -> Self {
        let (world, place, foreign) = (world.clone(), place.clone(), Foreign(world.clone()));
        Self { world, place, counts: false, name: None, _foreign: foreign }
    }
}

/// Counts what lives at once.
struct Lives<'a>(&'a AtomicUsize);

impl<'a> Lives<'a> {
    fn new(body: &Body, count: &'a AtomicUsize, limit: usize) -> Self {
        let lives = count.fetch_add(1, Relaxed) + 1;
        body.world.expect(lives <= limit, || format!("{lives} live at once: {:?}", body.place));
        Self(count)
    }
}

impl Drop for Lives<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Boxed, because it spawns itself.
fn body<'t>(
    cx: Cx<'t, Sim>,
    body: Body,
) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 't>> {
    let (world, watch) = (body.world.clone(), cx.clone());
    Box::pin(async move {
        let (mut at, mut polls) = (cx.now(), 0);
        let mut lives = pin!(live(cx, body));
        let failed = poll_fn(|context: &mut Context<'_>| {
            (at, polls) = (watch.now(), if watch.now() == at { polls + 1 } else { 0 });
            world.expect(polls != 500, || format!("{watch:?} is polled without end"));
            lives.as_mut().poll(context)
        });
        // Made after the destructors: what is being returned when one panics is never dropped.
        if failed.await { Err(Foreign(world).into()) } else { Ok(()) }
    })
}

/// Tells whether it has failed.
async fn live(cx: Cx<'_, Sim>, body: Body) -> bool {
    let Body { world, place, counts, name, .. } = &body;
    let limit = place.limit.filter(|_| *counts).unwrap_or(usize::MAX);
    let _lives = counts.then(|| Lives::new(&body, &place.running, limit));
    let _namesakes = name.map(|name| Lives::new(&body, &place.names[name], 1));
    for _ in 0..world.below(5) {
        match world.below(20) {
            0 => return true,
            1 => resume_unwind(Box::new("a body")),
            2 => pending().await,
            _ => step(&cx, world).await,
        }
    }
    false
}

async fn step(cx: &Cx<'_, Sim>, world: &Arc<World>) {
    let (began, time) = (cx.now(), SECOND * world.below(6) as u32);
    let (limit, what) = match world.below(16) {
        0..4 => return spawn(world),
        4 | 5 => return open(world),
        6 => return wait_for_long(world),
        7 => return world.do_anything(),
        8 => return cx.sleep(time).await,
        9 => return cx.timeout(time, cx.shutdown().wait()).await.unwrap_or(()),
        10 => return cx.protect(cx.sleep(SECOND)).await,
        11 => return yield_now().await,
        12 | 13 => {
            let Some(scope) = world.take(&world.scopes) else { return };
            quietly(scope.close(cx).await);
            (SECOND * 5, "close")
        }
        14 => {
            let Some(task) = world.look(&world.refs) else { return };
            quietly(task.stop_within(cx, time).await);
            (time, "stop")
        }
        _ => {
            let Some(mut task) = world.take(&world.tasks) else { return };
            let id = task.task_ref().id();
            let ended = cx.timeout(time, &mut task).await;
            let is_heard = matches!(ended, Ok(Err(_)));
            world.told.lock().unwrap().entry(id).or_default().is_heard |= is_heard;
            quietly(ended);
            quietly(task);
            (time, "wait")
        }
    };
    let took = cx.now() - began;
    world.expect(took <= limit + MORE, || format!("a {what} of {limit:?} took {took:?}"));
}

fn wait_for_long(world: &Arc<World>) {
    let Some(task) = world.look(&world.refs) else { return };
    let (waker, event) =
        (Waker::from(Arc::new(Foreign(world.clone()))), world.look(&world.spawners));
    let mut wait: Wait = match event.filter(|_| world.below(2) == 0) {
        Some((spawner, _)) => Box::pin(async move { spawner.shutdown().wait().await }),
        None => Box::pin(async move { quietly(task.finished().await) }),
    };
    if wait.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Pending {
        put(&world.waits, wait);
    }
}

fn open(world: &Arc<World>) {
    let Some((spawner, _)) = world.look(&world.spawners) else { return };
    let builder = spawner.scope(NAMES[world.below(3)]).deadline(SECOND * 5);
    let strategy = if world.below(2) == 0 { Strategy::OneForAll } else { Strategy::RestForOne };
    let builder = builder.strategy(strategy).grace(SECOND * world.below(8) as u32);
    let builder = if world.below(3) == 0 { builder.fail_fast() } else { builder };
    let limit = (world.below(2) == 0).then(|| 1 + world.below(3));
    let builder = if let Some(n) = limit { builder.max_concurrency(n) } else { builder };
    let Ok(scope) = builder.open() else { return };
    let place = Place { limit, ..Place::default() };
    put(&world.spawners, (scope.spawner().clone(), Arc::new(place)));
    put(&world.refs, scope.task_ref().clone());
    put(&world.scopes, scope);
}

fn spawn(world: &Arc<World>) {
    let Some((spawner, place)) = world.look(&world.spawners) else { return };
    if world.spawned.fetch_add(1, Relaxed) > 40 {
        return;
    }
    let (number, it) = (world.below(3), Body::new(world, &place));
    let (counts, name) = (true, Some(number));
    let spawned = match world.below(5) {
        0 | 1 => {
            let it = Body { counts, ..it };
            spawner.spawn(async move |cx| body(cx, it).await).map_err(quietly)
        }
        2 => {
            let it = Body { counts, name, ..it };
            spawner.task(NAMES[number]).spawn(async move |cx| body(cx, it).await).map_err(quietly)
        }
        3 => {
            let delay = SECOND * world.below(3) as u32;
            let policy = RestartPolicy::default().backoff(delay, delay).at_most(4, SECOND * 20);
            let on_exit = if world.below(2) == 0 { OnEnd::Ignore } else { policy.into() };
            let service = spawner.service(NAMES[number]).on_failure(policy).on_exit(on_exit);
            let it = Body { name, ..it };
            service.spawn(async move |cx| body(cx, it).await).map_err(quietly)
        }
        _ => {
            let it = Body { name, ..it };
            let task = spawner.task(NAMES[number]).grace(SECOND);
            return quietly(task.replace(async move |cx| body(cx, it).await));
        }
    };
    let Ok(task) = spawned else { return };
    put(&world.refs, task.task_ref().clone());
    if world.below(2) == 0 {
        put(&world.tasks, task);
    }
}
