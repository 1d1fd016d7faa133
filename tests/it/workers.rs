//! What Sanic's guide promises of workers, rows S-05 to S-09 of the promises, and what each worker
//! knows of itself and of the others.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use lifespan::{
    HandlerOutcome, Lifespan, LoopOwner, Phase, Reason, RunError, ShutdownEvent, StartError, Timer,
    Workers,
};

use crate::log::Log;

on_every_worker_loop!(
    s05_the_description_is_made_anew_on_the_thread_of_each_worker,
    s05_what_belongs_to_a_worker_need_not_be_send,
    s06_tasks_start_when_the_startup_handlers_of_their_worker_have_succeeded,
    s07_nothing_of_the_description_runs_on_the_main_thread,
    s08_the_main_handlers_run_before_the_first_worker_and_after_the_last,
    s08_a_failed_main_start_starts_no_worker,
    s08_one_worker_runs_as_many_do,
    a_stop_during_main_start_starts_no_worker,
    an_event_that_was_set_before_starts_nothing,
    a_worker_knows_which_one_it_is_and_of_how_many,
    a_thread_is_named_after_its_worker,
    a_lifespan_by_itself_is_worker_0_of_1,
    state_belongs_to_one_worker,
    the_tasks_of_all_workers_are_listed_from_any_thread,
    a_monitor_shows_all_workers_together,
    inside_a_running_loop_it_is_refused,
);

/// Completes when all have come: what a test needs to know that every worker runs.
#[derive(Clone)]
pub(crate) struct AllHere {
    missing: Arc<AtomicUsize>,
    event: ShutdownEvent,
}

impl AllHere {
    pub(crate) fn of(count: usize) -> Self {
        Self { missing: Arc::new(AtomicUsize::new(count)), event: ShutdownEvent::new() }
    }

    /// Comes, and waits for the others.
    pub(crate) async fn come(&self) {
        if self.missing.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.event.trigger().set("all are here").unwrap();
        }
        self.event.wait().await;
    }

    /// Waits for all, on a plain thread that is none of them.
    pub(crate) fn wait_blocking(&self) {
        self.event.wait_blocking().unwrap();
    }
}

fn s05_the_description_is_made_anew_on_the_thread_of_each_worker<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    let (threads, all) = (Log::default(), AllHere::of(3));
    let report = Workers::new(3, |worker| {
        threads.add(format!("{} {:?}", worker.index(), thread::current().id()));
        let all = all.clone();
        Lifespan::on(make()).serve(async move |cx| {
            assert_eq!(cx.worker(), worker);
            all.come().await;
        })
    })
    .run();
    assert!(report.is_clean(), "{report}");
    let mut lines = threads.lines();
    lines.sort();
    assert_eq!(lines.iter().map(|line| &line[..1]).collect::<Vec<_>>(), ["0", "1", "2"]);
    let mut threads = lines.iter().map(|line| &line[2..]).collect::<Vec<_>>();
    threads.sort_unstable();
    threads.dedup();
    assert_eq!(threads.len(), 3, "{threads:?}");
}

fn s05_what_belongs_to_a_worker_need_not_be_send<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let report = Workers::new(2, |worker| {
        let own = Rc::new(worker.index());
        Lifespan::on(make()).serve(async move |cx| assert_eq!(*own, cx.worker().index()))
    })
    .run();
    assert!(report.is_clean(), "{report}");
}

fn s06_tasks_start_when_the_startup_handlers_of_their_worker_have_succeeded<
    O: LoopOwner<Handle: Timer>,
>(
    make: fn() -> O,
) {
    let all = AllHere::of(2);
    let logs = [Log::default(), Log::default()];
    let report = Workers::new(2, |worker| {
        let (all, log) = (all.clone(), logs[worker.index()].clone());
        let (first, second, task) = (log.clone(), log.clone(), log);
        Lifespan::on(make())
            .task("task", async move |cx| {
                task.add("task");
                all.come().await;
                let _ = cx.trigger().set("seen");
            })
            .startup("first", async move |cx| {
                cx.sleep(std::time::Duration::from_millis(1)).await;
                first.add("first");
            })
            .startup("second", async move |_cx| second.add("second"))
    })
    .run();
    assert!(report.is_clean(), "{report}");
    for log in logs {
        assert_eq!(log, ["first", "second", "task"].as_slice());
    }
}

