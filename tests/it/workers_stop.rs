//! Workers stop together: whatever stops one of them, each through its own orderly stop.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use lifespan::{
    BoxError, HandlerOutcome, Lifespan, LoopOwner, Outcome, Reason, RunError, ShutdownEvent,
    ShutdownTrigger, StartError, StopSource, Timer, Workers, WorkersReport,
};

use crate::log::Log;
use crate::workers::AllHere;

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

on_every_worker_loop!(
    one_event_made_at_the_start_is_shared_by_all_handlers_and_workers,
    a_task_that_asks_for_a_stop_stops_all_workers,
    the_end_of_the_serve_of_one_stops_all,
    a_failed_start_of_one_stops_all_in_order,
    a_start_that_hangs_is_interrupted_when_another_fails,
    a_description_that_panics_stops_all,
    a_loop_that_cannot_run_stops_all,
    a_loop_that_panics_stops_all,
    a_task_that_panics_stops_nobody,
    an_event_that_the_description_gave_stops_all_and_with_all,
    one_event_may_be_given_to_the_workers_and_to_each_lifespan,
    a_source_stops_all_and_then_cancels_all,
    a_source_of_the_description_stops_all,
    a_source_that_cannot_be_bound_starts_nothing,
    the_deadline_of_each_worker_bounds_its_stop,
    all_workers_hear_of_a_stop_before_the_first_has_ended,
    a_stop_from_another_thread_keeps_its_reason_and_names_its_worker,
);

/// Three workers that wait for their stop; the first also does `what`, when all are there.
fn three<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
    log: &Log,
    what: fn(Lifespan<O>, AllHere) -> Lifespan<O>,
) -> WorkersReport {
    let all = AllHere::of(3);
    Workers::new(3, |worker| {
        let (log, mine) = (log.clone(), all.clone());
        let lifespan = Lifespan::on(make()).shutdown("one", async move |_cx| log.add("shutdown"));
        if worker.index() == 1 {
            return what(lifespan, mine);
        }
        lifespan.task("waits", async move |cx| {
            mine.come().await;
            cx.shutdown().wait().await;
        })
    })
    .run()
}

/// The workers beside the one that was first: asked, not forced.
fn assert_others_stopped_in_order(report: &WorkersReport, reason: &Reason) {
    assert_eq!(&report.reason, reason, "{report}");
    assert_eq!(report.stopped_by.map(|worker| worker.index()), Some(1));
    assert_eq!(report.workers.len(), 3);
    for index in [0, 2] {
        let report = &report.workers[index];
        assert!(report.is_clean(), "{report}");
        assert_eq!(&report.reason, reason);
    }
}

fn one_event_made_at_the_start_is_shared_by_all_handlers_and_workers<
    O: LoopOwner<Handle: Timer>,
>(
    make: fn() -> O,
) {
    let event = ShutdownEvent::new();
    let (all, heard) = (AllHere::of(3), Log::default());
    let report = Workers::new(3, |worker| {
        let (startup, task, shutdown) = (event.clone(), event.clone(), event.clone());
        let (heard, all) = (heard.clone(), all.clone());
        Lifespan::on(make())
            .startup("one", async move |_cx| assert!(!startup.is_set()))
            .shutdown("one", async move |_cx| assert!(shutdown.is_set()))
            .task("hears", async move |_cx| {
                task.wait().await;
                heard.add(worker.to_string());
            })
            .task("asks", {
                let event = event.clone();
                async move |cx| {
                    all.come().await;
                    if cx.worker().index() == 2 {
                        event.trigger().set("shared").unwrap();
                    }
                }
            })
    })
    .event(event.clone())
    .on_main_start(|| assert!(!event.is_set()))
    .on_main_stop(|| assert!(event.is_set()))
    .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!((&report.reason, report.stopped_by), (&Reason::from("shared"), None));
    assert_eq!(heard.lines().len(), 3);
}

