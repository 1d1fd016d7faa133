//! What bareASGI's texts promise of startup and shutdown handlers: rows B-02 to B-08, B-12, B-20 to
//! B-22 of the promises, each as ours keeps it.

use std::io;
use std::sync::Mutex;

use lifespan::{
    Closed, Cx, HandlerOutcome, Lifespan, LoopOwner, Reason, RunError, ShutdownEvent, SpawnError,
    Spawner, StartError, Timer,
};

use crate::log::Log;

on_every_loop!(
    b02_an_event_made_before_any_loop_is_heard_in_two_loops,
    b03_a_shutdown_handler_may_be_added_while_running,
    b03_a_shutdown_handler_that_comes_too_late_is_given_back,
    b04_a_handler_may_be_a_sync_function,
    b05_startup_runs_in_order_and_shutdown_in_reverse,
    b05_without_handlers_it_completes_at_once,
    b06_a_failed_startup_undoes_what_had_started,
    b07_a_failed_shutdown_skips_nobody,
    b08_a_panic_in_a_handler_is_an_outcome,
    b12_state_lives_from_startup_to_shutdown_and_is_fresh_in_each_run,
    b20_one_event_made_at_the_start_is_shared_by_all_handlers,
    b21_an_owner_runs_one_lifespan_after_the_other,
    b22_a_run_inside_a_running_loop_is_a_typed_error,
    b22_a_spawn_after_the_end_gives_the_body_back,
);

fn b02_an_event_made_before_any_loop_is_heard_in_two_loops(
    mut owner: impl LoopOwner<Handle: Timer>,
) {
    let event = ShutdownEvent::new();
    let (heard, trigger) = (event.clone(), event.trigger());
    let report = Lifespan::on(&mut owner)
        .serve(async move |cx| {
            let waiter = cx.spawn(async move |_cx| heard.wait().await);
            trigger.set("now").unwrap();
            waiter.await
        })
        .run();
    assert!(report.is_clean(), "{report}");
    let report = Lifespan::on(owner).serve(async move |_cx| event.wait().await).run();
    assert!(report.is_clean(), "{report}");
}

fn b03_a_shutdown_handler_may_be_added_while_running(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let (own, late) = (log.clone(), log.clone());
    let report = Lifespan::on(owner)
        .startup("db", async move |cx| {
            let first = late.clone();
            cx.on_shutdown(async move |_cx| first.add("added first")).unwrap();
            let task = cx.spawn(async move |cx| {
                cx.on_shutdown(async move |_cx| late.add("added by a task")).is_ok()
            });
            assert!(task.await.unwrap());
        })
        .shutdown("db", async move |_cx| own.add("own"))
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["added by a task", "added first", "own"].as_slice());
    assert_eq!(report.component("db").unwrap().late_shutdowns.len(), 2);
}

fn b03_a_shutdown_handler_that_comes_too_late_is_given_back(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner)
        .shutdown("db", async |cx| {
            let refused = cx.on_shutdown(async |_cx| Err::<(), _>("never run"));
            assert!(refused.map_err(Closed::into_inner).is_err());
        })
        .serve(async |_cx| {})
        .run();
    assert!(report.is_clean(), "{report}");
}

fn b04_a_handler_may_be_a_sync_function(owner: impl LoopOwner<Handle: Timer>) {
    struct Opened;
    fn open<L>(cx: &Cx<'_, L>) -> io::Result<()> {
        cx.state().insert(Opened);
        Ok(())
    }
    let report = Lifespan::on(owner)
        .startup("db", async |cx| open(&cx))
        .serve(async |cx| assert!(cx.state().get::<Opened>().is_some()))
        .run();
    assert!(report.is_clean(), "{report}");
}

fn three_components<O: LoopOwner>(owner: O, log: &Log) -> Lifespan<O> {
    let mut lifespan = Lifespan::on(owner);
    for name in ["a", "b", "c"] {
        let (up, down) = (log.clone(), log.clone());
        lifespan = lifespan
            .startup(name, async move |_cx| up.add(format!("start {name}")))
            .shutdown(name, async move |_cx| down.add(format!("stop {name}")));
    }
    lifespan
}

fn b05_startup_runs_in_order_and_shutdown_in_reverse(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let report = three_components(owner, &log).serve(async |_cx| {}).run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["start a", "start b", "start c", "stop c", "stop b", "stop a"].as_slice());
}

fn b05_without_handlers_it_completes_at_once(owner: impl LoopOwner<Handle: Timer>) {
    let report = Lifespan::on(owner).until_idle().run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::AllTasksEnded);
}

fn b06_a_failed_startup_undoes_what_had_started(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let (later, down, task) = (log.clone(), log.clone(), log.clone());
    let report = three_components(owner, &log)
        .startup("d", async move |cx| {
            cx.spawn(async move |cx| {
                cx.shutdown().wait().await;
                task.add("the task of d stops");
            })
            .detach();
            Err::<(), _>(io::Error::other("no db"))
        })
        .shutdown("d", async move |_cx| down.add("never: d was not opened"))
        .startup("e", async move |_cx| later.add("never: e comes later"))
        .task("never", async |_cx| unreachable!("the start failed"))
        .run();
    let undone = ["the task of d stops", "stop c", "stop b", "stop a"];
    assert_eq!(log.lines()[3..], undone);
    assert_eq!((report.exit_code(), &report.reason), (3, &Reason::StartFailed));
    let Some(StartError::Startup { component, outcome: HandlerOutcome::Failed(failure), .. }) =
        &report.start_error
    else {
        panic!("{report}");
    };
    assert_eq!((component.as_str(), failure.to_string().as_str()), ("d", "no db"));
    assert!(report.to_string().contains("the start of \"d\" failed: no db"), "{report}");
    assert!(matches!(report.component("e").unwrap().startup, HandlerOutcome::NotRun));
}

