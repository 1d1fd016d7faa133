//! Blocking work of a loop that has ended.

use std::sync::mpsc;

use lifespan_core::{Blocking, Lifespan, LoopOwner, TaskError, Timer};

use crate::support::ready;

/// What an ended loop is given to run is dropped, unrun.
pub fn an_ended_loop_runs_nothing<O: LoopOwner<Handle: Timer + Blocking>>(mut owner: O) {
    let handle = owner.run(async |handle| handle.clone()).expect("the loop runs");
    drop(owner);
    let (sender, receiver) = mpsc::channel();
    let _closed_or_not = handle.spawn_blocking(move || sender.send("it ran").unwrap());
    assert_eq!(receiver.recv(), Err(mpsc::RecvError), "the closure was to be dropped");
}

/// A closure that was not taken up before its loop ended settles, and never hangs who awaits it.
pub fn a_closure_settles_when_its_loop_ends<O: LoopOwner<Handle: Timer + Blocking>>(mut owner: O) {
    let (sender, receiver) = mpsc::channel();
    let ran = owner.run(async |handle| {
        let lifespan = Lifespan::attach(handle.clone()).serve(async move |cx| {
            let task = cx.spawn_blocking(|stop| stop.wait_blocking().map(drop));
            let _ = sender.send(task.unwrap());
        });
        lifespan.run().await
    });
    assert!(ran.expect("the loop runs").stragglers.is_empty());
    let task = receiver.recv().unwrap();
    drop(owner);
    let ended = ready(task);
    assert!(matches!(ended, Ok(()) | Err(TaskError::LoopClosed)), "{ended:?}");
}
