//! Other threads: they may spawn and wake, and are waited for when the owner is told so.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use lifespan_core::{BoxError, Lifespan, Reason, ShutdownEvent, ShutdownTrigger, StopSource};
use lifespan_core::{LoopOwner, RunError, Timer};
use lifespan_sim::SimLoop;

#[test]
fn a_thread_that_sets_an_event_is_waited_for_if_told_so() {
    let event = ShutdownEvent::new();
    let trigger = event.trigger();
    let (begin, begun) = mpsc::channel::<()>();
    let setter = thread::spawn(move || {
        begun.recv().unwrap();
        trigger.set(Reason::Requested).unwrap();
    });
    let report = Lifespan::on(SimLoop::new(0).wait_for_threads())
        .task("waits", async |cx| cx.shutdown().wait().await)
        .startup("begins", async move |_cx| begin.send(()).unwrap())
        .event(event)
        .run();
    setter.join().unwrap();
    assert!(report.is_clean() && report.stalled.is_none(), "{report}");
}

#[test]
fn a_thread_is_not_waited_for_by_default() {
    let event = ShutdownEvent::new();
    let report = Lifespan::on(SimLoop::new(0)).event(event.clone()).run();
    assert!(report.stalled.is_some());
    drop(event);
}

#[test]
fn who_waits_for_threads_that_never_come_stalls_in_the_end() {
    let mut owner = SimLoop::new(0).wait_for_threads().patience(Duration::from_micros(10));
    let ended = owner.run(async |_sim| std::future::pending::<()>().await);
    assert!(matches!(ended, Err(RunError::Stalled(_))));
}

struct FromAThread;

impl StopSource for FromAThread {
    type Bound = ();

    fn bind(self, stop: ShutdownTrigger, _cancel: ShutdownTrigger) -> Result<(), BoxError> {
        thread::Builder::new().spawn(move || stop.set(Reason::Requested))?;
        Ok(())
    }
}

#[test]
fn a_stop_source_on_a_thread_stops_a_lifespan() {
    let report = Lifespan::on(SimLoop::new(0).wait_for_threads()).stop_on(FromAThread).run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn another_thread_spawns() {
    let report = Lifespan::on(SimLoop::new(0).wait_for_threads())
        .serve(async |cx| {
            let spawner = cx.spawner();
            let (tell, told) = mpsc::channel();
            thread::spawn(move || {
                for number in 0..100 {
                    let task = spawner.spawn(async move |cx| {
                        cx.sleep(Duration::from_millis(1)).await;
                        number
                    });
                    tell.send(task.unwrap()).unwrap();
                }
            });
            let tasks = cx.spawn_blocking(move |_stop| told.into_iter().collect::<Vec<_>>());
            let mut sum = 0;
            for task in tasks.unwrap().await.unwrap() {
                sum += task.await.unwrap();
            }
            assert_eq!(sum, 4950);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn tasks_woken_from_another_thread_while_the_loop_ends_are_dropped_by_the_loop() {
    for _ in 0..200 {
        let mut owner = SimLoop::new(0);
        let event = ShutdownEvent::new();
        let waits = event.clone();
        owner
            .run(async |sim| {
                use lifespan_core::LocalLoop;
                for _ in 0..20 {
                    let (local, waits) = (std::rc::Rc::new(()), waits.clone());
                    let task = async move {
                        waits.wait().await;
                        drop(local);
                    };
                    sim.spawn_local(task).unwrap();
                }
                sim.sleep(Duration::ZERO).await.unwrap();
            })
            .unwrap();
        let setter = thread::spawn(move || event.trigger().set(Reason::Requested));
        drop(owner);
        setter.join().unwrap().unwrap();
    }
}
