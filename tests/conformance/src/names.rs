//! Names: unique among the living of a scope, of any length, and free again at the end.

use futures_lite::future::{pending, yield_now};
use lifespan_core::{
    Cx, EventLoop, Lifespan, LoopOwner, Name, Outcome, SpawnError, Spawner, StartError, TaskState,
    Timer,
};

use crate::support::{Log, Moment, inside};

/// A second task of a living name is refused, and its body comes back unpolled and whole.
pub fn are_unique_among_the_living<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let dropped = Moment::default();
        let held = dropped.on_drop();
        let first = cx.task("one").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let second = cx.task("one").spawn(async move |_cx| {
            let _held = held;
            14
        });
        let Err(SpawnError::NameTaken { name, body, .. }) = second else { panic!("it is taken") };
        assert_eq!(name, Name::from("one"));
        assert!(!dropped.has_come(), "the body came back with all that it holds");
        assert_eq!(cx.task("other").spawn(body).unwrap().await.unwrap(), 14);
        first.stop();
        first.await
    });
}

/// A name is free when its task has ended, however it did.
pub fn are_free_again<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let completes = cx.task("job").spawn(async |_cx| {}).unwrap();
        assert!(completes.await.is_ok());
        let fails = cx.task("job").spawn(async |_cx| Err::<(), _>("once")).unwrap();
        assert!(fails.await.is_err());
        let panics = cx.task("job").spawn(async |_cx| -> () { panic!("once") }).unwrap();
        assert!(panics.await.is_err());
        let cancelled = cx.task("job").spawn(async |_cx| pending::<()>().await).unwrap();
        assert!(matches!(cancelled.cancel().await, Outcome::Cancelled));
        cx.task("job").spawn(async |_cx| {}).unwrap().await
    });
}

/// A name is taken until the body is gone, not only until a cancel was asked for.
pub fn are_taken_until_the_body_is_gone<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, go_on) = (Moment::default(), Moment::default());
        let (at_begin, gate) = (begun.clone(), go_on.clone());
        let task = cx.task("job").spawn(async move |cx| {
            cx.protect(async {
                at_begin.come();
                gate.wait().await;
            })
            .await;
        });
        begun.wait().await;
        let cancelled = cx.tasks().cancel("job");
        assert!(matches!(cx.task("job").spawn(async |_cx| {}), Err(SpawnError::NameTaken { .. })));
        go_on.come();
        assert!(matches!(cancelled.await, Ok(Outcome::Cancelled)));
        assert!(task.unwrap().await.is_err());
        cx.task("job").spawn(async |_cx| {}).unwrap().await
    });
}

/// A refusal tells who has the name, so that a caller keeps that one.
pub fn tell_who_has_them<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let first = cx.task("job").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let Err(SpawnError::NameTaken { holder, .. }) = cx.task("job").spawn(async |_cx| {}) else {
            panic!("it is taken")
        };
        assert_eq!(holder.id(), first.task_ref().id());
        holder.stop();
        first.await
    });
}

/// A task takes a number behind its name if that is taken, and only then.
pub fn are_numbered_if_asked<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut tasks = Vec::new();
        for expected in ["job", "job-2", "job-3", "job-4"] {
            let task = cx.task("job").numbered().spawn(async |cx| cx.shutdown().wait().await);
            let task = task.unwrap();
            assert_eq!(task.task_ref().name(), Some(Name::from(expected)));
            assert_eq!(cx.tasks().get(expected).unwrap().id(), task.task_ref().id());
            tasks.push(task);
        }
        for task in tasks {
            assert!(matches!(task.cancel().await, Outcome::Cancelled));
        }
        let again = cx.task("job").numbered().spawn(async |_cx| {}).unwrap();
        assert_eq!(again.task_ref().name(), Some(Name::from("job")));
        again.await
    });
}

