//! A lifespan inside a loop that somebody else owns and drives, on each adapter that has such loops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::{self, FutureExt};
use lifespan::async_executor::{AsyncExecutor, AsyncExecutorLocal};
use lifespan::async_std::AsyncStd;
use lifespan::smol::Smol;
use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Lifespan, Outcome, Reason, Timer, Workers};

use crate::log::Log;

/// One behaviour on every loop that somebody else drives: as `#[tokio::main]` would, and so on.
macro_rules! on_every_foreign_loop {
    ($($behaviour:ident),* $(,)?) => {$(
        mod $behaviour {
            use super::*;

            #[test]
            fn tokio_current_thread() {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = runtime.enable_all().build().unwrap();
                runtime.block_on(async { super::$behaviour(Tokio::current().unwrap()).await });
            }

            #[test]
            fn tokio_multi_thread() {
                let mut runtime = tokio::runtime::Builder::new_multi_thread();
                let runtime = runtime.enable_all().build().unwrap();
                runtime.block_on(async { super::$behaviour(Tokio::current().unwrap()).await });
            }

            #[test]
            fn smol_global() {
                futures_lite::future::block_on(super::$behaviour(Smol::global()));
            }

            #[test]
            fn async_std_global() {
                futures_lite::future::block_on(super::$behaviour(AsyncStd::global()));
            }

            #[test]
            fn async_executor() {
                let executor = Arc::new(Executor::new());
                let handle = AsyncExecutor::of(&executor);
                future::block_on(executor.run(super::$behaviour(handle)));
            }

            #[test]
            fn async_executor_local() {
                let executor = std::rc::Rc::new(LocalExecutor::new());
                let attachment = AsyncExecutorLocal::attach(&executor);
                future::block_on(executor.run(super::$behaviour(attachment.handle())));
            }
        }
    )*};
}

on_every_foreign_loop!(
    its_future_ends_with_the_report,
    dropping_its_future_cancels_what_it_started,
    a_second_one_beside_it_has_its_own_names_and_state,
);

async fn its_future_ends_with_the_report<L: Timer>(handle: L) {
    let log = Log::default();
    let (up, down, task) = (log.clone(), log.clone(), log.clone());
    let report = Lifespan::attach(handle)
        .startup("db", async move |_cx| up.add("up"))
        .shutdown("db", async move |_cx| down.add("down"))
        .task("ticker", async move |cx| {
            cx.sleep(Duration::from_millis(1)).await;
            cx.trigger().set("enough").unwrap();
            cx.shutdown().wait().await;
            task.add("stopped");
        })
        .run()
        .await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.reason, Reason::from("enough"));
    assert_eq!(log, ["up", "stopped", "down"].as_slice());
}

async fn dropping_its_future_cancels_what_it_started<L: Timer>(handle: L) {
    let dropped = Arc::new(AtomicBool::new(false));
    let guard = SetOnDrop(Arc::clone(&dropped));
    let (send, receive) = std::sync::mpsc::channel();
    let lifespan = Lifespan::attach(handle).serve(async move |cx| {
        let task = cx.task("endless").spawn(async move |_cx| {
            let _guard = guard;
            future::pending::<()>().await;
        });
        send.send((task?.task_ref().clone(), cx.lifespan_event().clone())).unwrap();
        future::pending::<()>().await;
        Ok::<_, lifespan::BoxError>(())
    });
    let mut running = Box::pin(lifespan.run());
    let (task, event) = loop {
        assert!(future::poll_once(&mut running).await.is_none());
        if let Ok(started) = receive.try_recv() {
            break started;
        }
        future::yield_now().await;
    };
    drop(running);
    assert!(event.is_set());
    assert!(matches!(task.finished().await, Outcome::Cancelled));
    assert!(dropped.load(Ordering::SeqCst));
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

async fn a_second_one_beside_it_has_its_own_names_and_state<L: Timer>(handle: L) {
    let one = |number: u32| {
        Lifespan::attach(handle.clone())
            .startup("state", async move |cx| drop(cx.state().insert(number)))
            .task("same name", async move |cx| {
                cx.sleep(Duration::from_millis(1)).await;
                assert_eq!(cx.state().get::<u32>().as_deref(), Some(&number));
            })
            .until_idle()
            .run()
    };
    let (first, second) = future::zip(one(1), one(2)).await;
    assert!(first.is_clean() && second.is_clean(), "{first}{second}");
}

#[test]
fn outside_of_a_runtime_there_is_none_to_attach_to() {
    let error = Tokio::current().unwrap_err();
    assert!(error.to_string().contains("no tokio loop is running here"), "{error}");
}

#[test]
fn a_blocking_run_inside_a_foreign_loop_is_refused() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    runtime.block_on(async {
        let report = Lifespan::on(TokioLoop::current_thread()).run();
        assert!(report.to_string().contains("this thread is running an event loop"), "{report}");
        let report = Workers::new(2, |_worker| Lifespan::on(TokioLoop::current_thread())).run();
        assert!(report.to_string().contains("this thread is running an event loop"), "{report}");
        let attached = Lifespan::attach(Tokio::current().unwrap()).serve(async |_cx| {
            let report = Lifespan::on(lifespan::smol::SmolLoop::new()).run();
            assert_eq!(report.exit_code(), 3);
        });
        let both = attached.run().or(future::pending());
        assert!(both.await.is_clean());
    });
}
