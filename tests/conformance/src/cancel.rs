//! Cancelling: the body is dropped, then the outcome is told, whoever asks and whenever.

use std::future::Future;

use futures_lite::future::{pending, poll_once, yield_now, zip};
use lifespan_core::{Cx, LoopOwner, Outcome, Spawner, TaskError, TaskRef, Timer};

use crate::support::{Log, Moment, inside};

/// Cancelled right after the spawn, the body is dropped without having been polled.
///
/// Where other threads poll, one of them may be faster: then the body, which awaits nothing, has
/// completed. It is tried until none was.
pub fn before_the_first_poll<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _attempt in 0..10_000 {
            let (polled, gone) = (Moment::default(), Moment::default());
            let (at_poll, held) = (polled.clone(), gone.on_drop());
            let task = cx.spawn(async move |_cx| {
                let _held = held;
                at_poll.come();
            });
            let is_cancelled = matches!(task.cancel().await, Outcome::Cancelled);
            assert_eq!(is_cancelled, !polled.has_come(), "cancelled, and polled all the same");
            assert!(gone.has_come(), "the outcome was told before the body was dropped");
            assert_eq!(is_cancelled, matches!(task.await, Err(TaskError::Cancelled)));
            if is_cancelled {
                return;
            }
        }
        panic!("none of so many was cancelled before its first poll");
    });
}

/// Cancelled while it waits for nothing that could ever wake it, the body is dropped.
pub fn while_pending_for_ever<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, gone) = (Moment::default(), Moment::default());
        let (at_begin, held) = (begun.clone(), gone.on_drop());
        let task = cx.spawn(async move |_cx| {
            let _held = held;
            at_begin.come();
            pending::<()>().await;
        });
        begun.wait().await;
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
        assert!(gone.has_come(), "the outcome was told before the body was dropped");
    });
}

/// Cancelled while it sleeps, a task ends now and not when the time is over.
pub fn while_sleeping<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let begun = Moment::default();
        let at_begin = begun.clone();
        let task = cx.spawn(async move |cx| {
            let long = cx.sleep(crate::support::NEVER);
            at_begin.come();
            long.await;
        });
        begun.wait().await;
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
    });
}

/// Cancelled after its end, a task keeps its outcome, and its value; its error is not the canceller's.
pub fn after_the_end<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |_cx| 11);
        task.task_ref().finished().await;
        assert!(matches!(task.cancel().await, Outcome::Completed));
        assert_eq!(task.await.unwrap(), 11);
        let failed = cx.spawn(async |_cx| Err::<(), _>("its own error"));
        failed.task_ref().finished().await;
        assert_eq!(failed.cancel().await.to_string(), "failed: its own error");
        assert_eq!(failed.await.unwrap_err().to_string(), "the task failed: its own error");
        let panicked = cx.task("panicked").spawn(async |_cx| panic!("its own panic")).unwrap();
        panicked.task_ref().finished().await;
        for _ in 0..2 {
            assert_eq!(panicked.cancel().await.to_string(), "panicked: its own panic");
        }
        assert!(cx.tasks().cancel("panicked").await.is_err(), "nobody has the name");
        let ended: Result<(), TaskError> = panicked.await;
        assert!(matches!(ended, Err(TaskError::Panicked(it)) if it.text() == "its own panic"));
        let cancelled = cx.spawn(async |_cx| pending::<()>().await);
        for _ in 0..2 {
            assert!(matches!(cancelled.cancel().await, Outcome::Cancelled));
        }
        assert!(cx.tasks().is_empty());
    });
}

/// A task that cancels itself goes no further than its next await.
pub fn by_itself<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let log = Log::default();
        let in_task = log.clone();
        let task = cx.spawn(async move |cx| {
            let _asked = cx.this_task().unwrap().cancel();
            in_task.add("up to the next await");
            yield_now().await;
            in_task.add("never");
        });
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert_eq!(log, ["up to the next await"]);
    });
}

/// A task that cancels itself and waits for that ends, instead of waiting for ever.
pub fn by_itself_and_awaited<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |cx| {
            cx.this_task().unwrap().cancel().await;
            unreachable!("the body is dropped");
        });
        assert!(matches!(task.task_ref().finished().await, Outcome::Cancelled));
    });
}

/// Two tasks that cancel each other and wait for that both end.
pub fn each_other<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let both = Moment::default();
        let (first_gate, second_gate) = (both.clone(), both.clone());
        let first = cx.task("first").spawn(async move |cx| {
            first_gate.wait().await;
            drop(cx.tasks().cancel("second").await);
        });
        let second = cx.task("second").spawn(async move |cx| {
            second_gate.wait().await;
            drop(cx.tasks().cancel("first").await);
        });
        both.come();
        let (first, second) = zip(first.unwrap(), second.unwrap()).await;
        for ended in [first, second] {
            assert!(matches!(ended, Ok(()) | Err(TaskError::Cancelled)), "{ended:?}");
        }
    });
}