/// The destructor of a body finds the name of its task taken, however that ends.
pub fn are_taken_while_the_body_is_dropped<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let log = Log::default();
        let looks = || Looks(cx.spawner(), log.clone());
        let (held, (begun, at_begin)) = (looks(), Moment::pair());
        let cancelled = cx.task("job").spawn(async move |_cx| {
            let _held = held;
            at_begin.come();
            pending::<()>().await;
        });
        begun.wait().await;
        assert!(matches!(cancelled.unwrap().cancel().await, Outcome::Cancelled));
        let held = looks();
        let unpolled = cx.task("job").spawn(async move |_cx| {
            let _held = held;
            pending::<()>().await;
        });
        assert!(matches!(unpolled.unwrap().cancel().await, Outcome::Cancelled));
        let held = looks();
        cx.task("job").spawn(async move |_cx| drop(held)).unwrap().await.unwrap();
        let held = looks();
        let panics = cx.task("job").spawn(async move |_cx| -> () {
            let _held = held;
            panic!("with what it holds");
        });
        assert!(panics.unwrap().await.is_err());
        let held = looks();
        drop(cx.task("job").track(async move { drop(held) }).unwrap());
        assert_eq!(log, ["taken"; 5]);
    });
}

/// Says, when it is dropped, whether the name is taken.
struct Looks<L: EventLoop>(Spawner<L>, Log);

impl<L: EventLoop> Drop for Looks<L> {
    fn drop(&mut self) {
        let again = self.0.task("job").spawn(async |_cx| {});
        self.1.add(match again {
            Err(SpawnError::NameTaken { .. }) => "taken",
            _ => "free",
        });
    }
}

/// An empty name is refused, of a task and in the builder.
pub fn are_not_empty<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    inside(&mut owner, async |cx| {
        let refused = cx.task("").spawn(async |_cx| 15).unwrap_err();
        assert!(matches!(refused, SpawnError::EmptyName { .. }));
        assert_eq!(cx.spawn(refused.into_body()).await.unwrap(), 15);
        assert!(cx.task(String::new()).spawn(async |_cx| {}).is_err());
    });
    let report = Lifespan::on(owner).task("", async |_cx| {}).run();
    assert!(matches!(report.start_error, Some(StartError::EmptyName)), "{report}");
}

/// Names of any length and script are found, told and unique.
pub fn are_of_any_length<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let listens = async |cx: Cx<'_, _>| cx.shutdown().wait().await;
        for length in [1_usize, 21, 22, 23, 24, 255, 256, 10_000] {
            for letter in ["n", "é", "名", "\0"] {
                let name = letter.repeat(length.div_ceil(letter.len()));
                let task = cx.task(name.clone()).spawn(listens).unwrap();
                assert_eq!(task.task_ref().name().unwrap().as_str(), name);
                assert_eq!(task.task_ref().path(), name);
                assert!(cx.tasks().contains(&name) && !cx.tasks().contains(&name[letter.len()..]));
                let again = cx.task(name.clone()).spawn(async |_cx| {});
                assert!(matches!(again, Err(SpawnError::NameTaken { .. })));
                assert_eq!(cx.tasks().stop(&name).unwrap().id(), task.task_ref().id());
                task.await.unwrap();
            }
        }
    });
}

/// A name may be formatted in place; texts that are equal are one name.
pub fn may_be_formatted<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let listens = async |cx: Cx<'_, _>| cx.shutdown().wait().await;
        for id in [7, 1_000_000] {
            let name = format!("a rather long name, client-{id}");
            let task = cx.task(format_args!("a rather long name, client-{id}")).spawn(listens);
            let task = task.unwrap();
            assert_eq!(cx.tasks().get(&name).unwrap().id(), task.task_ref().id());
            assert!(cx.task(name).spawn(async |_cx| {}).is_err(), "equal texts are one name");
            task.stop();
            task.await.unwrap();
        }
    });
}

/// Scopes have names of their own: two components may each have a task of one name.
pub fn belong_to_their_scope<O: LoopOwner<Handle: Timer>>(owner: O) {
    let mut lifespan = Lifespan::on(owner);
    for component in ["db", "cache"] {
        lifespan = lifespan.startup(component, async |cx| {
            let listens = async |cx: Cx<'_, _>| cx.shutdown().wait().await;
            cx.task("poller").spawn(listens).map(drop)
        });
    }
    let report = lifespan.serve(async |cx| assert!(!cx.tasks().contains("poller"))).run();
    assert!(report.is_clean(), "{report}");
    assert!(report.task("db/poller").is_some() && report.task("cache/poller").is_some());
}

