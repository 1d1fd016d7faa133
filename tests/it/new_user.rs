//! Tried as a new user would: what the first program of many meets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lifespan::{
    AwaitedKind, Cx, Lifespan, LoopOwner, Name, Outcome, Reason, SpawnError, StartError, TaskError,
    Timer,
};
use lifespan_tests_library::{Beats, install};

on_every_loop!(
    a_library_that_names_no_runtime_runs,
    a_task_that_panics_is_reported_and_the_others_go_on,
    two_tasks_of_one_name_are_an_error_that_gives_the_second_body_back,
    two_tasks_of_one_name_in_the_builder_start_nothing,
    a_task_that_ignores_the_event_is_dropped_after_its_grace,
    a_task_that_blocks_is_named_when_it_is_left_behind,
    a_task_asks_the_whole_lifespan_to_stop,
    a_stop_during_start_drops_the_handler_that_hangs,
    a_startup_that_takes_too_long_is_undone,
    a_shutdown_that_never_returns_is_cut,
    a_failed_name_is_free_again,
);

fn a_library_that_names_no_runtime_runs(owner: impl LoopOwner<Handle: Timer>) {
    let report = install(Lifespan::on(owner))
        .serve(async |cx| {
            let beats = cx.state().get::<Beats>().unwrap();
            while beats.0.load(Ordering::SeqCst) < 3 {
                cx.sleep(Duration::from_millis(1)).await;
            }
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn a_task_that_panics_is_reported_and_the_others_go_on(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .task("panics", async |_cx| panic!("lost my {}", "keys"))
        .task("goes on", async |cx| cx.shutdown().wait().await)
        .serve(async |cx| {
            while cx.tasks().contains("panics") {
                cx.sleep(Duration::from_millis(1)).await;
            }
            assert!(cx.tasks().contains("goes on"));
        })
        .run();
    assert_eq!(report.exit_code(), 4);
    assert!(report.to_string().contains("task panics: panicked: lost my keys"), "{report}");
    assert!(matches!(report.task("goes on").unwrap().outcome, Some(Outcome::Completed)));
}

fn two_tasks_of_one_name_are_an_error_that_gives_the_second_body_back(
    owner: impl LoopOwner<Handle: Timer>,
) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let polled = Arc::new(AtomicBool::new(false));
            let first = cx.task("one").spawn(async |cx| cx.shutdown().wait().await).unwrap();
            let seen = Arc::clone(&polled);
            let second = cx.task("one").spawn(async move |_cx| seen.store(true, Ordering::SeqCst));
            let SpawnError::NameTaken { name, body, .. } = second.unwrap_err() else {
                panic!("another error");
            };
            assert_eq!(name, Name::from("one"));
            assert!(!polled.load(Ordering::SeqCst));
            cx.task("two").spawn(body).unwrap().await.unwrap();
            assert!(polled.load(Ordering::SeqCst));
            first.stop();
            first.await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn two_tasks_of_one_name_in_the_builder_start_nothing(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .startup("never", async |_cx| unreachable!("nothing starts"))
        .task("one", async |_cx| {})
        .task("one", async |_cx| {})
        .run();
    assert!(
        matches!(&report.start_error, Some(StartError::NameTaken { name, .. }) if name.as_str() == "one")
    );
    assert_eq!(report.exit_code(), 3);
}

fn a_task_that_ignores_the_event_is_dropped_after_its_grace(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .task("deaf", async |cx| {
            loop {
                cx.sleep(Duration::from_millis(1)).await;
            }
        })
        .grace(Duration::from_millis(20))
        .serve(async |_cx| {})
        .run();
    let task = report.task("deaf").unwrap();
    assert!(matches!(task.outcome, Some(Outcome::Cancelled)) && task.overran);
    assert!(task.age >= Duration::from_millis(20));
    assert!(report.to_string().contains("task deaf: cancelled because its grace was over"));
    assert_eq!(report.exit_code(), 6);
}

fn a_task_that_blocks_is_named_when_it_is_left_behind(
    owner: impl LoopOwner<Handle: Timer + lifespan::Blocking>,
) {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let before = line!();
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            let blocked = cx.spawner().task("blocked").spawn_blocking(move |_stop| {
                let _ = wait.recv();
            });
            blocked.unwrap().detach();
        })
        .grace(Duration::from_millis(10))
        .deadline(Duration::from_millis(30))
        .run();
    drop(release);
    assert_eq!(report.exit_code(), 6);
    let [straggler] = report.stragglers.as_slice() else { panic!("{report}") };
    assert_eq!((straggler.path.as_str(), straggler.kind), ("blocked", AwaitedKind::Blocking));
    let place = straggler.spawned_at;
    assert_eq!((place.file(), place.line()), (file!(), before + 3));
}

fn a_task_asks_the_whole_lifespan_to_stop(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .task("asks", async |cx| {
            cx.trigger().set("enough").unwrap();
            cx.shutdown().wait().await;
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("enough"));
}

fn a_stop_during_start_drops_the_handler_that_hangs(owner: impl LoopOwner<Handle: Timer>) {
    let event = lifespan::ShutdownEvent::new();
    let trigger = event.trigger();
    let report = Lifespan::on(owner)
        .event(event)
        .startup("first", async |_cx| {})
        .startup("hangs", async move |_cx| {
            trigger.set(Reason::Signal("SIGTERM")).unwrap();
            std::future::pending::<()>().await;
        })
        .shutdown("hangs", async |_cx| unreachable!("it was not opened"))
        .run();
    assert_eq!(report.reason, Reason::Signal("SIGTERM"));
    let startup = |name| report.component(name).unwrap().startup.to_string();
    assert_eq!(
        (startup("first"), startup("hangs")),
        ("completed".into(), "interrupted by a stop".into())
    );
}

fn a_startup_that_takes_too_long_is_undone(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .startup("slow", async |_cx| std::future::pending::<()>().await)
        .start_timeout(Duration::from_millis(10))
        .run();
    assert_eq!(report.exit_code(), 3);
    assert!(report.to_string().contains("the start of \"slow\" had not ended after 10ms"));
}

fn a_shutdown_that_never_returns_is_cut(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .shutdown("last", async |_cx| {})
        .shutdown("hangs", async |_cx| std::future::pending::<()>().await)
        .stop_timeout(Duration::from_millis(10))
        .serve(async |_cx| {})
        .run();
    assert_eq!(report.exit_code(), 5);
    let shutdown = |name| report.component(name).unwrap().shutdown.to_string();
    assert_eq!(
        (shutdown("hangs"), shutdown("last")),
        ("had not ended after 10ms".into(), "completed".into())
    );
}

fn a_failed_name_is_free_again(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .serve(async |cx| {
            let body = async |_cx: Cx<'_, _>| -> () { panic!("once") };
            let first = cx.task("job").spawn(body).unwrap();
            assert!(
                matches!(first.await, Err(TaskError::Panicked(panic)) if panic.text() == "once")
            );
            cx.task("job").spawn(async |_cx| {}).unwrap().await
        })
        .run();
    assert!(report.is_clean(), "{report}");
}
