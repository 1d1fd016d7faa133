//! Tasks that are not `Send`: the same handle, registry and meaning, on the loop's own thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_lite::future::{pending, yield_now};
use lifespan_core::{
    Cx, Lifespan, LocalLoop, LoopOwner, Outcome, SpawnError, TaskError, TaskState, Timer,
    WrongThread,
};

use crate::support::{Bomb, Moment, SHORT, inside};

/// An `Rc` may live across an await, and the task is on the thread that drives the loop.
pub fn holds_an_rc_across_an_await<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    let driver = std::thread::current().id();
    inside(owner, async move |cx| {
        let shared = Rc::new(RefCell::new(Vec::new()));
        let tasks = [1, 2, 3].map(|number| {
            let shared = Rc::clone(&shared);
            cx.spawn_local(async move |cx| {
                shared.borrow_mut().push(number);
                yield_now().await;
                cx.sleep(std::time::Duration::from_millis(1)).await;
                assert_eq!(std::thread::current().id(), driver);
                shared.borrow_mut().push(number);
                Rc::clone(&shared)
            })
        });
        for task in tasks {
            assert!(Rc::ptr_eq(&task.await.unwrap(), &shared), "the value need not be `Send`");
        }
        assert_eq!(shared.borrow().len(), 6);
    });
}

/// It is not polled inside the call.
pub fn is_not_polled_inside_the_call<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let spawning = Rc::new(Cell::new(true));
        let seen = Rc::clone(&spawning);
        let task = cx.spawn_local(async move |_cx| seen.get());
        spawning.set(false);
        assert!(!task.await.unwrap());
    });
}

/// A local task spawns local tasks; the handler that spawned the first need not wait.
pub fn spawns_local_tasks_of_its_own<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let outer = cx.spawn_local(async |cx| {
            let count = Rc::new(Cell::new(0));
            let tasks = [(); 10].map(|()| {
                let count = Rc::clone(&count);
                cx.spawn_local(async move |_cx| count.set(count.get() + 1))
            });
            for task in tasks {
                task.await.unwrap();
            }
            count.get()
        });
        assert_eq!(outer.await.unwrap(), 10);
    });
}

/// A local and an ordinary task await each other.
pub fn runs_beside_ordinary_tasks<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let (go_on, answer) = (Moment::default(), Moment::default());
        let (gate, at_answer) = (go_on.clone(), answer.clone());
        let ordinary = cx.spawn(async move |_cx| {
            gate.wait().await;
            at_answer.come();
        });
        let local = cx.spawn_local(async move |cx| {
            let not_send = Rc::new(());
            go_on.come();
            answer.wait().await;
            drop(not_send);
            cx.spawn(async |_cx| 8).await.unwrap()
        });
        assert_eq!(local.await.unwrap(), 8);
        ordinary.await
    });
}

/// It has a name like any other task, unique among all of its scope.
pub fn shares_the_names_of_its_scope<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let body = async |cx: Cx<'_, _>| cx.shutdown().wait().await;
        let local = cx.task("one").spawn_local(&cx, body).unwrap();
        let again = cx.task("one").spawn_local(&cx, async |_cx| {}).unwrap_err();
        assert!(matches!(again, SpawnError::NameTaken { .. }));
        assert!(matches!(cx.task("one").spawn(async |_cx| {}), Err(SpawnError::NameTaken { .. })));
        assert!(cx.tasks().stop("one").is_ok());
        local.await.unwrap();
        cx.task("one").spawn_local(&cx, async |_cx| {}).unwrap().await
    });
}

