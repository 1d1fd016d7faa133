//! A name that is taken: who has it is told, so that a caller keeps that one, or a number comes behind it.

use std::collections::HashSet;
use std::future::pending;
use std::sync::mpsc::channel;

use lifespan_core::{Cx, Name, Outcome, SpawnError, Task};

use crate::by_hand::{next_round, serve};
use crate::names::of_64_threads;

/// The name that a task got.
fn name_of<T>(task: &Task<T>) -> Name {
    task.task_ref().name().unwrap()
}

#[test]
fn a_refusal_tells_who_has_the_name_and_where_it_was_spawned() {
    let _ = serve(async |cx| {
        let first = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap();
        let refused = cx.task("one").spawn(async |_cx| ()).unwrap_err();
        let says = refused.to_string();
        assert!(says.contains(&first.task_ref().spawned_at().to_string()), "{says}");
        let SpawnError::NameTaken { holder: kept, .. } = refused else { panic!("{says}") };
        assert_eq!(kept.id(), first.task_ref().id());
        assert!(matches!(kept.cancel().await, Outcome::Cancelled));
        assert!(first.await.is_err());
    });
}

#[test]
fn every_way_to_spawn_tells_who_has_the_name() {
    let _ = serve(async |cx| {
        let id = cx.task("one").spawn(async |_cx| pending::<()>().await).unwrap().task_ref().id();
        macro_rules! holder_of {
            ($refused:expr) => {{
                let Err(SpawnError::NameTaken { holder, .. }) = $refused else { panic!("taken") };
                holder.id()
            }};
        }
        assert_eq!(holder_of!(cx.task("one").spawn_blocking(|_stop| ())), id);
        assert_eq!(holder_of!(cx.task("one").track(async {})), id);
        assert_eq!(holder_of!(cx.task("one").track_with(|_stop| async {})), id);
        assert_eq!(holder_of!(cx.service("one").spawn(async |_cx| {})), id);
        assert_eq!(holder_of!(cx.spawner().task("one").spawn(async |_cx| {})), id);
    });
}

#[test]
fn a_number_comes_behind_a_name_only_if_it_is_taken() {
    let _ = serve(async |cx| {
        let mut tasks = Vec::new();
        for number in 1..40 {
            let task = cx.task("one").numbered().spawn(async |_cx| pending::<()>().await).unwrap();
            let expected =
                if number == 1 { Name::from("one") } else { format!("one-{number}").into() };
            assert_eq!(name_of(&task), expected);
            assert_eq!(cx.tasks().get(expected.as_str()).unwrap().id(), task.task_ref().id());
            tasks.push(task);
        }
        tasks.swap_remove(0).cancel().await;
        let again = cx.task("one").numbered().spawn(async |_cx| ()).unwrap();
        assert_eq!(name_of(&again), Name::from("one"), "it is free again");
    });
}

#[test]
fn a_number_is_free_though_those_before_it_have_gaps() {
    let _ = serve(async |cx| {
        let spawn = |name: String| cx.task(name).spawn(async |_cx| pending::<()>().await).unwrap();
        let tasks = ["one", "one-2", "one-4", "one-8", "one-9"].map(|name| spawn(name.into()));
        let mut names = tasks.iter().map(name_of).collect::<HashSet<_>>();
        for _ in 0..20 {
            let task = cx.task("one").numbered().spawn(async |_cx| pending::<()>().await).unwrap();
            assert!(names.insert(name_of(&task)), "it was free");
        }
        assert_eq!(cx.tasks().len(), 25);
    });
}

#[test]
fn a_number_comes_behind_a_long_name_a_service_a_closure_and_a_tracked_future() {
    let _ = serve(async |cx: Cx<'_, _>| {
        let long = "a name that is far too long to be kept inline";
        let _first = cx.task(long).spawn(async |_cx| pending::<()>().await).unwrap();
        let service = cx.service(long).numbered().spawn(async |_cx| pending::<()>().await).unwrap();
        let closure = cx.task(long).numbered().spawn_blocking(|_stop| ()).unwrap();
        let tracked = cx.task(long).numbered().track(async {}).unwrap();
        let names = [name_of(&service), name_of(&closure), tracked.task_ref().name().unwrap()];
        assert_eq!(names, [2, 3, 4].map(|number| Name::from(format!("{long}-{number}"))));
        closure.await.unwrap();
        next_round().await;
    });
}

#[test]
fn a_number_makes_an_empty_name_no_name_and_opens_no_scope_that_has_ended() {
    let (send, outlives) = channel();
    let _ = serve(async move |cx| {
        let refused = cx.task("").numbered().spawn(async |_cx| ());
        assert!(matches!(refused, Err(SpawnError::EmptyName { .. })));
        send.send(cx.spawner()).unwrap();
    });
    let refused = outlives.recv().unwrap().task("one").numbered().spawn(async |_cx| ());
    assert!(matches!(refused, Err(SpawnError::Closed { .. })));
}

#[test]
fn of_64_threads_that_add_one_name_with_numbers_each_has_its_own() {
    let _ = serve(async |cx| {
        let names = of_64_threads(&cx.spawner(), |spawner| {
            let task = spawner.task("one").numbered().spawn(async |_cx| pending::<()>().await);
            name_of(&task.unwrap())
        });
        assert_eq!(names.into_iter().collect::<HashSet<_>>().len(), 64);
        assert_eq!(cx.tasks().len(), 64);
    });
}
