//! The contract on async-std.

use lifespan_async_std::AsyncStdLoop;
use lifespan_conformance::suite;

suite!(async_std: AsyncStdLoop::new(), blocking, no local, global);
