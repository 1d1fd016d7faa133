//! The values that one lifespan shares.

use std::sync::{Arc, Mutex};

use lifespan_core::{Lifespan, Spawner};

use crate::by_hand::{ByHand, Hand, run, serve};
use crate::outcomes::Gone;
use crate::woken::PanicOnDrop;

#[derive(Debug, PartialEq, Eq)]
struct Number(u32);

#[test]
fn a_value_is_found_by_its_type_wherever_it_was_put() {
    let lifespan = Lifespan::on(ByHand::new());
    let lifespan = lifespan.startup("db", async |cx| {
        assert!(cx.state().get::<Number>().is_none());
        assert!(cx.state().insert(Number(1)).is_none());
    });
    let lifespan = lifespan.shutdown("db", async |cx| {
        assert_eq!(cx.state().get::<Number>().unwrap().0, 3);
    });
    let report = run(lifespan.serve(async |cx| {
        assert_eq!(*cx.state().insert(Number(2)).unwrap(), Number(1));
        let spawner = cx.spawner();
        let task = cx.spawn(async move |cx| {
            assert_eq!(cx.state().remove::<Number>().unwrap().0, 2);
            assert!(spawner.state().get::<Number>().is_none());
            spawner.state().insert(Number(3));
        });
        task.await.unwrap();
    }));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn values_go_with_the_run_though_they_hold_a_spawner() {
    struct Holds(#[expect(dead_code, reason = "held")] (Spawner<Hand>, crate::outcomes::GoneGuard));
    let gone = Gone::default();
    let guard = Mutex::new(Some(gone.guard()));
    let _ = serve(async move |cx| {
        cx.state().insert(Holds((cx.spawner(), guard.lock().unwrap().take().unwrap())));
    });
    assert!(gone.is_gone());
}

#[test]
fn a_value_whose_destructor_panics_harms_no_other() {
    let gone = Gone::default();
    let guard = gone.guard();
    let report = serve(async move |cx| {
        cx.state().insert(PanicOnDrop);
        cx.state().insert([PanicOnDrop; 1]);
        cx.state().insert(guard);
    });
    assert!(gone.is_gone() && report.is_clean());
}

#[test]
fn a_value_may_use_the_state_when_it_is_dropped() {
    struct Reenters(Spawner<Hand>);
    impl Drop for Reenters {
        fn drop(&mut self) {
            self.0.state().insert(Number(1));
            let _ = self.0.state().get::<Self>();
        }
    }
    let _ = serve(async |cx| {
        cx.state().insert(Reenters(cx.spawner()));
        let old = cx.state().insert(Reenters(cx.spawner()));
        drop(old);
        drop(cx.state().remove::<Reenters>());
        cx.state().insert(Reenters(cx.spawner()));
    });
}

#[test]
fn two_runs_share_nothing() {
    for _ in 0..2 {
        let _ = serve(async |cx| {
            assert!(cx.state().insert(Arc::new(Number(1))).is_none());
        });
    }
}

#[test]
fn the_last_value_that_came_is_dropped_first() {
    struct Says<const N: u32>(Arc<Mutex<Vec<u32>>>);
    impl<const N: u32> Drop for Says<N> {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(N);
        }
    }
    let said = Arc::new(Mutex::new(Vec::new()));
    let says = said.clone();
    let _ = serve(async move |cx| {
        cx.state().insert(Says::<1>(says.clone()));
        cx.state().insert(Says::<2>(says.clone()));
        cx.state().insert(Says::<3>(says));
    });
    assert_eq!(*said.lock().unwrap(), [3, 2, 1]);
}