fn s07_nothing_of_the_description_runs_on_the_main_thread<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    let main = thread::current().id();
    let elsewhere = move || assert_ne!(thread::current().id(), main);
    let report = Workers::new(2, |_worker| {
        elsewhere();
        Lifespan::on(make())
            .startup("one", async move |_cx| elsewhere())
            .shutdown("one", async move |_cx| elsewhere())
            .task("task", async move |_cx| elsewhere())
            .serve(async move |_cx| elsewhere())
    })
    .on_main_start(|| assert_eq!(thread::current().id(), main))
    .on_main_stop(|| assert_eq!(thread::current().id(), main))
    .run();
    assert!(report.is_clean(), "{report}");
}

fn s08_the_main_handlers_run_before_the_first_worker_and_after_the_last<
    O: LoopOwner<Handle: Timer>,
>(
    make: fn() -> O,
) {
    let (log, all) = (Log::default(), AllHere::of(3));
    let report = Workers::new(3, |_worker| {
        log.add("worker");
        let (log, all) = (log.clone(), all.clone());
        Lifespan::on(make())
            .shutdown("one", async move |_cx| log.add("shutdown"))
            .serve(async move |_cx| all.come().await)
    })
    .on_main_start(|| log.add("main start"))
    .on_main_stop(|| log.add("main stop"))
    .run();
    assert!(report.is_clean(), "{report}");
    let lines = log.lines();
    assert_eq!(lines.first().map(String::as_str), Some("main start"));
    assert_eq!(lines.last().map(String::as_str), Some("main stop"));
    assert_eq!(lines.len(), 8, "{lines:?}");
}

fn s08_a_failed_main_start_starts_no_worker<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    for panics in [false, true] {
        let event = ShutdownEvent::new();
        let report = Workers::new(2, |_worker| -> Lifespan<O> { unreachable!("{:p}", make) })
            .event(event.clone())
            .on_main_start(|| if panics { panic!("no db") } else { Err(io::Error::other("no db")) })
            .on_main_stop(|| unreachable!("it was not opened"))
            .run();
        assert_eq!((report.exit_code(), report.workers.len()), (3, 0), "{report}");
        let how = if panics { "panicked" } else { "failed" };
        let error = report.start_error.as_ref().unwrap();
        assert_eq!(error.to_string(), format!("the start of \"main\" {how}: no db"));
        assert_eq!(
            (report.reason, event.reason()),
            (Reason::StartFailed, Some(Reason::StartFailed))
        );
        assert!(matches!(report.main_stop, HandlerOutcome::NotRun));
    }
}

fn s08_one_worker_runs_as_many_do<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    for count in [0, 1] {
        let (log, main) = (Log::default(), thread::current().id());
        let report = Workers::new(count, |worker| {
            assert_eq!((worker.index(), worker.count()), (0, 1));
            assert_ne!(thread::current().id(), main);
            let log = log.clone();
            Lifespan::on(make()).serve(async move |_cx| log.add("serve"))
        })
        .on_main_start(|| log.add("main start"))
        .on_main_stop(|| log.add("main stop"))
        .run();
        assert_eq!((report.exit_code(), report.workers.len()), (0, 1), "{report}");
        assert_eq!(log, ["main start", "serve", "main stop"].as_slice());
    }
}

fn a_stop_during_main_start_starts_no_worker<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let (event, log) = (ShutdownEvent::new(), Log::default());
    let report = Workers::new(2, |_worker| -> Lifespan<O> { unreachable!("{:p}", make) })
        .event(event.clone())
        .on_main_start(|| event.trigger().set("changed my mind"))
        .on_main_stop(|| log.add("what was opened is closed"))
        .run();
    assert_eq!((report.exit_code(), report.workers.len()), (0, 0), "{report}");
    assert_eq!(report.reason, Reason::from("changed my mind"));
    assert_eq!(log.lines().len(), 1);
}

fn an_event_that_was_set_before_starts_nothing<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let event = ShutdownEvent::new();
    event.trigger().set("before").unwrap();
    let report = Workers::new(2, |_worker| -> Lifespan<O> { unreachable!("{:p}", make) })
        .event(event)
        .on_main_start(|| unreachable!("nothing starts"))
        .on_main_stop(|| unreachable!("nothing was opened"))
        .run();
    assert_eq!((report.exit_code(), report.workers.len()), (0, 0), "{report}");
}

fn a_worker_knows_which_one_it_is_and_of_how_many<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let all = AllHere::of(3);
    let report = Workers::new(3, |worker| {
        assert_eq!(worker.count(), 3);
        let all = all.clone();
        Lifespan::on(make())
            .startup("one", async move |cx| assert_eq!(cx.worker(), worker))
            .shutdown("one", async move |cx| assert_eq!(cx.worker(), worker))
            .task("task", async move |cx| assert_eq!(cx.erased().worker(), worker))
            .serve(async move |cx| {
                assert_eq!(cx.worker(), worker);
                all.come().await;
            })
    })
    .run();
    assert!(report.is_clean(), "{report}");
}