/// The list of tasks is a snapshot: what ends meanwhile does not invalidate it.
pub fn are_listed_in_a_snapshot<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for number in 0..20 {
            let body = async |_cx: Cx<'_, _>| pending::<()>().await;
            cx.task(format_args!("task-{number}")).spawn(body).unwrap().detach();
        }
        assert_eq!(cx.tasks().len(), 20);
        for (number, task) in cx.tasks().iter().enumerate() {
            assert_eq!(task.name().unwrap().as_str(), format!("task-{number}"), "by their ids");
            task.cancel().await;
        }
        assert!(cx.tasks().is_empty() && cx.tasks().iter().next().is_none());
    });
}

/// The task that has a name is replaced: it is gone before the new one begins.
pub fn may_be_replaced<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, dropped) = (Moment::default(), Moment::default());
        let (at_begin, held) = (begun.clone(), dropped.on_drop());
        let old = cx.task("feed").spawn(async move |_cx| {
            let _held = held;
            at_begin.come();
            pending::<()>().await;
        });
        begun.wait().await;
        let new = cx.task("feed").replace(async move |_cx| dropped.has_come()).unwrap().await;
        assert!(matches!(old.unwrap().task_ref().outcome(), Some(Outcome::Cancelled)));
        assert!(new.await.unwrap(), "the old body was gone");
        let fresh = cx.task("feed").replace(async |_cx| 4).unwrap().await;
        assert_eq!(fresh.await.unwrap(), 4);
    });
}

/// Of several that replace one name the last one lives, and nobody takes the name between.
pub fn are_taken_by_the_last_who_replaces<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, go_on, gone) = (Moment::default(), Moment::default(), Moment::default());
        let (at_begin, gate, held) = (begun.clone(), go_on.clone(), gone.on_drop());
        let old = cx.task("feed").spawn(async move |cx| {
            let _held = held;
            cx.protect(async {
                at_begin.come();
                gate.wait().await;
            })
            .await;
        });
        begun.wait().await;
        let listens = async move |cx: Cx<'_, _>| {
            assert!(gone.has_come(), "the old body is there");
            cx.shutdown().wait().await;
        };
        let replaces = [(); 10].map(|()| cx.task("feed").replace(listens.clone()).unwrap());
        let queued = cx.tasks().iter().last().unwrap();
        assert_eq!(queued.state(), TaskState::Queued);
        assert!(cx.task("feed").spawn(listens).is_err());
        yield_now().await; // whoever could begin would
        go_on.come();
        let mut tasks = Vec::new();
        for replace in replaces {
            tasks.push(replace.await);
        }
        let last = tasks.pop().unwrap();
        for task in tasks {
            assert!(matches!(task.task_ref().finished().await, Outcome::Cancelled));
        }
        assert!(matches!(old.unwrap().task_ref().outcome(), Some(Outcome::Cancelled)));
        assert_eq!(cx.tasks().get("feed").unwrap().id(), last.task_ref().id());
        last.stop();
        last.await.unwrap();
        assert!(cx.tasks().is_empty());
    });
}

/// The last outcomes are kept if asked, and forgotten when purged.
pub fn are_remembered_if_asked<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        cx.tasks().keep_finished(2);
        for number in 0..4 {
            let body = async move |_cx: Cx<'_, _>| {
                if number == 2 { Err("number 2") } else { Ok(()) }
            };
            let _ = cx.task(format_args!("job-{number}")).spawn(body).unwrap().await;
        }
        let kept = cx.tasks().finished().map(|it| (it.path(), it.outcome().unwrap().to_string()));
        let kept = kept.collect::<Vec<_>>();
        let expected = [("job-2", "failed: number 2"), ("job-3", "completed")];
        assert_eq!(kept, expected.map(|(path, outcome)| (path.into(), outcome.into())));
        assert_eq!((cx.tasks().purge(), cx.tasks().finished().count()), (2, 0));
    });
}
