//! A lifespan that is attached to a loop which is not there: it says so, and waits for nothing.

use std::future::Future;
use std::pin::Pin;

use lifespan_core::{
    Cx, EventLoop, Lifespan, LoopOwner, Reason, Report, ShutdownEvent, StartError, TaskError, Timer,
};

use crate::support::{Moment, NEVER, SHORT};

/// On a loop that nobody drives nothing starts, and the report names the loop. One that has threads
/// of its own needs nobody.
pub fn a_loop_that_nobody_drives_is_named<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = owner.run(async |handle| handle.clone()).expect("the loop runs");
    let (turned, event) = (Moment::default(), ShutdownEvent::new());
    let at_turn = turned.clone();
    let lifespan = Lifespan::attach(handle.clone())
        .event(event.clone())
        .start_timeout(SHORT)
        .task("never", async |cx| cx.sleep(NEVER).await)
        .serve(async move |cx| {
            let _ = cx.spawn(async move |_cx| at_turn.come()).await;
        });
    let report = futures_lite::future::block_on(lifespan.run());
    assert!(event.is_set(), "whoever waits for the event hears of it");
    if turned.has_come() {
        assert!(report.start_error.is_none(), "{report}");
        return;
    }
    let text = report.to_string();
    assert!(
        matches!(report.start_error, Some(StartError::NotDriven { loop_id, adapter, .. })
            if loop_id == handle.id() && adapter == handle.name()),
        "{text}"
    );
    assert!(report.exit_code() == 3 && text.contains("nobody drives it"), "{text}");
}

/// On a loop that is driven, and only later, a lifespan that was told to wait starts.
pub fn a_loop_that_is_driven_later_is_waited_for<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = owner.run(async |handle| handle.clone()).expect("the loop runs");
    let mut lifespan = Box::pin(Lifespan::attach(handle).serve(async |_cx| {}).run());
    // A first look while nobody drives: it may have to wait.
    let first = crate::support::ready(futures_lite::future::poll_once(&mut lifespan));
    let report = match first {
        Some(report) => report,
        None => owner.run(async move |_handle| lifespan.await).expect("the loop runs"),
    };
    assert!(report.is_clean(), "{report}");
}

/// On a loop that has ended nothing starts, and the report names the loop.
pub fn a_loop_that_has_ended_is_named<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = owner.run(async |handle| handle.clone()).expect("the loop runs");
    let id = handle.id();
    drop(owner);
    let lifespan = Lifespan::attach(handle).serve(async |cx| cx.sleep(NEVER).await);
    let report = futures_lite::future::block_on(lifespan.run());
    assert!(
        matches!(report.start_error, Some(StartError::LoopEnded { loop_id, .. }) if loop_id == id),
        "{report}"
    );
}

/// When its loop ends meanwhile, the lifespan ends, and says why.
pub fn a_loop_that_ends_meanwhile_ends_the_lifespan<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (tasks, tell) = std::sync::mpsc::channel();
    let (begun, at_begin) = Moment::pair();
    let standing = owner.run(async move |handle| {
        let lifespan = Lifespan::attach(handle.clone()).serve(async move |cx| {
            let live = async move |cx: Cx<'_, O::Handle>| {
                at_begin.come();
                cx.sleep(NEVER).await;
            };
            tasks.send(cx.spawn(live)).unwrap();
            cx.sleep(NEVER).await;
        });
        let mut lifespan: Pin<Box<dyn Future<Output = Report>>> = Box::pin(lifespan.run());
        let serves = async {
            begun.wait().await;
            None
        };
        let ended = futures_lite::future::or(async { Some((&mut lifespan).await) }, serves).await;
        assert!(ended.is_none(), "{ended:?}");
        (lifespan,)
    });
    let (lifespan,) = standing.expect("the loop runs");
    drop(owner);
    let report = futures_lite::future::block_on(lifespan);
    assert!(report.loop_ended && report.reason == Reason::LoopClosed, "{report}");
    assert_eq!(report.exit_code(), 6, "{report}");
    let task = tell.recv().unwrap();
    assert!(matches!(futures_lite::future::block_on(task), Err(TaskError::LoopClosed)));
}

/// A timer whose loop has ended says so, begun or not: it neither panics nor waits for ever.
pub fn a_timer_says_that_its_loop_has_ended<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let (handle, begun) = owner
        .run(async |handle| {
            let mut begun = Box::pin(handle.sleep(SHORT));
            let _ = futures_lite::future::poll_once(&mut begun).await;
            (handle.clone(), begun)
        })
        .expect("the loop runs");
    let made_before = handle.sleep(NEVER);
    drop(owner);
    for sleep in [Box::pin(made_before), begun, Box::pin(handle.sleep(NEVER))] {
        assert!(futures_lite::future::block_on(sleep).is_err());
    }
}
