//! The owner: it drives on the calling thread, may run again, and refuses to nest.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_lite::future::yield_now;
use lifespan_core::{EventLoop, Lifespan, LoopOwner, RunError, ShutdownEvent, StartError, Timer};

use crate::support::{Moment, inside};

/// A sleep made outside of any loop is its handle's: it ends where that loop is driven.
pub fn a_sleep_belongs_to_its_handle<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = owner.run(async |handle| handle.clone()).expect("the loop runs");
    assert!(handle.now() <= handle.now());
    let sleep = handle.sleep(std::time::Duration::from_millis(1));
    let slept = owner.run(async move |_handle| sleep.await).expect("an owner runs again");
    assert_eq!(slept, Ok(()));
}

/// `run` gives what its future gives, which may borrow and need not be `Send`.
pub fn gives_the_output<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let text = std::rc::Rc::new(String::from("borrowed"));
    let driver = std::thread::current().id();
    let length = owner.run(async |_handle| {
        yield_now().await;
        assert_eq!(std::thread::current().id(), driver, "the root runs on the calling thread");
        text.len()
    });
    assert_eq!(length.expect("the loop runs"), 8);
}

/// An owner runs one lifespan after the other.
pub fn runs_again<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    for _ in 0..5 {
        inside(&mut owner, async |cx| {
            cx.spawn(async |cx| cx.sleep(std::time::Duration::ZERO).await).await
        });
    }
}

/// What was spawned goes on in the next run of its owner.
pub fn goes_on_in_the_next_run<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (go_on, ended) = (Moment::default(), Moment::default());
    let (gate, at_end) = (go_on.clone(), ended.clone());
    let first = owner.run(async |handle| {
        let spawned = handle.spawn(async move {
            gate.wait().await;
            at_end.come();
        });
        assert!(spawned.is_ok(), "the loop runs");
    });
    first.expect("the loop runs");
    assert!(!ended.has_come());
    go_on.come();
    owner.run(async |_handle| ended.wait().await).expect("an owner runs again");
}

/// What was spawned between two runs, through a handle that was kept, starts in the next.
pub fn a_spawn_between_two_runs_starts_in_the_next<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = owner.run(async |handle| handle.clone()).expect("the loop runs");
    let ended = Moment::default();
    let at_end = ended.clone();
    assert!(handle.spawn(async move { at_end.come() }).is_ok(), "the loop has not ended");
    owner.run(async |_handle| ended.wait().await).expect("an owner runs again");
}

/// Inside a loop, in its root and in its tasks, a run is refused, and so is a wait that blocks.
pub fn refuses_to_run_inside_a_loop<O: LoopOwner<Handle: Timer> + 'static>(
    make: impl Fn() -> O + Copy + Send + 'static,
) {
    fn refused<O: LoopOwner<Handle: Timer>>(mut other: O) {
        let event = ShutdownEvent::new();
        assert!(event.wait_blocking().is_err(), "a wait that blocks the loop");
        let ran = other.run(async |_handle| unreachable!("inside a loop"));
        assert!(matches!(ran, Err(RunError::InsideLoop(_))), "a run inside a loop");
        let report = Lifespan::on(other).serve(async |_cx| unreachable!("inside a loop")).run();
        let error = report.start_error.as_ref();
        assert!(matches!(error, Some(StartError::Run(RunError::InsideLoop(_)))), "{report}");
        assert_eq!(report.exit_code(), 3);
    }
    inside(make(), async move |cx| {
        refused(make());
        cx.spawn(async move |_cx| refused(make())).await
    });
    let mut owner = make();
    owner.run(async |_handle| refused(make())).expect("the loop runs");
    // And it did no harm to this thread.
    owner.run(async |_handle| ()).expect("the loop runs");
}

/// A panic of the root comes out of `run`, and the thread and the owner are good for another.
pub fn survives_a_panic_of_the_root<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        owner.run(async |_handle| {
            yield_now().await;
            panic!("in the root");
        })
    }));
    let payload = ran.map(drop).expect_err("it panicked");
    assert_eq!(payload.downcast_ref(), Some(&"in the root"));
    assert!(owner.run(async |_handle| 19).is_ok_and(|value| value == 19));
    inside(owner, async |cx| cx.spawn(async |_cx| {}).await);
}

/// An owner that never ran can be dropped, here and inside another's loop.
pub fn may_never_run<O: LoopOwner<Handle: Timer>>(make: impl Fn() -> O + Copy) {
    drop(make());
    make().run(async |_handle| drop(make())).expect("the loop runs");
}
