//! A task that blocks its thread: it is waited for, and it stops nobody else.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

use futures_lite::future::{pending, yield_now};
use lifespan_core::{BoxError, EventLoop, Lifespan, LoopOwner, Outcome, Timer};

use crate::support::{GUARD, Moment, NEVER, SHORT};

/// Long enough for another thread to take a task up, if there is one.
const MEET: Duration = Duration::from_millis(100);

/// While it blocks, the others end and are cancelled, if another thread can see to that; if none can, as
/// soon as it lets go.
pub fn it_stops_nobody_else<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let has_others = has_several_threads(&mut owner);
    let root = thread::current().id();
    let (ends, gone) = channel();
    let (in_polite, in_deaf) = (ends.clone(), OnDrop(ends));
    let (gate, go_on) = Moment::pair();
    let (keep, kept) = channel();
    let report = Lifespan::on(owner)
        .startup("component", async move |cx| {
            let blocks = cx.task("blocks").grace(NEVER).spawn(async move |cx| {
                gate.wait().await;
                let may_wait = has_others && leaves_the_root(root).await;
                cx.trigger().set("it blocks").unwrap();
                block_until_gone(&gone, may_wait);
            });
            keep.send(blocks.unwrap()).unwrap();
            let polite = cx.task("polite").spawn(async move |cx| {
                cx.shutdown().wait().await;
                let _ = in_polite.send("polite");
            });
            polite?.detach();
            let deaf = cx.task("deaf").grace(SHORT).spawn(async move |_cx| {
                let _deaf = in_deaf;
                pending::<()>().await;
            });
            deaf?.detach();
            Ok::<_, BoxError>(())
        })
        .serve(async move |cx| {
            go_on.come();
            cx.shutdown().wait().await;
        })
        .grace(NEVER)
        .deadline(GUARD * 2)
        .run();
    let blocks = kept.recv().unwrap().task_ref().outcome().unwrap();
    assert!(matches!(blocks, Outcome::Completed), "{blocks}");
    let polite = report.task("component/polite").unwrap();
    assert!(matches!(polite.outcome, Some(Outcome::Completed)), "{report}");
    let deaf = report.task("component/deaf").unwrap();
    assert!(matches!(deaf.outcome, Some(Outcome::Cancelled)) && deaf.overran, "{report}");
    assert!(report.stragglers.is_empty() && report.phases.stopping < GUARD, "{report}");
    assert_eq!(report.exit_code(), 6, "{report}");
}

/// Says that it is gone.
struct OnDrop(Sender<&'static str>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.send("deaf");
    }
}

/// Blocks until the others are gone, or not for long, if they cannot be before it lets go.
fn block_until_gone(gone: &Receiver<&'static str>, may_wait: bool) {
    let limit = if may_wait { GUARD } else { SHORT };
    let names = [(); 2].iter().map_while(|()| gone.recv_timeout(limit).ok());
    let mut names = names.collect::<Vec<_>>();
    if may_wait {
        names.sort_unstable();
        assert_eq!(names, ["deaf", "polite"], "the others wait for the blocked thread");
    }
}

/// Goes to another thread than that of the root, which sees to the stop. Tells whether it came there.
async fn leaves_the_root(root: ThreadId) -> bool {
    for _ in 0..100_000 {
        if thread::current().id() != root {
            return true;
        }
        yield_now().await;
    }
    false
}

/// Whether two tasks may block at one moment.
fn has_several_threads<O: LoopOwner<Handle: Timer>>(owner: &mut O) -> bool {
    let ran = owner.run(async |handle| {
        let ((left, to_left), (right, to_right)) = (meeting(), meeting());
        let met = [(left, to_right), (right, to_left)].map(|(mine, other)| {
            let (met, at_end) = (Moment::default(), Moment::default());
            let (meets, ends) = (met.clone(), at_end.on_drop());
            let spawned = handle.spawn(async move {
                let _ends = ends;
                let _ = other.send(());
                if mine.recv_timeout(MEET).is_ok() {
                    meets.come();
                }
            });
            assert!(spawned.is_ok(), "the loop runs");
            (met, at_end)
        });
        for (_, ended) in &met {
            ended.wait().await;
        }
        met.iter().all(|(met, _)| met.has_come())
    });
    ran.expect("the loop runs")
}

fn meeting() -> (Receiver<()>, Sender<()>) {
    let (sender, receiver) = channel();
    (receiver, sender)
}