/// It may take the place of another one, which is gone before it begins.
pub fn may_take_the_place_of_another<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        struct SaysOnDrop(Rc<RefCell<Vec<&'static str>>>);
        impl Drop for SaysOnDrop {
            fn drop(&mut self) {
                self.0.borrow_mut().push("the old one is gone");
            }
        }
        let log = Rc::new(RefCell::new(Vec::new()));
        let (begun, at_begin) = Moment::pair();
        let (go_on, gate) = Moment::pair();
        let held = SaysOnDrop(Rc::clone(&log));
        let old = cx.task("feed").spawn_local(&cx, async move |cx| {
            let _held = held;
            cx.protect(async {
                at_begin.come();
                gate.wait().await;
            })
            .await;
        });
        begun.wait().await;
        let in_task = Rc::clone(&log);
        let new = cx.task("feed").replace_local(&cx, async move |cx| {
            in_task.borrow_mut().push("the new one begins");
            cx.shutdown().wait().await;
            in_task
        });
        let new = new.unwrap();
        assert_eq!(new.old().unwrap().id(), old.unwrap().task_ref().id());
        for _ in 0..3 {
            yield_now().await;
        }
        go_on.come();
        let new = new.await;
        assert_eq!(cx.tasks().get("feed").unwrap().id(), new.task_ref().id());
        yield_now().await;
        new.stop();
        assert!(Rc::ptr_eq(&new.await.unwrap(), &log));
        assert_eq!(*log.borrow(), ["the old one is gone", "the new one begins"]);
        // Nobody has the name; and one that is `Send` takes the place of one that is not.
        let local = async |_cx: Cx<'_, O::Handle>| pending::<Rc<()>>().await;
        let local = cx.task("feed").replace_local(&cx, local).unwrap();
        assert!(local.old().is_none());
        let local = local.await;
        let last = cx.task("feed").replace(async |_cx| 9).unwrap().await;
        assert!(matches!(local.await, Err(TaskError::Cancelled)));
        assert_eq!(last.await.unwrap(), 9);
    });
}

/// Where so many run at once it waits for its turn, in the order in which all came.
pub fn waits_for_its_turn<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("scope").max_concurrency(1).open().unwrap();
        let (go_on, order) = (Moment::default(), Rc::new(RefCell::new(Vec::new())));
        let gate = go_on.clone();
        let first = scope.spawn(async move |_cx| gate.wait().await).unwrap();
        let waits = |name: &'static str| {
            let order = Rc::clone(&order);
            let body = async move |_cx: Cx<'_, O::Handle>| order.borrow_mut().push(name);
            scope.task(name).spawn_local(&cx, body).unwrap()
        };
        let (second, cut, third) = (waits("second"), waits("cut"), waits("third"));
        yield_now().await;
        assert_eq!(second.task_ref().state(), TaskState::Queued);
        assert!(matches!(cut.cancel().await, Outcome::Cancelled));
        go_on.come();
        first.await.unwrap();
        third.await.unwrap();
        assert_eq!(*order.borrow(), ["second", "third"]);
        assert!(second.task_ref().is_finished() && Rc::strong_count(&order) == 1);
    });
}

/// Cancelled, its body is dropped before the outcome is told.
pub fn is_cancelled_like_any_other<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let gone = Rc::new(Cell::new(false));
        struct SetOnDrop(Rc<Cell<bool>>);
        impl Drop for SetOnDrop {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        for is_to_begin in [false, true] {
            gone.set(false);
            let held = SetOnDrop(Rc::clone(&gone));
            let begun = Rc::new(Cell::new(false));
            let at_begin = Rc::clone(&begun);
            let task = cx.spawn_local(async move |_cx| {
                let _held = held;
                at_begin.set(true);
                pending::<()>().await;
            });
            while is_to_begin && !begun.get() {
                yield_now().await;
            }
            assert!(matches!(task.cancel().await, Outcome::Cancelled));
            assert_eq!(begun.get(), is_to_begin, "cancelled before its first poll it never runs");
            assert!(gone.get());
        }
    });
}

/// An error, a panic and a panicking destructor are outcomes.
pub fn fails_like_any_other<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let fails = cx.spawn_local(async |_cx| Err::<Rc<()>, _>("local error")).await;
        assert!(
            matches!(fails, Err(TaskError::Failed(error)) if error.to_string() == "local error")
        );
        let panics = cx.spawn_local(async |_cx| panic!("local panic")).await;
        assert!(matches!(panics, Err(TaskError::Panicked(panic)) if panic.text() == "local panic"));
        let (begun, at_begin) = Moment::pair();
        let task = cx.spawn_local(async move |_cx| {
            let _bomb = Bomb("local destructor");
            at_begin.come();
            pending::<()>().await;
        });
        begun.wait().await;
        assert_eq!(task.cancel().await.to_string(), "panicked: local destructor");
        drop(task.await);
    });
}

/// A dropped handle detaches it.
pub fn is_detached_like_any_other<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let ended = Moment::default();
        let at_end = ended.clone();
        cx.spawn_local(async move |_cx| {
            let not_send = Rc::new(());
            yield_now().await;
            drop(not_send);
            at_end.come();
        })
        .detach();
        ended.wait().await;
    });
}

