//! The flavours of loops that every behaviour runs on.

use std::rc::Rc;
use std::sync::Arc;

use async_executor::{Executor, LocalExecutor};
use lifespan::async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan::sim::SimLoop;
use lifespan::smol::SmolLoop;

pub(crate) fn async_executor() -> AsyncExecutorLoop {
    AsyncExecutorLoop::on(Arc::new(Executor::new()))
}

pub(crate) fn async_executor_drivers() -> AsyncExecutorLoop {
    async_executor().driver_threads(2)
}

pub(crate) fn async_executor_local() -> AsyncExecutorLocalLoop {
    AsyncExecutorLocalLoop::on(Rc::new(LocalExecutor::new()))
}

pub(crate) fn smol_threads() -> SmolLoop {
    SmolLoop::with_threads(3)
}

/// Some behaviours wait for a thread, which a simulator must be told.
pub(crate) fn sim() -> SimLoop {
    SimLoop::new(1).wait_for_threads()
}

/// Makes one `#[test]` of each behaviour for each flavour. A behaviour is a generic function over
/// the owner of a loop.
macro_rules! on_every_loop {
    ($($behaviour:ident),* $(,)?) => {
        on_every_loop!(@ sim, crate::loops::sim(), $($behaviour)*);
        on_every_loop!(@ tokio_current_thread, lifespan::tokio::TokioLoop::current_thread(), $($behaviour)*);
        on_every_loop!(@ tokio_multi_thread, lifespan::tokio::TokioLoop::multi_thread(), $($behaviour)*);
        on_every_loop!(@ tokio_local, lifespan::tokio::TokioLocalLoop::new(), $($behaviour)*);
        on_every_loop!(@ smol, lifespan::smol::SmolLoop::new(), $($behaviour)*);
        on_every_loop!(@ smol_local, lifespan::smol::SmolLocalLoop::new(), $($behaviour)*);
        on_every_loop!(@ async_std, lifespan::async_std::AsyncStdLoop::new(), $($behaviour)*);
        on_every_loop!(@ async_executor, crate::loops::async_executor(), $($behaviour)*);
        on_every_loop!(@ async_executor_drivers, crate::loops::async_executor_drivers(), $($behaviour)*);
        on_every_loop!(@ async_executor_local, crate::loops::async_executor_local(), $($behaviour)*);
        on_every_loop!(@ smol_threads, crate::loops::smol_threads(), $($behaviour)*);
    };
    (@ $flavour:ident, $owner:expr, $($behaviour:ident)*) => {
        mod $flavour {
            $(
                #[test]
                fn $behaviour() {
                    super::$behaviour($owner);
                }
            )*
        }
    };
}

/// As `on_every_loop!`, on those whose root and tasks are polled by one thread: nothing else happens
/// between two awaits.
macro_rules! on_every_loop_of_one_thread {
    ($($behaviour:ident),* $(,)?) => {
        on_every_loop!(@ sim, crate::loops::sim(), $($behaviour)*);
        on_every_loop!(@ tokio_current_thread, lifespan::tokio::TokioLoop::current_thread(), $($behaviour)*);
        on_every_loop!(@ tokio_local, lifespan::tokio::TokioLocalLoop::new(), $($behaviour)*);
        on_every_loop!(@ smol, lifespan::smol::SmolLoop::new(), $($behaviour)*);
        on_every_loop!(@ smol_local, lifespan::smol::SmolLocalLoop::new(), $($behaviour)*);
        on_every_loop!(@ async_executor, crate::loops::async_executor(), $($behaviour)*);
        on_every_loop!(@ async_executor_local, crate::loops::async_executor_local(), $($behaviour)*);
    };
}

/// As `on_every_loop!`, for behaviours over a function that makes owners: on each worker's thread one
/// of its own. Those of async-std are names of one loop, which all workers then share.
macro_rules! on_every_worker_loop {
    ($($behaviour:ident),* $(,)?) => {
        on_every_loop!(@ sim, crate::loops::sim, $($behaviour)*);
        on_every_loop!(@ tokio_current_thread, lifespan::tokio::TokioLoop::current_thread, $($behaviour)*);
        on_every_loop!(@ tokio_multi_thread, lifespan::tokio::TokioLoop::multi_thread, $($behaviour)*);
        on_every_loop!(@ tokio_local, lifespan::tokio::TokioLocalLoop::new, $($behaviour)*);
        on_every_loop!(@ smol, lifespan::smol::SmolLoop::new, $($behaviour)*);
        on_every_loop!(@ smol_threads, crate::loops::smol_threads, $($behaviour)*);
        on_every_loop!(@ smol_local, lifespan::smol::SmolLocalLoop::new, $($behaviour)*);
        on_every_loop!(@ async_std, lifespan::async_std::AsyncStdLoop::new, $($behaviour)*);
        on_every_loop!(@ async_executor, crate::loops::async_executor, $($behaviour)*);
        on_every_loop!(@ async_executor_drivers, crate::loops::async_executor_drivers, $($behaviour)*);
        on_every_loop!(@ async_executor_local, crate::loops::async_executor_local, $($behaviour)*);
    };
}
