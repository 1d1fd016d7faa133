//! Runs a test on each of the runtimes.

/// `on_loops!(test)`: a module of that name with one test for each runtime, given the owner.
macro_rules! on_loops {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[test]
            fn tokio() {
                super::$test(lifespan_tokio::TokioLoop::current_thread());
            }

            #[test]
            fn smol() {
                super::$test(lifespan_smol::SmolLoop::new());
            }

            #[test]
            fn async_executor() {
                let executor = std::sync::Arc::new(async_executor::Executor::new());
                super::$test(lifespan_async_executor::AsyncExecutorLoop::on(executor));
            }
        }
    )+};
}