fn a_task_that_asks_for_a_stop_stops_all_workers<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let log = Log::default();
    let report = three(make, &log, |lifespan, all| {
        lifespan.task("asks", async move |cx| {
            all.come().await;
            cx.trigger().set("enough").unwrap();
        })
    });
    assert!(report.is_clean(), "{report}");
    assert_others_stopped_in_order(&report, &Reason::from("enough"));
    assert_eq!(log.lines().len(), 3);
}

fn the_end_of_the_serve_of_one_stops_all<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let log = Log::default();
    let report =
        three(make, &log, |lifespan, all| lifespan.serve(async move |_cx| all.come().await));
    assert!(report.is_clean(), "{report}");
    assert_others_stopped_in_order(&report, &Reason::ServeEnded);
    assert_eq!(log.lines().len(), 3);
}

fn a_failed_start_of_one_stops_all_in_order<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let log = Log::default();
    let report = three(make, &log, |lifespan, all| {
        lifespan.startup("fails", async move |_cx| {
            all.come().await;
            Err::<(), _>(io::Error::other("no port"))
        })
    });
    assert_others_stopped_in_order(&report, &Reason::StartFailed);
    let error = report.workers[1].start_error.as_ref().unwrap();
    assert_eq!(error.to_string(), "the start of \"fails\" failed: no port");
    assert_eq!(report.exit_code(), 3);
    assert_eq!(log.lines().len(), 3, "what had started is undone");
}

fn a_start_that_hangs_is_interrupted_when_another_fails<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    let all = AllHere::of(2);
    let report = Workers::new(2, |worker| {
        let all = all.clone();
        Lifespan::on(make()).start_timeout(NEVER).startup("one", async move |_cx| {
            all.come().await;
            if worker.index() == 0 {
                std::future::pending::<()>().await;
            }
            Err::<(), _>("no port")
        })
    })
    .run();
    let startup = &report.workers[0].component("one").unwrap().startup;
    assert!(matches!(startup, HandlerOutcome::Interrupted), "{report}");
    assert_eq!((report.exit_code(), report.workers[0].exit_code()), (3, 0));
}

fn a_description_that_panics_stops_all<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let log = Log::default();
    let report = Workers::new(3, |worker| {
        assert_ne!(worker.index(), 1, "no such worker");
        let log = log.clone();
        Lifespan::on(make()).shutdown("one", async move |_cx| log.add("shutdown"))
    })
    .on_main_stop(|| log.add("main stop"))
    .run();
    assert_others_stopped_in_order(&report, &Reason::StartFailed);
    let error = report.workers[1].start_error.as_ref();
    assert!(
        matches!(error, Some(StartError::DescriptionPanicked(panic)) if panic.text().contains("no such worker"))
    );
    assert_eq!(report.exit_code(), 3);
    assert_eq!(log.lines().last().map(String::as_str), Some("main stop"));
}

/// A loop that is no good.
struct Broken<O> {
    owner: O,
    how: fn() -> Result<(), RunError>,
}

impl<O: LoopOwner> LoopOwner for Broken<O> {
    type Handle = O::Handle;

    fn run<T, F: AsyncFnOnce(&Self::Handle) -> T>(&mut self, f: F) -> Result<T, RunError> {
        (self.how)()?;
        self.owner.run(f)
    }
}

/// Two workers, of which the second has a loop that is no good.
fn one_of_two_broken<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
    how: fn() -> Result<(), RunError>,
) -> WorkersReport {
    Workers::new(2, |worker| {
        let how = if worker.index() == 1 { how } else { || Ok(()) };
        Lifespan::on(Broken { owner: make(), how })
            .task("waits", async |cx| cx.shutdown().wait().await)
    })
    .run()
}

fn a_loop_that_cannot_run_stops_all<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let report = one_of_two_broken(make, || Err(RunError::Runtime("no epoll".into())));
    let error = report.workers[1].start_error.as_ref();
    assert!(matches!(error, Some(StartError::Run(RunError::Runtime(_)))), "{report}");
    assert!(report.workers[0].is_clean(), "{report}");
    assert_eq!((report.exit_code(), report.reason), (3, Reason::StartFailed));
}

