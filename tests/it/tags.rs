//! Tags: two loops of one runtime, told apart by type, and one running loop to a tag.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use lifespan::async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan::sim::SimLoop;
use lifespan::smol::{SmolLocalLoop, SmolLoop};
use lifespan::tokio::{TokioLocalLoop, TokioLoop};
use lifespan::{EventLoop, Lifespan, LoopOwner, RunError, StartError, Timer, tag};

/// One `#[test]` of each behaviour for each owner that takes a tag. Each has a tag of its own: tests
/// run at once.
macro_rules! on_every_tagged_loop {
    ($($behaviour:ident),* $(,)?) => {
        on_every_tagged_loop!(@ tokio_current_thread, TokioLoop::current_thread(), $($behaviour)*);
        on_every_tagged_loop!(@ tokio_multi_thread, TokioLoop::multi_thread(), $($behaviour)*);
        on_every_tagged_loop!(@ tokio_local, TokioLocalLoop::new(), $($behaviour)*);
        on_every_tagged_loop!(@ smol, SmolLoop::new(), $($behaviour)*);
        on_every_tagged_loop!(@ smol_local, SmolLocalLoop::new(), $($behaviour)*);
        on_every_tagged_loop!(@ async_executor, AsyncExecutorLoop::on(Arc::default()), $($behaviour)*);
        on_every_tagged_loop!(@ async_executor_local, AsyncExecutorLocalLoop::on(Rc::default()), $($behaviour)*);
        on_every_tagged_loop!(@ sim, SimLoop::new(1), $($behaviour)*);
    };
    (@ $flavour:ident, $owner:expr, $($behaviour:ident)*) => {
        mod $flavour {
            $(
                #[test]
                fn $behaviour() {
                    use super::*;
                    tag!(struct Mine;);
                    super::$behaviour(|| $owner.tag::<Mine>());
                }
            )*
        }
    };
}

on_every_tagged_loop!(
    a_second_loop_is_refused_while_the_first_runs,
    a_tag_is_free_again_after_the_run,
    a_tagged_loop_does_what_any_does,
);

fn a_second_loop_is_refused_while_the_first_runs<O>(make: impl Fn() -> O + Copy + Send + 'static)
where
    O: LoopOwner<Handle: Timer>,
{
    let report = Lifespan::on(make())
        .serve(async move |cx| {
            let other = move || Lifespan::on(make()).serve(async |_cx| {}).run();
            let report = thread::spawn(other).join().unwrap();
            let Some(StartError::Run(RunError::TagTaken(taken))) = &report.start_error else {
                panic!("it took the tag of a loop that runs: {report}");
            };
            assert_eq!((taken.tag, taken.by), ("Mine", cx.loop_id()));
            let text = report.to_string();
            assert!(text.contains("the tag `Mine` belongs to"), "{text}");
            assert_eq!(report.exit_code(), 3);
        })
        .run();
    assert!(report.is_clean(), "{report}");
}

fn a_tag_is_free_again_after_the_run<O>(make: impl Fn() -> O + Copy + Send + 'static)
where
    O: LoopOwner<Handle: Timer>,
{
    let mut first = make();
    for _ in 0..2 {
        assert!(Lifespan::on(&mut first).serve(async |_cx| {}).run().is_clean());
        assert!(Lifespan::on(make()).serve(async |_cx| {}).run().is_clean());
    }
    let panics = || first.run(async |_handle| panic!("in the root"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
    assert!(panicked.is_err());
    assert!(Lifespan::on(make()).serve(async |_cx| {}).run().is_clean());
}

fn a_tagged_loop_does_what_any_does<O>(make: impl Fn() -> O + Copy + Send + 'static)
where
    O: LoopOwner<Handle: Timer>,
{
    let (tell, told) = channel();
    let report = Lifespan::on(make())
        .task("named", async |cx| cx.shutdown().wait().await)
        .serve(async move |cx| {
            let bound = cx.bind(7);
            cx.sleep(std::time::Duration::from_millis(1)).await;
            let doubled = cx.spawn(async move |cx| bound.get(&cx).map(|seven| seven * 2)).await;
            tell.send((doubled.unwrap(), <O::Handle as EventLoop>::NAME)).unwrap();
        })
        .run();
    assert!(report.is_clean(), "{report}");
    assert_eq!(told.recv().unwrap().0, 14);
}
