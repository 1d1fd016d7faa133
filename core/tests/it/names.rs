//! Names: unique among the living, given back when refused, free again when the future is gone.

use std::future::pending;
use std::sync::{Arc, Barrier};
use std::thread;

use lifespan_core::{Name, Outcome, SpawnError, Spawner};

use crate::by_hand::{Hand, next_round, serve, serve_with};
use crate::outcomes::Gone;

/// What each of 64 threads gets that act at one moment.
pub(crate) fn of_64_threads<T: Send + 'static>(
    spawner: &Spawner<Hand>,
    act: fn(&Spawner<Hand>) -> T,
) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(64));
    let threads = (0..64).map(|_| {
        let (spawner, barrier) = (spawner.clone(), Arc::clone(&barrier));
        thread::spawn(move || {
            barrier.wait();
            act(&spawner)
        })
    });
    let threads = threads.collect::<Vec<_>>();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn a_name_that_is_taken_gives_the_body_back_unpolled() {
    let _ = serve(async |cx| {
        let first = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap();
        let gone = Gone::default();
        let guard = gone.guard();
        let body = async move |_cx: lifespan_core::Cx<'_, _>| drop(guard);
        let error = cx.task(String::from("one")).spawn(body).unwrap_err();
        assert!(matches!(&error, SpawnError::NameTaken { name, .. } if name.as_str() == "one"));
        assert!(error.to_string().contains("\"one\""), "{error}");
        assert!(!gone.is_gone());
        assert!(matches!(first.cancel().await, Outcome::Cancelled));
        cx.task("one").spawn(error.into_body()).unwrap().await.unwrap();
        assert!(gone.is_gone(), "the body that came back runs");
    });
}

#[test]
fn a_refused_task_leaves_nothing_behind() {
    let _ = serve(async |cx| {
        let first = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap();
        for _ in 0..1000 {
            assert!(cx.task("one").spawn(async |_cx| ()).is_err());
            assert!(cx.task("").spawn(async |_cx| ()).is_err());
        }
        assert_eq!(cx.tasks().len(), 1);
        assert_eq!(cx.tasks().get("one").unwrap().id(), first.task_ref().id());
    });
}

#[test]
fn a_name_is_free_again_when_the_old_future_is_gone_and_not_before() {
    let _ = serve(async |cx| {
        let task = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap();
        next_round().await;
        drop(task.cancel());
        assert!(cx.task("one").spawn(async |_cx| ()).is_err(), "cancelled, not gone");
        task.task_ref().finished().await;
        cx.task("one").spawn(async |_cx| ()).unwrap().await.unwrap();
    });
}

#[test]
fn a_finished_task_whose_handle_is_kept_holds_no_name() {
    let _ = serve(async |cx| {
        let mut kept = Vec::new();
        for _ in 0..100 {
            let task = cx.task("again").spawn(async |_cx| 7).unwrap();
            task.task_ref().finished().await;
            kept.push(task);
        }
        assert!(!cx.tasks().contains("again") && cx.tasks().is_empty());
    });
}

#[test]
fn an_empty_name_is_refused() {
    let _ = serve(async |cx| {
        let refused = cx.task("").spawn(async |_cx| ());
        assert!(matches!(refused, Err(SpawnError::EmptyName { .. })));
        let refused = cx.task(format_args!("{}", "")).spawn_blocking(|_| ());
        assert!(matches!(refused, Err(SpawnError::EmptyName { .. })));
        assert!(cx.tasks().is_empty());
    });
}

#[test]
fn of_64_threads_that_add_one_name_exactly_one_wins() {
    let _ = serve(async |cx| {
        let won = of_64_threads(&cx.spawner(), |spawner| {
            spawner.task("one").spawn(async |_cx| pending::<()>().await).is_ok()
        });
        assert_eq!(won.into_iter().filter(|&won| won).count(), 1);
        assert_eq!(cx.tasks().len(), 1);
    });
}

#[test]
fn threads_that_take_and_free_names_never_share_one() {
    let _ = serve(async |cx| {
        let threads = (0..4).map(|_| {
            let spawner = cx.spawner();
            cx.spawn_blocking(move |_: &_| {
                (0..200).filter(|_| spawner.task("one").spawn(async |_cx| ()).is_ok()).count()
            })
            .unwrap()
        });
        let threads = threads.collect::<Vec<_>>();
        for thread in threads {
            assert!(thread.await.unwrap() <= 1, "the loop had no turn to free the name");
        }
    });
}

#[test]
fn names_of_every_make_are_one_namespace() {
    let _ = serve(async |cx| {
        let long = "a name that is far too long to be kept inline";
        for name in ["short", long] {
            let task = cx.task(String::from(name)).spawn(async |_cx| pending::<()>().await);
            let task = task.unwrap();
            assert!(cx.task(Name::from(format_args!("{name}"))).spawn(async |_cx| ()).is_err());
            assert!(cx.tasks().contains(name));
            assert_eq!(cx.tasks().get(name).unwrap().id(), task.task_ref().id());
        }
    });
}

#[test]
fn the_index_of_names_is_right_whenever_it_is_built() {
    let _ = serve(async |cx| {
        let unnamed = cx.spawn(async |_cx| pending::<()>().await);
        assert!(!cx.tasks().contains("later"));
        let named = cx.task("later").spawn(async |_cx| pending::<()>().await).unwrap();
        unnamed.cancel().await;
        assert_eq!(cx.tasks().get("later").unwrap().id(), named.task_ref().id());
        named.cancel().await;
        assert!(cx.tasks().get("later").is_none());
    });
}

#[test]
fn scopes_have_names_of_their_own() {
    use crate::by_hand::{ByHand, run};
    let lifespan = lifespan_core::Lifespan::on(ByHand::new());
    let lifespan = lifespan.startup("db", async |cx| {
        let task = cx.task("poller").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        assert_eq!(task.task_ref().path(), "db/poller");
        let root = cx.root().task("poller").spawn(async |cx| cx.shutdown().wait().await);
        assert_eq!(root.unwrap().task_ref().path(), "poller");
    });
    let report = run(lifespan.serve(async |cx| assert_eq!(cx.tasks().len(), 1)));
    assert!(report.is_clean(), "{report}");
    assert!(report.task("db/poller").is_some() && report.task("poller").is_some());
}

#[test]
fn a_name_is_free_when_the_loop_has_dropped_its_task() {
    let _ = serve_with(|hand| {
        async move |cx| {
            let _task = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap();
            hand.drop_tasks();
            cx.task("one").spawn(async |_cx| ()).unwrap().await.unwrap();
        }
    });
}
