//! Blocking work: named, told to stop, counted, never cut; its meaning is that of a task.

use std::panic::panic_any;
use std::sync::mpsc;

use lifespan_core::{
    AwaitedKind, Blocking, Cx, Lifespan, LoopOwner, Outcome, RunError, SpawnError, TaskError, Timer,
};

use crate::support::{Bomb, Moment, NEVER, SHORT, inside};

/// A closure gives its value, and its error.
pub fn gives_its_value<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        let value = cx.spawn_blocking(|_stop| vec![1, 2, 3]).unwrap();
        assert_eq!(value.await.unwrap(), [1, 2, 3]);
        let error = cx.spawn_blocking(|_stop| Err::<(), _>("blocked")).unwrap();
        assert!(matches!(error.await, Err(TaskError::Failed(e)) if e.to_string() == "blocked"));
    });
}

/// A closure that panics is an outcome with its payload, and the threads go on.
pub fn a_panic_is_an_outcome<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        for number in 0..20_u32 {
            let task = cx.spawn_blocking(move |_stop| panic_any(number)).unwrap();
            let Err(TaskError::Panicked(panic)) = task.await else { panic!("it panicked") };
            assert_eq!(panic.take_payload().unwrap().downcast_ref(), Some(&number));
        }
        assert_eq!(cx.spawn_blocking(|_stop| 1).unwrap().await.unwrap(), 1);
    });
}

/// A value whose destructor panics, where nobody is left to take it, is a panic of its task.
pub fn a_destructor_may_panic<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let (sender, receiver) = mpsc::channel::<()>();
            let task = cx.spawn_blocking(move |_stop| {
                let _ = receiver.recv();
                Some(Bomb("in a blocking value"))
            });
            let task = task.unwrap();
            let end = task.task_ref().finished();
            task.detach();
            drop(sender);
            assert_eq!(end.await.to_string(), "panicked: in a blocking value");
            assert_eq!(cx.spawn_blocking(|_stop| 1).unwrap().await.unwrap(), 1);
        })
        .run();
    assert!(matches!(report.serve, Some(Outcome::Completed)), "{report}");
}

/// A closure that blocks keeps no task from running.
pub fn it_blocks_nobody<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        let (sender, receiver) = mpsc::channel::<u8>();
        let blocked = cx.spawn_blocking(move |_stop| receiver.recv().unwrap()).unwrap();
        let sends = cx.spawn(async move |_cx| sender.send(9).is_ok());
        assert!(sends.await.unwrap());
        assert_eq!(blocked.await.unwrap(), 9);
    });
}

/// A closure waits for its event on its own thread, and a stop of its task sets that.
pub fn is_told_to_stop<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn_blocking(|stop| stop.wait_blocking().is_ok()).unwrap();
        assert!(task.stop());
        assert!(task.await.unwrap(), "a blocking thread may block");
    });
}

/// The stop of the lifespan sets the event, and waits for the closure's end.
pub fn is_stopped_with_its_lifespan<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    let report = Lifespan::on(owner)
        .startup("files", async |cx| {
            let writer = cx.task("writer").spawn_blocking(|stop| stop.wait_blocking().map(drop));
            writer.unwrap().detach();
        })
        .serve(async |_cx| {})
        .grace(NEVER)
        .deadline(NEVER)
        .run();
    assert!(report.is_clean(), "{report}");
    let writer = report.task("files/writer").unwrap();
    assert!(matches!(writer.outcome, Some(Outcome::Completed)), "{report}");
}

/// A cancel cannot cut a thread: it tells it to stop, and gives its outcome when it has ended.
pub fn a_cancel_waits_for_the_thread<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        let begun = Moment::default();
        let at_begin = begun.clone();
        let task = cx.spawn_blocking(move |stop| {
            at_begin.come();
            stop.wait_blocking().is_ok()
        });
        let task = task.unwrap();
        begun.wait().await;
        let outcome = task.cancel().await;
        assert!(matches!(outcome, Outcome::Completed | Outcome::Cancelled), "{outcome}");
    });
}

