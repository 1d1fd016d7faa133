//! The end of a run, and of a loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifespan_core::{
    Blocking, Cx, EventLoop, Lifespan, LocalLoop, LoopOwner, Outcome, RunError, Spawner, TaskError,
    Timer,
};
use lifespan_sim::{Sim, SimLoop};

const SECOND: Duration = Duration::from_secs(1);

/// Counts its drops.
struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn tasks_stand_still_between_two_runs() {
    let mut owner = SimLoop::new(0);
    let ticks = Arc::new(AtomicU32::new(0));
    let (counted, sim) = (Arc::clone(&ticks), owner.handle());
    let ticker = async move {
        loop {
            counted.fetch_add(1, Ordering::SeqCst);
            sim.sleep(SECOND).await.unwrap();
        }
    };
    owner.handle().spawn(ticker).unwrap();
    assert_eq!(ticks.load(Ordering::SeqCst), 0);
    for expected in [5, 10, 15] {
        owner.run(async |sim| sim.sleep(SECOND * 5 - SECOND / 4).await).unwrap().unwrap();
        assert_eq!(ticks.load(Ordering::SeqCst), expected);
    }
}

#[test]
fn an_owner_is_lent_to_one_lifespan_after_the_other() {
    let mut owner = SimLoop::new(0);
    let id = owner.handle().id();
    for _ in 0..3 {
        let report = Lifespan::on(&mut owner)
            .serve(async move |cx| {
                assert_eq!(cx.loop_id(), id);
                cx.sleep(SECOND).await;
            })
            .run();
        assert!(report.is_clean(), "{report}");
    }
    assert_eq!(owner.elapsed(), SECOND * 3);
}

#[test]
fn a_handle_that_a_task_holds_keeps_nothing_alive() {
    let dropped = Arc::new(AtomicU32::new(0));
    let mut owner = SimLoop::new(0);
    let run = owner.run(async |sim| {
        for _ in 0..10 {
            let (handle, counted) = (sim.clone(), Counted(Arc::clone(&dropped)));
            let holds = async move {
                let _counted = counted;
                handle.sleep(Duration::MAX).await.unwrap();
            };
            sim.spawn(holds).unwrap();
        }
        let (handle, counted) = (sim.clone(), Counted(Arc::clone(&dropped)));
        let ready = async move {
            let _counted = counted;
            loop {
                futures_lite::future::yield_now().await;
                let _ = handle.elapsed();
            }
        };
        sim.spawn(ready).unwrap();
        sim.sleep(Duration::ZERO).await.unwrap();
    });
    drop(run);
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(owner);
    assert_eq!(dropped.load(Ordering::SeqCst), 11);
}

#[test]
fn a_task_never_polled_is_dropped_with_the_loop() {
    let dropped = Arc::new(AtomicU32::new(0));
    let owner = SimLoop::fifo();
    let counted = Counted(Arc::clone(&dropped));
    owner.handle().spawn(async move { drop(counted) }).unwrap();
    drop(owner);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn an_ended_loop_refuses_what_comes() {
    let owner = SimLoop::new(0);
    let sim = owner.handle();
    drop(owner);
    let dropped = Arc::new(AtomicU32::new(0));
    let counted = || Counted(Arc::clone(&dropped));
    let (future, local, work) = (counted(), counted(), counted());
    assert!(sim.spawn(async move { drop(future) }).is_err());
    assert!(sim.spawn_local(async move { drop(local) }).is_err());
    assert!(sim.spawn_blocking(move || drop(work)).is_err());
    assert_eq!(dropped.load(Ordering::SeqCst), 3);
}

#[test]
fn what_a_destructor_spawns_while_the_loop_ends_is_refused() {
    struct Spawns(Sim, Arc<AtomicU32>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let refused = self.0.spawn(async {}).is_err();
            self.1.fetch_add(u32::from(refused), Ordering::SeqCst);
        }
    }
    let refused = Arc::new(AtomicU32::new(0));
    let owner = SimLoop::new(0);
    let spawns = Spawns(owner.handle(), Arc::clone(&refused));
    owner.handle().spawn(async move { drop(spawns) }).unwrap();
    drop(owner);
    assert_eq!(refused.load(Ordering::SeqCst), 1);
}

#[test]
fn a_destructor_that_panics_keeps_no_other_task_alive() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let owner = SimLoop::fifo();
    let counted = Counted(Arc::clone(&dropped));
    let panics = Panics;
    owner.handle().spawn(async move { drop(panics) }).unwrap();
    owner.handle().spawn(async move { drop(counted) }).unwrap();
    drop(owner);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// Leaves a lifespan behind that was attached to the loop and never ended.
fn left_behind(owner: &mut SimLoop) -> Spawner<Sim> {
    let (tell, told) = std::sync::mpsc::channel();
    owner
        .run(async |sim| {
            let handle = sim.clone();
            let attached = async move {
                let serve = async move |cx: Cx<'_, Sim>| {
                    tell.send(cx.spawner()).unwrap();
                    cx.shutdown().wait().await;
                };
                drop(Lifespan::attach(handle).serve(serve).run().await);
            };
            sim.spawn_local(attached).unwrap();
            sim.sleep(SECOND).await.unwrap();
        })
        .unwrap();
    told.recv().unwrap()
}

#[test]
fn a_task_whose_loop_is_dropped_ends_as_loop_closed() {
    let mut owner = SimLoop::new(0);
    let spawner = left_behind(&mut owner);
    let task = spawner.task("late").spawn(async |_cx| 5).unwrap();
    drop(owner);
    let error = futures_lite::future::block_on(task).unwrap_err();
    // The attached lifespan may be dropped first, and cancels what it started.
    assert!(matches!(error, TaskError::LoopClosed | TaskError::Cancelled), "{error}");
}

#[test]
fn a_spawner_whose_loop_has_ended_gives_the_body_back() {
    let mut owner = SimLoop::new(0);
    let spawner = left_behind(&mut owner);
    drop(owner);
    assert_eq!(spawner.tasks().len(), 0);
    assert!(spawner.spawn(async |_cx| {}).is_err());
}

#[test]
fn a_loop_inside_a_loop_is_refused() {
    let mut owner = SimLoop::new(0);
    let inner = owner.run(async |_sim| SimLoop::new(1).run(async |_sim| ()));
    assert!(matches!(inner.unwrap(), Err(RunError::InsideLoop(_))));
}

#[test]
fn a_root_that_panics_leaves_a_loop_that_runs_again() {
    let mut owner = SimLoop::new(0);
    let run = std::panic::AssertUnwindSafe(|| owner.run(async |_sim| panic!("root")));
    assert!(std::panic::catch_unwind(run).is_err());
    assert_eq!(owner.run(async |_sim| 3).unwrap(), 3);
}

#[test]
fn a_task_awaited_by_nobody_goes_on_and_its_failure_is_reported() {
    let report = Lifespan::on(SimLoop::new(0))
        .serve(async |cx| {
            cx.task("fails").spawn(async |_cx| Err::<(), _>("broken")).unwrap().detach();
            cx.sleep(SECOND).await;
        })
        .run();
    assert!(matches!(report.task("fails").unwrap().outcome, Some(Outcome::Failed(_))));
}
