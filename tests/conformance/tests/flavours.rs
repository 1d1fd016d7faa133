//! The contract on every loop that we have an adapter for.

use std::rc::Rc;
use std::sync::Arc;

use lifespan_async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan_async_std::AsyncStdLoop;
use lifespan_conformance::suite;
use lifespan_sim::SimLoop;
use lifespan_smol::{SmolLocalLoop, SmolLoop};
use lifespan_tokio::{TokioLocalLoop, TokioLoop};

suite!(tokio_current_thread: TokioLoop::current_thread(), blocking, no local);
suite!(tokio_multi_thread: TokioLoop::multi_thread(), blocking, no local);
suite!(tokio_local: TokioLocalLoop::new(), blocking, local, stands_still);
suite!(smol: SmolLoop::new(), blocking, no local, stands_still);
suite!(smol_threads: SmolLoop::with_threads(3), blocking, no local, stands_still);
suite!(smol_local: SmolLocalLoop::new(), blocking, local, stands_still);
suite!(async_std: AsyncStdLoop::new(), blocking, no local, global);
suite!(async_executor_shared: AsyncExecutorLoop::on(Arc::default()), blocking, no local, stands_still);
suite!(async_executor_drivers: AsyncExecutorLoop::on(Arc::default()).driver_threads(2), blocking, no local, stands_still);
suite!(async_executor_local: AsyncExecutorLocalLoop::on(Rc::default()), blocking, local, stands_still);
suite!(sim_fifo: SimLoop::fifo(), threads on SimLoop::fifo().wait_for_threads(), blocking, local, stands_still);
suite!(sim: SimLoop::new(1), threads on SimLoop::new(1).wait_for_threads(), blocking, local, stands_still);
suite!(sim_again: SimLoop::new(2), threads on SimLoop::new(2).wait_for_threads(), blocking, local, stands_still);
