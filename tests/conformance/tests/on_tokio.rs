//! The contract on tokio.

use lifespan_conformance::suite;
use lifespan_tokio::{TokioLocalLoop, TokioLoop};

suite!(tokio_current_thread: TokioLoop::current_thread(), blocking, no local);
suite!(tokio_multi_thread: TokioLoop::multi_thread(), blocking, no local);
suite!(tokio_local: TokioLocalLoop::new(), blocking, local, stands_still);