/// Cancelled before a thread took it up, a closure never runs; otherwise it runs to its end.
pub fn cancelled_before_its_start_it_never_runs<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..100 {
            let (ran, gone) = (Moment::default(), Moment::default());
            let (at_run, held) = (ran.clone(), gone.on_drop());
            let task = cx.spawn_blocking(move |_stop| {
                let _held = held;
                at_run.come();
            });
            match task.unwrap().cancel().await {
                Outcome::Cancelled => assert!(!ran.has_come(), "said to be cancelled, and ran"),
                outcome => assert!(matches!(outcome, Outcome::Completed) && ran.has_come()),
            }
            assert!(gone.has_come(), "the closure is gone when its outcome is told");
        }
    });
}

/// It has a name like any other task, and gives the closure back when that is taken.
pub fn shares_the_names_of_its_scope<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        let spawner = cx.spawner();
        let task = spawner.task("one").spawn_blocking(|stop| stop.wait_blocking().is_ok()).unwrap();
        let Err(SpawnError::NameTaken { body, .. }) = spawner.task("one").spawn_blocking(|_stop| 6)
        else {
            panic!("the name is taken")
        };
        assert!(matches!(
            cx.task("one").spawn(async |_cx: Cx<'_, _>| {}),
            Err(SpawnError::NameTaken { .. })
        ));
        task.stop();
        assert!(task.await.unwrap());
        assert_eq!(spawner.task("one").spawn_blocking(body).unwrap().await.unwrap(), 6);
    });
}

/// A closure is replaced when it has heard that it is to stop, and has ended.
pub fn may_be_replaced<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        let (begun, ended) = (Moment::default(), Moment::default());
        let (at_begin, held) = (begun.clone(), ended.on_drop());
        let old = cx.task("import").spawn_blocking(move |stop| {
            let _held = held;
            at_begin.come();
            stop.wait_blocking().is_ok()
        });
        let old = old.unwrap();
        begun.wait().await;
        let new = cx.task("import").replace_blocking(move |_stop| ended.has_come());
        let new = new.unwrap().await;
        assert!(matches!(old.task_ref().outcome(), Some(Outcome::Completed)));
        assert!(old.await.unwrap(), "it was told to stop");
        assert!(new.await.unwrap(), "the old closure had ended");
        let fresh = cx.task("import").replace_blocking(|_stop| 4).unwrap().await;
        assert_eq!(fresh.await.unwrap(), 4);
        assert!(cx.task("").replace_blocking(|_stop| ()).is_err());
    });
}

/// Of many closures every one runs, whatever the number of threads.
pub fn many_closures_all_run<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    inside(owner, async |cx| {
        let tasks = (0..300_usize).map(|number| cx.spawn_blocking(move |_stop| number).unwrap());
        for (number, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), number);
        }
    });
}

/// A closure that does not end by the deadline is listed as a straggler by its name.
pub fn a_straggler_is_named<O: LoopOwner<Handle: Timer + Blocking>>(owner: O) {
    let (release, wait) = mpsc::channel::<()>();
    let ended = Moment::default();
    let at_end = ended.clone();
    let report = Lifespan::on(owner)
        .startup("files", async move |cx| {
            let begun = Moment::default();
            let at_begin = begun.clone();
            let stuck = cx.spawner().task("stuck").spawn_blocking(move |_stop| {
                let _at_end = at_end.on_drop();
                at_begin.come();
                let _ = wait.recv();
            });
            stuck.unwrap().detach();
            begun.wait().await;
        })
        .serve(async |_cx| {})
        .grace(SHORT)
        .deadline(SHORT * 2)
        .run();
    drop(release);
    let [straggler] = report.stragglers.as_slice() else { panic!("{report}") };
    assert_eq!((straggler.path.as_str(), straggler.kind), ("files/stuck", AwaitedKind::Blocking));
    assert_eq!(report.exit_code(), 6);
    ended.wait_blocking();
}

/// A closure may run a loop of its own: its thread drives none.
pub fn a_closure_may_run_a_loop<O: LoopOwner<Handle: Timer + Blocking> + 'static>(
    make: impl Fn() -> O + Copy + Send + 'static,
) {
    inside(make(), async move |cx| {
        let other = cx.spawn_blocking(move |_stop| match make().run(async |_handle| 12) {
            Ok(value) => value,
            Err(RunError::InsideLoop(inside)) => panic!("refused: {inside}"),
            Err(error) => panic!("{error}"),
        });
        assert_eq!(other.unwrap().await.unwrap(), 12);
    });
}