fn a_thread_is_named_after_its_worker<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let report = Workers::new(2, |worker| {
        let name = format!("lifespan-worker-{}", worker.index());
        assert_eq!(thread::current().name(), Some(name.as_str()));
        Lifespan::on(make()).until_idle()
    })
    .run();
    assert!(report.is_clean(), "{report}");
}

fn a_lifespan_by_itself_is_worker_0_of_1<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let report = Lifespan::on(make())
        .serve(async |cx| assert_eq!(cx.worker().to_string(), "worker 0 of 1"))
        .run();
    assert!(report.is_clean(), "{report}");
}

fn state_belongs_to_one_worker<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let all = AllHere::of(2);
    let report = Workers::new(2, |worker| {
        let all = all.clone();
        Lifespan::on(make())
            .startup("state", async move |cx| assert!(cx.state().insert(worker).is_none()))
            .serve(async move |cx| {
                all.come().await;
                assert_eq!(cx.state().get().as_deref(), Some(&worker));
            })
    })
    .run();
    assert!(report.is_clean(), "{report}");
}

fn the_tasks_of_all_workers_are_listed_from_any_thread<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    let all = AllHere::of(2);
    let log = Log::default();
    let workers = Workers::new(2, |_worker| {
        let all = all.clone();
        Lifespan::on(make())
            .startup("db", async |cx| {
                cx.task("poller").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
            })
            .task("ticker", async |cx| cx.shutdown().wait().await)
            .serve(async move |cx| {
                all.come().await;
                cx.shutdown().wait().await;
            })
    });
    let (tasks, event) = (workers.tasks(), ShutdownEvent::new());
    assert_eq!(tasks.iter().count(), 0, "they do not run yet");
    let onlooker = thread::spawn({
        let (tasks, all, log, trigger) = (tasks.clone(), all.clone(), log.clone(), event.trigger());
        move || {
            all.wait_blocking();
            for (worker, task) in &tasks {
                log.add(format!("{} {}", worker.index(), task.path()));
            }
            trigger.set("seen").unwrap();
        }
    });
    let report = workers.event(event).run();
    onlooker.join().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(log, ["0 db/poller", "0 ticker", "1 db/poller", "1 ticker"].as_slice());
    assert_eq!(tasks.iter().count(), 0, "they have ended");
}

fn a_monitor_shows_all_workers_together<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let (all, seen) = (AllHere::of(2), Log::default());
    let workers = Workers::new(2, |_worker| {
        let all = all.clone();
        Lifespan::on(make()).task("ticker", async |cx| cx.shutdown().wait().await).serve(
            async move |cx| {
                all.come().await;
                cx.shutdown().wait().await;
            },
        )
    });
    let (monitor, event) = (workers.monitor(), ShutdownEvent::new());
    assert_eq!((monitor.phase(), monitor.health().ready), (Phase::Starting, false));
    let onlooker = thread::spawn({
        let (monitor, all, seen, trigger) =
            (monitor.clone(), all.clone(), seen.clone(), event.trigger());
        move || {
            all.wait_blocking();
            assert!(monitor.health().ready);
            for node in monitor.snapshot().nodes {
                seen.add(format!("{} {}", node.depth, node.name));
            }
            trigger.set("seen").unwrap();
            assert!(!monitor.health().ready);
        }
    });
    let report = workers.event(event).run();
    onlooker.join().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(seen, ["0 worker 0", "1 ticker", "0 worker 1", "1 ticker"].as_slice());
    assert_eq!((monitor.phase(), monitor.health().live), (Phase::Stopped, false));
}

fn inside_a_running_loop_it_is_refused<O: LoopOwner<Handle: Timer> + 'static>(make: fn() -> O) {
    let report = Lifespan::on(make())
        .serve(async move |_cx| {
            let event = ShutdownEvent::new();
            let report = Workers::new(2, |_worker| -> Lifespan<O> { unreachable!("{:p}", make) })
                .event(event.clone())
                .on_main_start(|| unreachable!("nothing runs"))
                .on_main_stop(|| unreachable!("nothing runs"))
                .run();
            let error = report.start_error.as_ref();
            assert!(matches!(error, Some(StartError::Run(RunError::InsideLoop(_)))), "{report}");
            assert_eq!((report.exit_code(), event.reason()), (3, Some(Reason::StartFailed)));
        })
        .run();
    assert!(report.is_clean(), "{report}");
}
