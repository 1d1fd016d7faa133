//! A library that depends on the core alone, called from every loop: one function is generic over
//! the loop, the other has no generics.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lifespan_async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan_async_std::AsyncStdLoop;
use lifespan_core::{Lifespan, LoopOwner, Timer};
use lifespan_sim::SimLoop;
use lifespan_smol::{SmolLocalLoop, SmolLoop};
use lifespan_tests_library::{Beats, count_down, heartbeat};
use lifespan_tokio::{TokioLocalLoop, TokioLoop};

/// Returns what the functions answer on this loop.
fn answers(owner: impl LoopOwner<Handle: Timer>) -> (Vec<u32>, bool) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let report = Lifespan::on(owner)
        .startup("heart", async |cx| drop(cx.state().insert(Beats::default())))
        .task("heart", async |cx| heartbeat(&cx, Duration::from_millis(1)).await)
        .serve(async move |cx| {
            let counted = count_down(&cx.erased(), 3, Duration::from_millis(1)).await;
            let in_task = cx.spawn(async |cx| count_down(&cx.erased(), 3, Duration::ZERO).await);
            assert_eq!(in_task.await.expect("it completes"), counted);
            sender.send(counted).expect("the test waits");
        })
        .shutdown("heart", async |cx| {
            let beats = cx.state().get::<Beats>().expect("it was inserted");
            assert!(beats.0.load(Ordering::Relaxed) > 0);
        })
        .run();
    (receiver.recv().expect("the foreground has ended"), report.is_clean())
}

#[test]
fn answers_the_same_on_every_loop() {
    let expected = (vec![3, 2, 1], true);
    assert_eq!(answers(TokioLoop::current_thread()), expected);
    assert_eq!(answers(TokioLoop::multi_thread()), expected);
    assert_eq!(answers(TokioLocalLoop::new()), expected);
    assert_eq!(answers(SmolLoop::new()), expected);
    assert_eq!(answers(SmolLoop::with_threads(3)), expected);
    assert_eq!(answers(SmolLocalLoop::new()), expected);
    assert_eq!(answers(AsyncStdLoop::new()), expected);
    assert_eq!(answers(AsyncExecutorLoop::on(Arc::default())), expected);
    assert_eq!(answers(AsyncExecutorLocalLoop::on(Rc::default())), expected);
    assert_eq!(answers(SimLoop::new(1)), expected);
}
