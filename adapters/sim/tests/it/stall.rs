//! A run that can make no progress ends with who waits for what.

use std::task::Poll;
use std::time::Duration;

use lifespan_core::{EventLoop, Lifespan, LoopOwner, RunError, ShutdownEvent, Stalled, Timer};
use lifespan_sim::SimLoop;

use crate::log::Log;

fn lines(stalled: &Stalled) -> Vec<String> {
    stalled.waiting().iter().map(ToString::to_string).collect()
}

fn stalled<T>(ended: Result<T, RunError>) -> Stalled {
    match ended {
        Err(RunError::Stalled(stalled)) => stalled,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("did not stall"),
    }
}

#[test]
fn a_stall_names_every_task_and_what_it_waits_for() {
    for seed in 0..50 {
        let report = Lifespan::on(SimLoop::new(seed))
            .startup("db", async |cx| {
                cx.task("poller").spawn(async |cx| cx.shutdown().wait().await).unwrap().detach();
            })
            .task("sleeper", async |cx| cx.sleep(Duration::MAX).await)
            .task("elsewhere", async |_cx| std::future::pending::<()>().await)
            .serve(async |cx| {
                let sleeper = cx.tasks().get("sleeper").unwrap();
                let waiter =
                    cx.task("waiter").spawn(async move |_cx| drop(sleeper.finished().await));
                cx.sleep(Duration::from_secs(1)).await;
                let _ = waiter.unwrap().await;
            })
            .run();
        assert_eq!(
            lines(report.stalled.as_ref().unwrap()),
            [
                "the root waits for a shutdown event, the end of task waiter",
                "task db/poller waits for a shutdown event",
                "task sleeper waits for a sleep that never ends",
                "task elsewhere waits for a wake-up from elsewhere",
                "task waiter waits for the end of task sleeper",
            ],
        );
        assert_eq!(report.exit_code(), 6);
    }
}

#[test]
fn a_circle_of_tasks_is_seen() {
    let report = Lifespan::on(SimLoop::new(0))
        .task("egg", async |cx| drop(cx.tasks().get("hen").unwrap().finished().await))
        .task("hen", async |cx| drop(cx.tasks().get("egg").unwrap().finished().await))
        .until_idle()
        .run();
    assert_eq!(
        lines(&report.stalled.unwrap()),
        [
            "the root waits for a shutdown event, the end of every task of a scope",
            "task egg waits for the end of task hen",
            "task hen waits for the end of task egg",
        ],
    );
}

#[test]
fn what_was_spawned_past_the_registry_is_named_by_its_number() {
    let mut owner = SimLoop::fifo();
    let ended = owner.run(async |sim| {
        let handle = sim.clone();
        sim.spawn(async {}).unwrap();
        sim.spawn(async move { handle.sleep(Duration::MAX).await.unwrap() }).unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(
        lines(&stalled(ended)),
        [
            "the root waits for a wake-up from elsewhere",
            "task (untracked 2) waits for a sleep that never ends",
        ],
    );
}

#[test]
fn a_lost_wake_up_is_called_so() {
    // A future that looks at an event, and never says how to be woken.
    async fn looks(event: ShutdownEvent) {
        std::future::poll_fn(|_| if event.is_set() { Poll::Ready(()) } else { Poll::Pending })
            .await;
    }
    let event = ShutdownEvent::new();
    let seen = event.clone();
    let report = Lifespan::on(SimLoop::new(0))
        .task("looks", async move |_cx| looks(seen.clone()).await)
        .serve(async move |cx| {
            cx.sleep(Duration::from_secs(1)).await;
            event.trigger().set(lifespan_core::Reason::Requested).unwrap();
            std::future::pending::<()>().await;
        })
        .run();
    let lost = "task looks waits for nothing: it ended when asked, so a wake-up was lost";
    assert_eq!(lines(&report.stalled.unwrap())[1], lost);
}

#[test]
fn a_task_that_panics_when_asked_does_not_spoil_the_list() {
    let mut owner = SimLoop::fifo();
    for _ in 0..2 {
        let ended = owner.run(async |sim| {
            let mut polls = 0;
            let panics = std::future::poll_fn(move |_| {
                polls += 1;
                if polls == 1 { Poll::<()>::Pending } else { panic!("asked again") }
            });
            sim.spawn(panics).unwrap();
            sim.spawn(std::future::pending()).unwrap();
            std::future::pending::<()>().await;
        });
        let lines = lines(&stalled(ended));
        assert!(lines[lines.len() - 2].contains("a wake-up was lost"), "{lines:?}");
        assert!(lines[lines.len() - 1].ends_with("waits for a wake-up from elsewhere"));
    }
}

#[test]
fn tasks_go_on_in_the_next_run_after_a_stall() {
    let log = Log::default();
    let event = ShutdownEvent::new();
    let mut owner = SimLoop::new(9);
    let (written, seen) = (log.clone(), event.clone());
    let ended = owner.run(async |sim| {
        let task = async move {
            seen.wait().await;
            written.add("set");
        };
        sim.spawn(task).unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(stalled(ended).waiting().len(), 2);
    // It is asked again, and says the same.
    let ended = owner.run(async |_sim| std::future::pending::<()>().await);
    assert_eq!(lines(&stalled(ended))[1], "task (untracked 1) waits for a shutdown event");
    owner
        .run(async |sim| {
            event.trigger().set(lifespan_core::Reason::Requested).unwrap();
            sim.sleep(Duration::ZERO).await.unwrap();
        })
        .unwrap();
    assert_eq!(log.take(), ["set"]);
}

#[test]
fn a_lifespan_that_nobody_can_stop_has_stalled() {
    let report = Lifespan::on(SimLoop::new(0)).task("done", async |_cx| {}).run();
    assert_eq!(lines(&report.stalled.unwrap()), ["the root waits for a shutdown event"]);
}
