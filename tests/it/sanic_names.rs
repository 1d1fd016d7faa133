//! What Sanic's guide promises of the names of tasks: rows S-10 to S-13, each as ours keeps it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lifespan::{Cx, Lifespan, LoopOwner, Outcome, SpawnError, TaskError, Timer};

use crate::sanic_tasks::{begins, inside};

on_every_loop!(
    s10_tasks_are_listed_in_the_order_of_their_spawn,
    s10_the_empty_name_is_an_error,
    s11_a_name_that_is_taken_gives_the_body_back,
    s11_a_task_may_take_the_place_of_another_which_is_gone_then,
    s11_the_one_that_has_the_name_may_be_kept,
    s11_a_number_may_come_behind_a_name_that_is_taken,
    s12_a_task_may_be_named_before_the_run,
    s13_a_task_is_found_from_anywhere_while_it_lives,
    s13_a_handle_tells_of_the_end_when_the_name_is_free,
);

fn s10_tasks_are_listed_in_the_order_of_their_spawn<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for name in ["c", "a", "b"] {
            cx.task(name).spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
        }
        let names = cx.tasks().iter().map(|task| task.name().unwrap().to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["c", "a", "b"]);
    });
}

fn s10_the_empty_name_is_an_error<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let refused = cx.task("").spawn(async |_cx| 7).unwrap_err();
        assert!(matches!(refused, SpawnError::EmptyName { .. }));
        assert_eq!(cx.spawn(refused.into_body()).await.unwrap(), 7, "the body is as it was");
    });
}

fn s11_a_name_that_is_taken_gives_the_body_back<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let first = cx.task("poller").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let refused = cx.task("poller").spawn(async |_cx| "the second").unwrap_err();
        assert!(
            matches!(&refused, SpawnError::NameTaken { name, .. } if name.as_str() == "poller")
        );
        assert_eq!(cx.tasks().get("poller").unwrap().id(), first.task_ref().id());
        let second = cx.task("poller-2").spawn(refused.into_body()).unwrap();
        assert_eq!(second.await.unwrap(), "the second");
        assert!(first.stop(), "the first can be reached and stopped");
        first.await.unwrap();
    });
}

fn s11_a_task_may_take_the_place_of_another_which_is_gone_then<O: LoopOwner<Handle: Timer>>(
    owner: O,
) {
    inside(owner, async |cx| {
        let gone = Arc::new(AtomicBool::new(false));
        let guard = SetOnDrop(Arc::clone(&gone));
        let old = cx.task("poller").spawn(async move |_cx| {
            let _guard = guard;
            pending::<()>().await;
        });
        let new = cx.task("poller").replace(async move |_cx| gone.load(Ordering::SeqCst));
        let new = new.unwrap().await;
        assert!(new.await.unwrap(), "it begins when the old one is gone");
        assert!(matches!(old.unwrap().await, Err(TaskError::Cancelled)));
    });
}

fn s11_the_one_that_has_the_name_may_be_kept<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let first = cx.task("poller").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let kept = match cx.task("poller").spawn(async |_cx| {}) {
            Err(SpawnError::NameTaken { holder, .. }) => holder,
            other => panic!("it is taken: {other:?}"),
        };
        assert_eq!(kept.id(), first.task_ref().id());
        assert!(kept.stop(), "the first can be reached and stopped");
        first.await.unwrap();
    });
}

fn s11_a_number_may_come_behind_a_name_that_is_taken<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let poll = async |cx: Cx<'_, O::Handle>| cx.shutdown().wait().await;
        for expected in ["poller", "poller-2", "poller-3"] {
            let poller = cx.task("poller").numbered().spawn(poll).unwrap();
            assert_eq!(poller.task_ref().name().unwrap().as_str(), expected);
        }
        assert_eq!(cx.tasks().len(), 3, "each runs, and is found by its name");
        assert!(cx.tasks().iter().all(|task| task.stop()));
    });
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn s12_a_task_may_be_named_before_the_run<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("named", async |cx: Cx<'_, O::Handle>| cx.shutdown().wait().await)
        .serve(async |cx| assert!(cx.tasks().contains("named")))
        .run();
    assert!(report.is_clean(), "{report}");
}

fn s13_a_task_is_found_from_anywhere_while_it_lives<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.task("named").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let (spawner, id) = (cx.spawner(), task.task_ref().id());
        let found = std::thread::spawn(move || {
            (spawner.tasks().get("named").unwrap().id(), spawner.tasks().get("nope").is_none())
        });
        assert_eq!(found.join().unwrap(), (id, true));
        let by_task = cx.spawn(async move |cx| cx.tasks().get("named").unwrap().id() == id);
        assert!(by_task.await.unwrap());
    });
}

fn s13_a_handle_tells_of_the_end_when_the_name_is_free<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (go_on, trigger) = begins();
        let task = cx.task("named").spawn(async move |_cx| go_on.wait().await).unwrap();
        let handle = cx.tasks().get("named").unwrap();
        assert!(handle.outcome().is_none(), "it waits");
        trigger.set("it was found").unwrap();
        task.await.unwrap();
        assert!(matches!(handle.outcome(), Some(Outcome::Completed)));
        assert!(cx.tasks().get("named").is_none());
        cx.task("named").spawn(async |_cx| ()).unwrap().await.unwrap();
    });
}