fn b07_a_failed_shutdown_skips_nobody(owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let report = three_components(owner, &log)
        .shutdown("x", async |_cx| Err::<(), _>("x failed"))
        .shutdown("y", async |_cx| Err::<(), _>(io::Error::other("y failed")))
        .serve(async |_cx| {})
        .run();
    assert_eq!(log.lines()[3..], ["stop c", "stop b", "stop a"]);
    assert_eq!(report.exit_code(), 5);
    for name in ["x", "y"] {
        let HandlerOutcome::Failed(failure) = &report.component(name).unwrap().shutdown else {
            panic!("{report}");
        };
        assert_eq!(failure.to_string(), format!("{name} failed"));
    }
}

fn b08_a_panic_in_a_handler_is_an_outcome(mut owner: impl LoopOwner<Handle: Timer>) {
    let log = Log::default();
    let report =
        three_components(&mut owner, &log).startup("d", async |_cx| panic!("at start")).run();
    assert_eq!(log.lines()[3..], ["stop c", "stop b", "stop a"]);
    assert!(report.to_string().contains("the start of \"d\" panicked: at start"));
    let log = Log::default();
    let report = three_components(&mut owner, &log)
        .shutdown("d", async |_cx| panic!("at stop"))
        .serve(async |_cx| {})
        .run();
    assert_eq!(log.lines()[3..], ["stop c", "stop b", "stop a"]);
    let HandlerOutcome::Panicked(panic) = &report.component("d").unwrap().shutdown else {
        panic!("{report}");
    };
    assert_eq!((panic.text(), report.exit_code()), ("at stop", 5));
}

fn b12_state_lives_from_startup_to_shutdown_and_is_fresh_in_each_run(
    mut owner: impl LoopOwner<Handle: Timer>,
) {
    struct Now(Mutex<Option<u32>>);
    for _ in 0..2 {
        let report = Lifespan::on(&mut owner)
            .startup("clock", async |cx| {
                assert!(cx.state().insert(Now(Mutex::new(None))).is_none());
            })
            .shutdown("clock", async |cx| {
                let now = cx.state().get::<Now>().unwrap();
                assert_eq!(*now.0.lock().unwrap(), Some(1));
            })
            .task("ticker", async |cx| {
                let now = cx.state().get::<Now>().unwrap();
                *now.0.lock().unwrap() = Some(1);
            })
            .until_idle()
            .run();
        assert!(report.is_clean(), "{report}");
    }
}

fn b20_one_event_made_at_the_start_is_shared_by_all_handlers(owner: impl LoopOwner<Handle: Timer>) {
    let event = ShutdownEvent::new();
    let log = Log::default();
    let mut lifespan = Lifespan::on(owner).event(event.clone());
    for name in ["a", "b", "c"] {
        let (event, log) = (event.clone(), log.clone());
        lifespan = lifespan.startup(name, async move |cx| {
            cx.spawn(async move |_cx| {
                event.wait().await;
                log.add("heard");
            })
            .detach();
        });
    }
    let trigger = event.trigger();
    let setter = std::thread::spawn(move || trigger.set("from a thread"));
    let report = lifespan.run();
    assert!(setter.join().unwrap().is_ok());
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("from a thread"));
    // A stop that came before the first handler starts nothing: nobody was there to hear.
    assert!([0, 1, 2, 3].contains(&log.lines().len()));
}

fn b21_an_owner_runs_one_lifespan_after_the_other(mut owner: impl LoopOwner<Handle: Timer>) {
    for round in 0..3 {
        let log = Log::default();
        let report = three_components(&mut owner, &log).serve(async |_cx| {}).run();
        assert!(report.is_clean(), "round {round}: {report}");
        assert_eq!(log.lines().len(), 6);
    }
}

fn b22_a_run_inside_a_running_loop_is_a_typed_error(owner: impl LoopOwner<Handle: Timer>) {
    fn refused(owner: impl LoopOwner<Handle: Timer>) {
        let report = Lifespan::on(owner).serve(async |_cx| {}).run();
        let error = report.start_error.as_ref();
        assert!(matches!(error, Some(StartError::Run(RunError::InsideLoop(_)))), "{report}");
        assert_eq!(report.exit_code(), 3);
    }
    fn refused_on_all() {
        refused(lifespan::tokio::TokioLoop::current_thread());
        refused(lifespan::tokio::TokioLoop::multi_thread());
        refused(lifespan::smol::SmolLoop::new());
    }
    let report = Lifespan::on(owner)
        .startup("in a handler", async |_cx| refused_on_all())
        .task("in a task", async |_cx| refused_on_all())
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
}

fn b22_a_spawn_after_the_end_gives_the_body_back<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (send, receive) = std::sync::mpsc::channel::<Spawner<O::Handle>>();
    let report =
        Lifespan::on(&mut owner).serve(async move |cx| send.send(cx.spawner()).unwrap()).run();
    assert!(report.is_clean(), "{report}");
    let spawner = receive.recv().unwrap();
    let marker = String::from("come back");
    let refused = spawner.spawn(async move |_cx| marker.len());
    let _body_to_use_elsewhere = refused.map_err(Closed::into_inner).unwrap_err();
    drop(owner);
    assert!(spawner.spawn(async |_cx| {}).is_err());
    let refused = spawner.task("named").spawn(async |_cx| {});
    assert!(matches!(refused, Err(SpawnError::Closed { .. })));
    assert!(spawner.tasks().is_empty());
}