/// Several may cancel one task and wait; all hear the same.
pub fn by_several<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let victim = cx.spawn(async |_cx| pending::<()>().await);
        let cancellers = [(); 5].map(|()| {
            let victim = victim.task_ref().clone();
            cx.spawn(async move |_cx| matches!(victim.cancel().await, Outcome::Cancelled))
        });
        for canceller in cancellers {
            assert!(canceller.await.unwrap(), "a canceller heard another outcome");
        }
    });
}

/// A canceller that stops waiting does not stop the cancel.
pub fn the_canceller_gives_up<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let gone = Moment::default();
        let held = gone.on_drop();
        let victim = cx.spawn(async move |_cx| {
            let _held = held;
            pending::<()>().await;
        });
        yield_now().await;
        drop(victim.cancel());
        gone.wait().await;
        assert!(matches!(victim.await, Err(TaskError::Cancelled)));
    });
}

/// A canceller that is cancelled while it waits is cancelled, and so is its victim.
pub fn the_canceller_is_cancelled<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, asked, let_go) = (Moment::default(), Moment::default(), Moment::default());
        let (at_begin, gate) = (begun.clone(), let_go.clone());
        let victim = cx.spawn(async move |cx| {
            cx.protect(async {
                at_begin.come();
                gate.wait().await;
            })
            .await;
        });
        begun.wait().await;
        let (task, at_ask) = (victim.task_ref().clone(), asked.clone());
        let canceller = cx.spawn(async move |_cx| {
            let ended = task.cancel();
            at_ask.come();
            ended.await;
        });
        asked.wait().await;
        assert!(matches!(canceller.cancel().await, Outcome::Cancelled));
        let_go.come();
        assert!(matches!(victim.await, Err(TaskError::Cancelled)));
    });
}

/// A task that waits for its own end can be cancelled.
pub fn of_a_task_that_waits_for_itself<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |cx| {
            cx.this_task().unwrap().finished().await;
        });
        yield_now().await;
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
    });
}

/// A destructor of a cancelled body may cancel another task.
pub fn from_a_destructor<O: LoopOwner<Handle: Timer>>(owner: O) {
    struct CancelOnDrop(TaskRef);
    impl Drop for CancelOnDrop {
        fn drop(&mut self) {
            drop(self.0.cancel());
        }
    }
    inside(owner, async |cx| {
        let last = cx.spawn(async |_cx| pending::<()>().await);
        let held = CancelOnDrop(last.task_ref().clone());
        let first = cx.spawn(async move |_cx| {
            let _held = held;
            pending::<()>().await;
        });
        assert!(matches!(first.cancel().await, Outcome::Cancelled));
        assert!(matches!(last.await, Err(TaskError::Cancelled)));
    });
}

/// Every task of a scope can be cancelled from its list.
pub fn of_all_tasks<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let tasks = [(); 200].map(|()| cx.spawn(async |_cx| pending::<()>().await));
        for task in &cx.tasks() {
            drop(task.cancel());
        }
        for task in tasks {
            assert!(matches!(task.await, Err(TaskError::Cancelled)));
        }
        assert!(cx.tasks().is_empty());
    });
}

/// A task may cancel its own scope.
pub fn of_ones_own_scope<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let scope = cx.scope("scope").open().unwrap();
        cancelled_by_one_of_them(scope.spawner(), |cx| cx.this_scope().unwrap().cancel()).await;
        assert!(matches!(scope.task_ref().finished().await, Outcome::Cancelled));
        assert!(cx.tasks().is_empty());
    });
}

/// A task may cancel the scope around its own.
pub fn of_the_scope_around_ones_own<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let outer = cx.scope("outer").open().unwrap();
        let inner = outer.scope("inner").open().unwrap();
        let beside = outer.spawn(async |_cx| pending::<()>().await).unwrap();
        let outermost = |cx: &Cx<'_, O::Handle>| cx.spawner().root().tasks().cancel("outer");
        cancelled_by_one_of_them(inner.spawner(), outermost).await;
        for scope in [outer.task_ref(), inner.task_ref()] {
            assert!(matches!(scope.finished().await, Outcome::Cancelled));
        }
        assert!(matches!(beside.await, Err(TaskError::Cancelled)) && cx.tasks().is_empty());
    });
}

/// A task may cancel all that there are, in its own scope and in all of the lifespan.
pub fn of_all_by_one_of_them<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let of_its_scope = |cx: &Cx<'_, O::Handle>| cx.tasks().cancel_matching(|_task| true);
        cancelled_by_one_of_them(&cx.spawner(), of_its_scope).await;
        let scope = cx.scope("scope").open().unwrap();
        cancelled_by_one_of_them(scope.spawner(), of_its_scope).await;
        let beside = cx.spawn(async |_cx| pending::<()>().await);
        let everything =
            |cx: &Cx<'_, O::Handle>| cx.spawner().root().tasks().cancel_matching(|_task| true);
        cancelled_by_one_of_them(scope.spawner(), everything).await;
        assert!(matches!(beside.await, Err(TaskError::Cancelled)));
        assert!(matches!(scope.task_ref().finished().await, Outcome::Cancelled));
        assert!(cx.tasks().is_empty());
    });
}

