//! No loop runs inside a running one, whichever they are: a typed error, no panic and no hang.

use lifespan::async_std::AsyncStdLoop;
use lifespan::sim::SimLoop;
use lifespan::smol::{SmolLocalLoop, SmolLoop};
use lifespan::tokio::{TokioLocalLoop, TokioLoop};
use lifespan::{
    Foreground, Lifespan, LoopOwner, RunError, ShutdownEvent, StartError, Timer, Workers,
};

on_every_loop!(
    no_loop_runs_inside,
    no_loop_runs_inside_a_task,
    the_blocking_forms_refuse,
    owners_may_be_dropped_inside,
);

/// What any loop answers to who asks for it inside another.
fn is_refused<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let error = owner.run(async |_handle| ()).unwrap_err();
    assert!(matches!(error, RunError::InsideLoop(_)), "{error}");
    let report = Lifespan::on(owner).serve(async |_cx| {}).run();
    let error = report.start_error.unwrap();
    assert!(matches!(error, StartError::Run(RunError::InsideLoop(_))), "{error}");
    assert!(error.to_string().contains("this thread is running an event loop"), "{error}");
}

fn every_loop_is_refused() {
    is_refused(TokioLoop::current_thread());
    is_refused(TokioLoop::multi_thread());
    is_refused(TokioLocalLoop::new());
    is_refused(SmolLoop::new());
    is_refused(SmolLoop::with_threads(2));
    is_refused(SmolLocalLoop::new());
    is_refused(AsyncStdLoop::new());
    is_refused(crate::loops::async_executor());
    is_refused(crate::loops::async_executor_local());
    is_refused(SimLoop::fifo());
    let foreground = Foreground::on(SmolLoop::new()).map(drop);
    assert!(matches!(foreground, Err(RunError::InsideLoop(_))), "{foreground:?}");
    let workers = Workers::new(2, |_worker| Lifespan::on(SmolLoop::new())).run();
    let error = workers.start_error.unwrap();
    assert!(matches!(error, StartError::Run(RunError::InsideLoop(_))), "{error}");
}

fn no_loop_runs_inside<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner).serve(async |_cx| every_loop_is_refused()).run();
    assert!(report.is_clean(), "{report}");
}

fn no_loop_runs_inside_a_task<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report =
        Lifespan::on(owner).task("refused", async |_cx| every_loop_is_refused()).until_idle().run();
    assert!(report.is_clean(), "{report}");
}

fn the_blocking_forms_refuse<O: LoopOwner<Handle: Timer>>(owner: O) {
    let report = Lifespan::on(owner)
        .task("refused", async |_cx| {
            let event = ShutdownEvent::new();
            assert!(event.wait_blocking().is_err());
            assert!(event.wait_blocking_timeout(std::time::Duration::ZERO).is_err());
        })
        .until_idle()
        .run();
    assert!(report.is_clean(), "{report}");
}

/// Made, run and left with a live task outside; dropped inside a task, which must not be blocked.
fn owners_may_be_dropped_inside<O: LoopOwner<Handle: Timer>>(owner: O) {
    fn lived<O: LoopOwner<Handle: Timer>>(mut owner: O) -> (O, ShutdownEvent) {
        use lifespan::EventLoop;
        let gone = ShutdownEvent::new();
        let guard = gone.drop_guard();
        let ran = owner.run(async move |handle| {
            let spawned = handle.spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            spawned.unwrap();
        });
        ran.unwrap();
        (owner, gone)
    }
    let (current, current_gone) = lived(TokioLoop::current_thread());
    let (several, several_gone) = lived(TokioLoop::multi_thread());
    let (smol, smol_gone) = lived(SmolLoop::with_threads(2));
    let (executor, executor_gone) = lived(crate::loops::async_executor());
    let report = Lifespan::on(owner)
        .serve(async move |cx| {
            let dropped = cx.spawn(async move |_cx| drop((current, several, smol, executor)));
            dropped.await.unwrap();
        })
        .run();
    assert!(report.is_clean(), "{report}");
    for gone in [current_gone, several_gone, smol_gone, executor_gone] {
        gone.wait_blocking().unwrap();
    }
}