fn a_loop_that_panics_stops_all<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let report = one_of_two_broken(make, || panic!("a bug in the runtime"));
    let error = report.workers[1].start_error.as_ref();
    assert!(
        matches!(error, Some(StartError::LoopPanicked(panic)) if panic.text().contains("a bug")),
        "{report}"
    );
    assert!(report.workers[0].is_clean(), "{report}");
    assert_eq!((report.exit_code(), report.reason), (3, Reason::LoopClosed));
    assert_eq!(report.stopped_by.map(|worker| worker.index()), Some(1));
}

fn a_task_that_panics_stops_nobody<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let all = AllHere::of(2);
    let report = Workers::new(2, |worker| {
        let all = all.clone();
        Lifespan::on(make())
            .task("may panic", async move |_cx| assert_ne!(worker.index(), 0, "it does"))
            .serve(async move |cx| {
                while cx.tasks().contains("may panic") {
                    cx.sleep(Duration::from_millis(1)).await;
                }
                all.come().await;
            })
    })
    .run();
    assert_eq!((report.exit_code(), &report.reason), (4, &Reason::ServeEnded), "{report}");
    let outcome = |index: usize| report.workers[index].task("may panic").unwrap().outcome.clone();
    assert!(matches!(outcome(0), Some(Outcome::Panicked(_))));
    assert_eq!(report.workers[1].exit_code(), 0, "{report}");
}

fn an_event_that_the_description_gave_stops_all_and_with_all<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    for from_inside in [true, false] {
        let (own, main, all) = (ShutdownEvent::new(), ShutdownEvent::new(), AllHere::of(2));
        let which = if from_inside { own.trigger() } else { main.trigger() };
        let report = Workers::new(2, |worker| {
            let (all, which) = (all.clone(), which.clone());
            let lifespan = Lifespan::on(make()).task("asks", async move |cx| {
                all.come().await;
                if cx.worker().index() == 1 {
                    which.set("asked").unwrap();
                }
            });
            if worker.index() == 0 { lifespan.event(own.clone()) } else { lifespan }
        })
        .event(main.clone())
        .run();
        assert!(report.is_clean(), "{report}");
        let reasons = [own.reason(), main.reason(), Some(report.workers[1].reason.clone())];
        assert!(reasons.iter().all(|reason| *reason == Some(Reason::from("asked"))), "{reasons:?}");
        assert_eq!(report.stopped_by, None, "an event that was given names nobody");
    }
}

fn one_event_may_be_given_to_the_workers_and_to_each_lifespan<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    let (event, all) = (ShutdownEvent::new(), AllHere::of(2));
    let report = Workers::new(2, |_worker| {
        let all = all.clone();
        Lifespan::on(make()).event(event.clone()).serve(async move |_cx| all.come().await)
    })
    .event(event.clone())
    .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(event.reason(), Some(Reason::ServeEnded));
}

/// Gives its triggers out.
struct ByHand(Sender<[ShutdownTrigger; 2]>);

impl StopSource for ByHand {
    type Bound = ();

    fn bind(self, stop: ShutdownTrigger, cancel: ShutdownTrigger) -> Result<(), BoxError> {
        Ok(self.0.send([stop, cancel])?)
    }
}

fn a_source_stops_all_and_then_cancels_all<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let (send, receive) = channel::<[ShutdownTrigger; 2]>();
    let (all, all_heard) = (AllHere::of(2), AllHere::of(2));
    let workers = Workers::new(2, |_worker| {
        let (all, all_heard) = (all.clone(), all_heard.clone());
        Lifespan::on(make()).grace(NEVER).deadline(NEVER).task("stubborn", async move |cx| {
            all.come().await;
            cx.shutdown().wait().await;
            all_heard.come().await;
            std::future::pending::<()>().await;
        })
    });
    let signaller = std::thread::spawn({
        let (all, all_heard) = (all.clone(), all_heard.clone());
        move || {
            let [stop, cancel] = receive.recv().unwrap();
            all.wait_blocking();
            stop.set(Reason::Signal("SIGTERM")).unwrap();
            all_heard.wait_blocking();
            cancel.set(Reason::Signal("SIGTERM")).unwrap();
        }
    });
    let report = workers.stop_on(ByHand(send)).run();
    signaller.join().unwrap();
    assert_eq!((report.exit_code(), &report.reason), (6, &Reason::Signal("SIGTERM")), "{report}");
    for report in &report.workers {
        assert!(matches!(report.task("stubborn").unwrap().outcome, Some(Outcome::Cancelled)));
    }
}

