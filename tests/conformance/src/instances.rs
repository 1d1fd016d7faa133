//! Several loops of one kind: each has its own identity, tasks and end.

use std::collections::HashSet;

use lifespan_core::{Cx, EventLoop, Lifespan, LoopOwner, ShutdownEvent, Timer};

use crate::support::{Moment, inside};

/// One identity for an owner's whole life, shared by clones; another for every other owner.
pub fn have_identities<O: LoopOwner<Handle: Timer>>(make: impl Fn() -> O + Copy) {
    let mut ids = HashSet::new();
    let mut owners = [make(), make(), make()];
    for owner in &mut owners {
        let id = |owner: &mut O| owner.run(async |handle| (handle.id(), handle.clone().id()));
        let (first, second) = (id(owner).unwrap(), id(owner).unwrap());
        assert!(first == second && first.0 == first.1, "a loop keeps its identity");
        assert!(ids.insert(first.0), "two loops have one identity");
    }
    drop(owners);
    let id = make().run(async |handle| handle.id()).unwrap();
    assert!(ids.insert(id), "the identity of a dropped loop is used again");
}

/// An owner that has run can be dropped inside another's loop.
pub fn are_dropped_inside_another<O: LoopOwner<Handle: Timer>>(make: impl Fn() -> O + Copy) {
    let mut inner = make();
    let gone = Moment::default();
    let held = gone.on_drop();
    let ran = inner.run(async |handle| {
        let spawned = handle.spawn(async move {
            let _held = held;
            futures_lite::future::pending::<()>().await;
        });
        assert!(spawned.is_ok());
    });
    ran.expect("the loop runs");
    let mut outer = make();
    outer.run(async move |_handle| drop(inner)).expect("the loop runs");
    drop(outer);
    gone.wait_blocking();
}

/// A task spawned into another loop, that is not driven now, starts when that is.
pub fn spawn_into_each_other<O: LoopOwner<Handle: Timer>>(make: impl Fn() -> O + Copy) {
    let (mut first, mut second) = (make(), make());
    let handle = first.run(async |handle| handle.clone()).expect("the loop runs");
    let ended = Moment::default();
    let at_end = ended.clone();
    let ran = second.run(async move |_handle| {
        let mine = handle.clone();
        let spawned = handle.spawn(async move {
            // Its timers are those of the loop it belongs to, not of the one that spawned it.
            mine.sleep(std::time::Duration::from_millis(1)).await.expect("the loop runs");
            at_end.come();
        });
        assert!(spawned.is_ok());
    });
    ran.expect("the loop runs");
    drop(second);
    first.run(async |_handle| ended.wait().await).expect("an owner runs again");
}

/// Two loops on two threads hear one event, and spawn into each other.
pub fn run_on_two_threads<O: LoopOwner<Handle: Timer> + 'static>(
    make: impl Fn() -> O + Copy + Send + 'static,
) {
    let event = ShutdownEvent::new();
    let (heard, trigger) = (event.clone(), event.trigger());
    let (sender, receiver) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        let report = Lifespan::on(make())
            .event(heard)
            .serve(async move |cx| {
                sender.send((cx.spawner(), cx.loop_id())).unwrap();
                cx.shutdown().wait().await;
            })
            .run();
        assert!(report.is_clean(), "{report}");
    });
    inside(make(), async move |cx| {
        let (spawner, id) = receiver.recv().unwrap();
        assert_ne!(id, cx.loop_id());
        let there = spawner.spawn(async move |cx: Cx<'_, O::Handle>| {
            cx.sleep(std::time::Duration::from_millis(1)).await;
            assert_eq!(cx.loop_id(), id, "it runs on the loop of its spawner");
        });
        there.expect("it serves").await.unwrap();
        trigger.set("both").unwrap();
    });
    other.join().unwrap();
}
