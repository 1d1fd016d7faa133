//! The age of a task: from when it counts, until when, and what it costs.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lifespan_core::{Lifespan, ShutdownEvent};

use crate::by_hand::{ByHand, next_round, run, serve, serve_with};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_task_that_has_ended_grows_no_older() {
    let _ = serve(async |cx| {
        let awaited = cx.spawn(async |cx| cx.sleep(SECOND).await);
        let detached = cx.spawn(async |cx| cx.sleep(2 * SECOND).await);
        let named = cx.task("named").spawn(async |cx| cx.sleep(3 * SECOND).await).unwrap();
        let seen = [awaited.task_ref().clone(), detached.task_ref().clone()];
        detached.detach();
        next_round().await;
        assert_eq!(cx.tasks().get("named").unwrap().age().as_secs(), 0, "looked at, and let go");
        awaited.await.unwrap();
        named.await.unwrap();
        cx.sleep(10 * SECOND).await;
        assert_eq!(seen.map(|task| task.age().as_secs()), [1, 2]);
    });
}

#[test]
fn of_one_that_only_its_awaiter_held_the_first_look_counts() {
    let _ = serve(async |cx| {
        let mut task = cx.spawn(async |cx| cx.sleep(SECOND).await);
        (&mut task).await.unwrap();
        assert_eq!(task.task_ref().age().as_secs(), 1);
        cx.sleep(10 * SECOND).await;
        assert_eq!(task.task_ref().age().as_secs(), 1, "it has been asked for");
    });
}

#[test]
fn one_that_only_its_awaiter_holds_ends_without_a_look_at_the_clock() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let (go_on, has_looked) = (ShutdownEvent::new(), Arc::new(AtomicBool::new(false)));
            let gate = go_on.clone();
            let task = cx.spawn(async move |_cx| gate.wait().await);
            next_round().await;
            let looks = Arc::clone(&has_looked);
            hand.on_now(move || looks.store(true, Ordering::Relaxed));
            go_on.trigger().set("go on").unwrap();
            task.await.unwrap();
            assert!(!has_looked.load(Ordering::Relaxed));
        }
    });
}

#[test]
fn one_that_ends_in_its_first_poll_has_none() {
    let _ = serve(async |cx| {
        let task = cx.spawn(async |_cx| ());
        let seen = task.task_ref().clone();
        cx.sleep(SECOND).await;
        task.await.unwrap();
        assert_eq!(seen.age(), Duration::ZERO);
    });
}

#[test]
fn that_of_a_closure_and_of_a_scope_counts_from_the_start() {
    let _ = serve_with(|hand| {
        async move |cx| {
            hand.hold_work();
            let plain = cx.spawn_blocking(|_stop| ()).unwrap();
            let replaces = cx.task("closure").replace_blocking(|_stop| ()).unwrap().await;
            let scope = cx.scope("scope").open().unwrap();
            cx.sleep(SECOND).await;
            let tasks = [plain.task_ref(), replaces.task_ref(), scope.task_ref()];
            assert_eq!(tasks.map(|task| task.age().as_secs()), [1, 1, 1]);
            drop((plain.cancel(), replaces.cancel()));
            hand.drop_tasks();
        }
    });
}

#[test]
fn of_one_that_never_waited_it_counts_from_its_first_listing() {
    let lifespan = Lifespan::on(ByHand::new()).deadline(3 * SECOND);
    let report = run(lifespan.serve(async |cx| {
        // Nobody polls it.
        cx.state().insert(std::sync::Mutex::new(cx.task("idle").track(pending::<()>()).unwrap()));
        cx.sleep(SECOND).await;
    }));
    assert_eq!(report.stragglers[0].age.as_secs(), 3, "{report}");
}