/// A stop is heard, awaited, and cut after the grace.
pub fn is_stopped_like_any_other<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    let report = Lifespan::on(owner)
        .startup("component", async |cx| {
            let listens = async |cx: Cx<'_, _>| cx.shutdown().wait().await;
            cx.task("listens").spawn_local(&cx, listens).unwrap().detach();
            let deaf = async |_cx: Cx<'_, _>| pending::<()>().await;
            cx.task("deaf").grace(SHORT).spawn_local(&cx, deaf).unwrap().detach();
        })
        .serve(async |_cx| {})
        .run();
    let outcome = |path| &report.task(path).unwrap().outcome;
    assert!(matches!(outcome("component/listens"), Some(Outcome::Completed)), "{report}");
    assert!(matches!(outcome("component/deaf"), Some(Outcome::Cancelled)), "{report}");
    assert_eq!(report.exit_code(), 6);
}

/// It is dropped with its loop, on the thread that drops the owner.
pub fn is_dropped_with_its_loop<O: LoopOwner<Handle: Timer + LocalLoop>>(mut owner: O) {
    let gone = Moment::default();
    let held = gone.on_drop();
    let ran = owner.run(async |handle| {
        let (begun, mine) = (Moment::default(), handle.clone());
        let at_begin = begun.clone();
        let spawned = handle.spawn_local(async move {
            let _held = (held, Rc::new(()), mine);
            at_begin.come();
            pending::<()>().await;
        });
        assert!(spawned.is_ok(), "this is the loop's thread");
        begun.wait().await;
    });
    ran.expect("the loop runs");
    drop(owner);
    assert!(gone.has_come(), "a local future outlives its loop");
}

/// It stands still between two runs of its owner, and goes on in the next.
pub fn goes_on_in_the_next_run<O: LoopOwner<Handle: Timer + LocalLoop>>(mut owner: O) {
    let (go_on, ended) = (Moment::default(), Moment::default());
    let (gate, at_end) = (go_on.clone(), ended.clone());
    let first = owner.run(async |handle| {
        let spawned = handle.spawn_local(async move {
            let not_send = Rc::new(());
            gate.wait().await;
            drop(not_send);
            at_end.come();
        });
        assert!(spawned.is_ok(), "this is the loop's thread");
        yield_now().await;
    });
    first.expect("the loop runs");
    go_on.come();
    owner.run(async |_handle| ended.wait().await).expect("an owner runs again");
}

/// Between two runs, nothing local starts: it is refused and dropped, or starts in the next.
pub fn nothing_local_starts_between_two_runs<O: LoopOwner<Handle: Timer + LocalLoop>>(
    mut owner: O,
) {
    let inside = owner.run(async |handle| {
        assert!(handle.is_on_its_thread());
        handle.clone()
    });
    let handle = inside.expect("the loop runs");
    let (polled, gone) = (Moment::default(), Moment::default());
    let (at_poll, held) = (polled.clone(), gone.on_drop());
    let spawned = handle.spawn_local(async move {
        let _held = held;
        at_poll.come();
    });
    assert!(!polled.has_come(), "nobody drives the loop");
    if spawned.is_ok() {
        owner.run(async |_handle| polled.wait().await).expect("an owner runs again");
    }
    drop(owner);
    assert!(gone.has_come());
}

/// On a scoped thread, which is not the loop's, it ends as failed with [`WrongThread`].
pub fn is_refused_on_another_thread<O: LoopOwner<Handle: Timer + LocalLoop>>(owner: O) {
    inside(owner, async |cx| {
        let (unnamed, is_refused) = std::thread::scope(|threads| {
            let other = threads.spawn(|| {
                let task = cx.spawn_local(async |_cx| unreachable!("wrong thread"));
                let named = cx.task("named").spawn_local(&cx, async |_cx| {});
                assert!(matches!(named, Err(SpawnError::WrongThread { .. })));
                let replaces = cx.task("named").replace_local(&cx, async |_cx| {});
                (task, matches!(replaces, Err(SpawnError::WrongThread { .. })))
            });
            other.join().unwrap()
        });
        let Err(TaskError::Failed(failure)) = unnamed.await else { panic!("it failed") };
        assert!(failure.error().is::<WrongThread>());
        assert!(is_refused && cx.tasks().is_empty());
    });
}
