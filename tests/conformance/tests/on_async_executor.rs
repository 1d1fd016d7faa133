//! The contract on a bare executor.

use std::rc::Rc;
use std::sync::Arc;

use lifespan_async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan_conformance::suite;

suite!(async_executor_shared: AsyncExecutorLoop::on(Arc::default()), blocking, no local, stands_still);
suite!(async_executor_drivers: AsyncExecutorLoop::on(Arc::default()).driver_threads(2), blocking, no local, stands_still);
suite!(async_executor_local: AsyncExecutorLocalLoop::on(Rc::default()), blocking, local, stands_still);
