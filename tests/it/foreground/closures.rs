//! Closures on threads, which need nobody to drive the loop.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use lifespan::{BoxError, Outcome, TaskError};

use super::{GUARD, Passes, on, wait_until};

on_every_loop_that_stands_still! {
    a_closure_runs_though_nobody_drives,
    a_closure_gives_its_value_in_the_foreground,
    a_closure_that_is_cancelled_goes_on_and_hears_of_it,
    closures_run_in_parallel,
}

fn a_closure_runs_though_nobody_drives<O: Passes>(make: impl Fn() -> O) {
    let foreground = on(make);
    let (sender, receiver) = mpsc::channel();
    let task = foreground.call_in_background(move || {
        sender.send(thread::current().id()).unwrap();
    });
    assert_ne!(receiver.recv_timeout(GUARD).unwrap(), thread::current().id());
    wait_until(|| task.task_ref().is_finished());
    assert!(matches!(task.task_ref().outcome(), Some(Outcome::Completed)));
}

fn a_closure_gives_its_value_in_the_foreground<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let task = foreground.call_in_background(|| 42);
    assert_eq!(foreground.run_until(task).unwrap().unwrap(), 42);
    let fails = foreground.call_in_background(|| Err::<(), BoxError>("broken".into()));
    assert!(matches!(foreground.run_until(fails).unwrap(), Err(TaskError::Failed(_))));
    let panics = foreground.call_in_background(|| -> () { panic!("very broken") });
    assert!(matches!(foreground.run_until(panics).unwrap(), Err(TaskError::Panicked(_))));
}

fn a_closure_that_is_cancelled_goes_on_and_hears_of_it<O: Passes>(make: impl Fn() -> O) {
    let foreground = on(make);
    let hears = foreground.task("hears").spawn_blocking(|stop| stop.wait_blocking().is_ok());
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let deaf = foreground.call_in_background(move || {
        begin.send(()).unwrap();
        released.recv().is_err()
    });
    begun.recv_timeout(GUARD).unwrap();
    let hears = hears.unwrap();
    drop((hears.cancel(), deaf.cancel()));
    wait_until(|| hears.task_ref().is_finished());
    assert!(!deaf.task_ref().is_finished(), "a thread cannot be cut");
    drop(release);
    wait_until(|| deaf.task_ref().is_finished());
}

fn closures_run_in_parallel<O: Passes>(make: impl Fn() -> O) {
    let mut foreground = on(make);
    let running = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let running = Arc::clone(&running);
            foreground.call_in_background(move || {
                running.fetch_add(1, Ordering::SeqCst);
                wait_until(|| running.load(Ordering::SeqCst) == 4);
            })
        })
        .collect();
    for task in tasks {
        foreground.run_until(task).unwrap().unwrap();
    }
}
