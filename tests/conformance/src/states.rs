//! The shared state of a lifespan: by type, from the first handler to the last.

use std::sync::atomic::{AtomicU32, Ordering};

use lifespan_core::{Lifespan, LoopOwner, Timer};

use crate::support::{Moment, inside};

/// What a start-up handler inserts, tasks, spawners, the foreground and shutdown handlers find.
pub fn lives_from_start_to_stop<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct Count(AtomicU32);
    fn add(state: &lifespan_core::State) {
        state.get::<Count>().expect("it was inserted").0.fetch_add(1, Ordering::SeqCst);
    }
    let report = Lifespan::on(owner)
        .startup("first", async |cx| drop(cx.state().insert(Count(AtomicU32::new(0)))))
        .startup("second", async |cx| add(cx.state()))
        .shutdown("first", async |cx| {
            assert_eq!(cx.state().get::<Count>().unwrap().0.load(Ordering::SeqCst), 4);
        })
        .task("task", async |cx| add(cx.state()))
        .serve(async |cx| {
            add(cx.spawner().state());
            cx.spawn(async |cx| add(cx.state())).await.unwrap();
            while cx.tasks().contains("task") {
                futures_lite::future::yield_now().await;
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

/// One value for each type: a second replaces, and a removed one is gone.
pub fn holds_one_value_of_each_type<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        assert!(cx.state().insert(1_u8).is_none() && cx.state().insert(2_u16).is_none());
        assert_eq!(cx.state().insert(3_u8).as_deref(), Some(&1));
        assert_eq!(cx.state().get::<u16>().as_deref(), Some(&2));
        assert_eq!(cx.state().remove::<u8>().as_deref(), Some(&3));
        assert!(cx.state().get::<u8>().is_none());
    });
}

/// It is fresh in each run of an owner, and its values are dropped at the end of each.
pub fn is_fresh_in_each_run<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    struct Held(#[expect(dead_code, reason = "for its destructor")] crate::support::ComesOnDrop);
    let gone = Moment::default();
    let held = Held(gone.on_drop());
    inside(&mut owner, async move |cx| drop(cx.state().insert(held)));
    assert!(gone.has_come(), "the value outlives its lifespan");
    inside(owner, async |cx| assert!(cx.state().get::<Held>().is_none()));
}
