//! Blocking work: a member of its scope, told to stop, never cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lifespan_core::{AwaitedKind, Lifespan, Outcome, SpawnError, TaskError};

use crate::by_hand::{ByHand, next_round, run, serve, serve_with};
use crate::outcomes::Gone;
use crate::woken::{PanicOnDrop, call, poll};

#[test]
fn a_closure_settles_however_it_ends() {
    let report = serve(async |cx| {
        assert_eq!(cx.spawn_blocking(|_| 7).unwrap().await.unwrap(), 7);
        let failed = cx.spawn_blocking(|_| Err::<(), _>("broken")).unwrap().await;
        assert!(matches!(failed, Err(TaskError::Failed(_))));
        let panicked = cx.spawn_blocking(|_| -> () { panic!("broken") }).unwrap().await;
        assert!(matches!(panicked, Err(TaskError::Panicked(_))));
        assert!(cx.tasks().is_empty());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_closure_has_a_name_and_gives_it_free() {
    let _ = serve(async |cx| {
        let task = cx.task("export").spawn_blocking(|_| 7).unwrap();
        assert!(cx.tasks().contains("export"));
        let refused = cx.task("export").spawn_blocking(|_| 8);
        let Err(SpawnError::NameTaken { body, .. }) = refused else { panic!("two of a name") };
        assert_eq!(task.await.unwrap(), 7);
        assert_eq!(cx.task("export").spawn_blocking(body).unwrap().await.unwrap(), 8);
    });
}

#[test]
fn cancelled_before_it_starts_a_closure_never_runs() {
    let report = serve(async |cx| {
        let gone = Gone::default();
        let guard = gone.guard();
        let task = cx.spawn_blocking(move |_| {
            let _guard = guard;
            panic!("it ran");
        });
        let task: lifespan_core::Task<()> = task.unwrap();
        assert!(matches!(task.cancel().await, Outcome::Cancelled));
        assert!(gone.is_gone());
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_running_closure_is_told_to_stop_and_keeps_its_outcome() {
    let _ = serve(async |cx| {
        let tasks = cx.tasks();
        let work = cx.task("work").spawn_blocking(move |event| {
            let me = tasks.get("work").unwrap();
            assert!(!event.is_set());
            drop(me.cancel());
            assert!(event.is_set(), "a cancel is a stop, for a thread");
            assert!(!me.is_finished());
            7
        });
        assert_eq!(work.unwrap().await.unwrap(), 7);
    });
}

#[test]
fn a_closure_hears_the_stop_of_its_scope() {
    let heard = Arc::new(AtomicBool::new(false));
    let inner = Arc::clone(&heard);
    let report = serve(async move |cx| {
        let scope = cx.spawner();
        let work = cx.task("work").spawn_blocking(move |event| {
            scope.shutdown().trigger().set("the scope").unwrap();
            inner.store(event.reason() == Some("the scope".into()), Ordering::SeqCst);
        });
        work.unwrap().await.unwrap();
    });
    assert!(heard.load(Ordering::SeqCst) && report.is_clean());
}

#[test]
fn a_closure_that_finds_no_thread_is_a_straggler_by_name() {
    let owner = ByHand::new();
    owner.handle().hold_work();
    let gone = Gone::default();
    let guard = gone.guard();
    let lifespan = Lifespan::on(owner).deadline(Duration::from_secs(3));
    let before = line!();
    let report = run(lifespan.serve(async move |cx| {
        cx.task("stuck").spawn_blocking(move |_| drop(guard)).unwrap().detach();
        next_round().await;
    }));
    let [straggler] = &report.stragglers[..] else { panic!("{report}") };
    assert_eq!((straggler.path.as_str(), straggler.kind), ("stuck", AwaitedKind::Blocking));
    assert!(straggler.age >= Duration::from_secs(3));
    let place = straggler.spawned_at;
    assert_eq!((place.file(), place.line()), (file!(), before + 2));
    assert_eq!(report.exit_code(), 6);
    assert!(report.to_string().contains("left behind: task stuck, a blocking closure"));
    assert!(gone.is_gone(), "dropped with its loop");
}

#[test]
fn a_loop_that_drops_a_closure_settles_it() {
    let _ = serve_with(|hand| {
        async move |cx| {
            hand.hold_work();
            let task = cx.spawn_blocking(|_| 7).unwrap();
            hand.drop_tasks();
            assert!(matches!(task.await, Err(TaskError::LoopClosed)));
        }
    });
}

#[test]
fn a_panic_in_the_destructor_of_a_closure_or_its_value_is_an_outcome() {
    let report = serve(async |cx| {
        let bad = PanicOnDrop;
        let captured = cx.spawn_blocking(move |_| drop(bad)).unwrap();
        assert!(matches!(captured.await, Err(TaskError::Panicked(_))));
        let bad = PanicOnDrop;
        let never_ran = cx.spawn_blocking(move |_| drop(bad)).unwrap();
        assert!(matches!(never_ran.cancel().await, Outcome::Panicked(_)));
        let unwanted = cx.spawn_blocking(|_| Some(PanicOnDrop)).unwrap();
        let ended = unwanted.task_ref().clone();
        unwanted.detach();
        assert!(matches!(ended.finished().await, Outcome::Panicked(_)));
    });
    assert_eq!(report.exit_code(), 4);
}

/// The last to hold the value is the loop's thread then, which is not to blame.
#[test]
fn a_value_whose_handle_goes_when_the_task_settles_cannot_hurt_the_thread() {
    let report = serve(async |cx| {
        let work = cx.spawn_blocking(|_| Some(PanicOnDrop)).unwrap();
        let ended = work.task_ref().clone();
        let mut finished = ended.finished();
        let handle = std::sync::Mutex::new(Some(work));
        let waker = call(move || drop(handle.lock().unwrap().take()));
        assert!(poll(&mut finished, &waker).is_pending());
        assert!(matches!(ended.finished().await, Outcome::Completed));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_value_whose_handle_goes_when_the_task_settles_cannot_hurt_the_loop() {
    let report = serve(async |cx| {
        let task = cx.spawn(async |_cx| Some(PanicOnDrop));
        let ended = task.task_ref().clone();
        let mut finished = ended.finished();
        let handle = std::sync::Mutex::new(Some(task));
        let waker = call(move || drop(handle.lock().unwrap().take()));
        assert!(poll(&mut finished, &waker).is_pending());
        assert!(matches!(ended.finished().await, Outcome::Completed));
    });
    assert!(report.is_clean(), "{report}");
}