fn a_source_of_the_description_stops_all<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let (send, receive) = channel::<[ShutdownTrigger; 2]>();
    let workers = Workers::new(2, |_worker| {
        Lifespan::on(make())
            .stop_on(ByHand(send.clone()))
            .task("waits", async |cx| cx.shutdown().wait().await)
    });
    let signaller = std::thread::spawn(move || {
        let [stop, _cancel] = receive.recv().unwrap();
        stop.set("from one").unwrap();
        receive // the other worker may bind its own later
    });
    let report = workers.run();
    drop(signaller.join().unwrap());
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("from one"));
    assert!(report.stopped_by.is_some());
}

fn a_source_that_cannot_be_bound_starts_nothing<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let (send, receive) = channel::<[ShutdownTrigger; 2]>();
    drop(receive);
    let report = Workers::new(2, |_worker| -> Lifespan<O> { unreachable!("{:p}", make) })
        .stop_on(ByHand(send))
        .on_main_start(|| unreachable!("nothing runs"))
        .on_main_stop(|| unreachable!("nothing runs"))
        .run();
    assert!(matches!(report.start_error, Some(StartError::StopSource(_))), "{report}");
    assert_eq!(report.exit_code(), 3);
}

fn the_deadline_of_each_worker_bounds_its_stop<O: LoopOwner<Handle: Timer>>(make: fn() -> O) {
    let all = AllHere::of(2);
    let report = Workers::new(2, |worker| {
        let all = all.clone();
        let lifespan = Lifespan::on(make()).serve(async move |_cx| all.come().await);
        if worker.index() == 0 {
            return lifespan;
        }
        lifespan.deadline(Duration::from_millis(30)).task("never ends", async |cx| {
            cx.protect(std::future::pending::<()>()).await;
        })
    })
    .run();
    assert_eq!(report.exit_code(), 6, "{report}");
    assert!(report.workers[0].is_clean(), "{report}");
    assert!(matches!(
        report.workers[1].task("never ends").unwrap().outcome,
        Some(Outcome::Cancelled)
    ));
}

fn all_workers_hear_of_a_stop_before_the_first_has_ended<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    let (all, all_heard) = (AllHere::of(3), AllHere::of(3));
    let report = Workers::new(3, |worker| {
        let (all, all_heard) = (all.clone(), all_heard.clone());
        Lifespan::on(make())
            .shutdown("waits for the others", async move |_cx| all_heard.come().await)
            .serve(async move |cx| {
                all.come().await;
                if worker.index() != 0 {
                    cx.shutdown().wait().await;
                }
            })
    })
    .run();
    assert!(report.is_clean(), "{report}");
}

/// The worker may have ended before the thread that stopped it goes on.
fn a_stop_from_another_thread_keeps_its_reason_and_names_its_worker<O: LoopOwner<Handle: Timer>>(
    make: fn() -> O,
) {
    for _ in 0..50 {
        let (send, receive) = channel::<ShutdownTrigger>();
        let other = std::thread::spawn(move || receive.recv().unwrap().set("from afar"));
        let report = Workers::new(2, |worker| {
            let send = send.clone();
            Lifespan::on(make()).startup("one", async move |cx| {
                if worker.index() == 1 {
                    send.send(cx.trigger()).unwrap();
                }
            })
        })
        .run();
        assert!(other.join().unwrap().is_ok(), "{report}");
        assert_eq!(report.reason, Reason::from("from afar"));
        assert_eq!(report.stopped_by.map(|worker| worker.index()), Some(1));
    }
}