/// One of two tasks of a scope cancels both and waits for that: it goes no further than there.
async fn cancelled_by_one_of_them<L: Timer, E: Future<Output: Send> + Send + 'static>(
    scope: &Spawner<L>,
    cancel: impl FnOnce(&Cx<'_, L>) -> E + Send + 'static,
) {
    let (begun, gone, log) = (Moment::default(), Moment::default(), Log::default());
    let (at_begin, held, in_task) = (begun.clone(), gone.on_drop(), log.clone());
    let other = scope.spawn(async move |_cx| {
        let _held = held;
        at_begin.come();
        pending::<()>().await;
    });
    let task = scope.spawn(async move |cx: Cx<'_, L>| {
        begun.wait().await;
        let ended = cancel(&cx);
        in_task.add("up to the next await");
        ended.await;
        in_task.add("never");
    });
    assert!(matches!(task.unwrap().await, Err(TaskError::Cancelled)));
    assert!(matches!(other.unwrap().await, Err(TaskError::Cancelled)) && gone.has_come());
    assert_eq!(log, ["up to the next await"]);
}

/// By name: the outcome of who lives, and `NotFound` of who does not.
pub fn by_name<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        cx.task("poller").spawn(async |_cx| pending::<()>().await).unwrap().detach();
        assert!(matches!(cx.tasks().cancel("poller").await, Ok(Outcome::Cancelled)));
        let nobody = cx.tasks().cancel("poller").await.unwrap_err();
        assert_eq!(nobody.name().as_str(), "poller");
    });
}

/// Those that match, with how each ended; the others live on.
pub fn of_those_that_match<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for number in 0..50 {
            let body = async |_cx: Cx<'_, _>| pending::<()>().await;
            cx.task(format_args!("client-{number}")).spawn(body).unwrap().detach();
        }
        let other = cx.task("server").spawn(async |cx| cx.shutdown().wait().await).unwrap();
        let is_client = |task: &TaskRef| task.path().starts_with("client-");
        let gone = cx.tasks().cancel_matching(is_client).await;
        assert_eq!(gone.len(), 50);
        for (number, (task, outcome)) in gone.iter().enumerate() {
            assert_eq!(task.path(), format!("client-{number}"), "by their ids");
            assert!(matches!(outcome, Outcome::Cancelled));
        }
        assert_eq!(cx.tasks().iter().next().unwrap().id(), other.task_ref().id());
        other.stop();
        other.await.unwrap();
    });
}

/// A protected block is not cut: the cancel takes effect where the block ends.
pub fn waits_for_a_protected_block<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, go_on, log) = (Moment::default(), Moment::default(), Log::default());
        let (at_begin, gate, in_task) = (begun.clone(), go_on.clone(), log.clone());
        let writer = cx.spawn(async move |cx| {
            cx.protect(async {
                at_begin.come();
                gate.wait().await;
                in_task.add("written");
            })
            .await;
            in_task.add("never");
        });
        begun.wait().await;
        let mut cancelled = writer.cancel();
        assert!(poll_once(&mut cancelled).await.is_none(), "cut inside a protected block");
        go_on.come();
        assert!(matches!(cancelled.await, Outcome::Cancelled));
        assert_eq!(log, ["written"]);
    });
}

/// Protected blocks nest: the cancel waits for the outer one.
pub fn waits_for_the_outer_of_nested_blocks<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, go_on, log) = (Moment::default(), Moment::default(), Log::default());
        let (at_begin, gate, in_task) = (begun.clone(), go_on.clone(), log.clone());
        let writer = cx.spawn(async move |cx| {
            cx.protect(async {
                at_begin.come();
                cx.protect(gate.wait()).await;
                // Cancelled by now, and still inside the outer block: what follows runs all the same.
                yield_now().await;
                in_task.add("the outer block goes on");
            })
            .await;
            in_task.add("never");
        });
        begun.wait().await;
        let cancelled = writer.cancel();
        go_on.come();
        assert!(matches!(cancelled.await, Outcome::Cancelled));
        assert_eq!(log, ["the outer block goes on"]);
    });
}

/// A soft stop drops nothing: the task sees its event and ends by itself.
pub fn is_not_what_a_stop_does<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let begun = Moment::default();
        let at_begin = begun.clone();
        let task = cx.spawn(async move |cx| {
            at_begin.come();
            cx.shutdown().wait().await;
            yield_now().await;
            "said goodbye"
        });
        begun.wait().await;
        assert!(task.stop(), "it was live");
        assert_eq!(task.await.unwrap(), "said goodbye");
        assert!(!cx.shutdown().is_set(), "the stop of one task is not that of its scope");
    });
}
