//! Other threads that act on one registry while it is in use: they cancel, look, remember, forget.

use std::sync::mpsc::channel;
use std::thread;

use futures_lite::future::{block_on, pending};
use lifespan_core::{Cx, LoopOwner, Outcome, TaskError, TaskRef, Timer};

use crate::support::{Moment, carry, handle_of, inside};

/// What is tracked, and carried by the bare loop, is cancelled in its poll: it goes no further.
pub fn cancel_what_is_tracked_while_it_is_polled<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    let handle = handle_of(&mut owner);
    inside(owner, async move |cx| {
        let (at_poll, polled) = channel();
        let (at_cancel, asked) = channel();
        let gone = Moment::default();
        let held = gone.on_drop();
        let tracked = cx.task("conn").track(async move {
            let _held = held;
            at_poll.send(()).unwrap();
            asked.recv().unwrap(); // still in this poll
            pending::<()>().await;
        });
        let tracked = tracked.unwrap();
        let task = tracked.task_ref().clone();
        let canceller = thread::spawn(move || {
            polled.recv().unwrap();
            let cancel = task.cancel();
            assert!(!gone.has_come(), "it is being polled");
            at_cancel.send(()).unwrap();
            assert!(matches!(block_on(cancel), Outcome::Cancelled));
            assert!(gone.has_come(), "the outcome was told before it was dropped");
        });
        assert!(matches!(carry(&handle, tracked).await, Err(TaskError::Cancelled)));
        canceller.join().unwrap();
        assert!(cx.tasks().is_empty());
    });
}

/// Two threads cancel those that match: each hears of all of its own, and nobody else's end.
pub fn cancel_those_that_match<O: LoopOwner<Handle: Timer>>(owner: O) {
    const TASKS: usize = 20;
    inside(owner, async |cx| {
        let threads = ["left", "right"].map(|side| {
            let (spawner, done) = (cx.spawner(), Moment::default());
            let at_end = done.on_drop();
            let thread = thread::spawn(move || {
                let _at_end = at_end;
                for _ in 0..20 {
                    let mine = (0..TASKS).map(|number| {
                        let task = spawner.task(format_args!("{side}-{number}"));
                        task.spawn(async |_cx| pending::<()>().await).unwrap().task_ref().id()
                    });
                    let mine = mine.collect::<Vec<_>>();
                    let is_mine = |task: &TaskRef| task.path().starts_with(side);
                    let ended = block_on(spawner.tasks().cancel_matching(is_mine));
                    assert!(ended.iter().all(|(_, it)| matches!(it, Outcome::Cancelled)));
                    let ended = ended.iter().map(|(task, _)| task.id()).collect::<Vec<_>>();
                    assert_eq!(ended, mine, "all of its own, in the order of their spawns");
                }
            });
            (done, thread)
        });
        for (done, thread) in threads {
            done.wait().await;
            thread.join().unwrap();
        }
        assert!(cx.tasks().is_empty());
    });
}

/// Two threads spawn and purge: of those that have ended so many are kept, and each goes once.
pub fn remember_and_forget<O: LoopOwner<Handle: Timer>>(owner: O) {
    const TASKS: usize = 500;
    const KEPT: usize = 8;
    inside(owner, async |cx| {
        cx.tasks().keep_finished(2 * TASKS);
        let purged = spawn_and_purge_on_two_threads(&cx, TASKS, |_| ()).await;
        assert_eq!(purged, 2 * TASKS, "none is forgotten otherwise, and none twice");
        cx.tasks().keep_finished(KEPT);
        let check = |kept| assert!(kept <= KEPT, "{kept} are kept");
        let purged = spawn_and_purge_on_two_threads(&cx, TASKS, check).await;
        assert!((KEPT..=2 * TASKS).contains(&purged), "{purged}");
    });
}

/// Returns how many were purged, with the rest at the end.
async fn spawn_and_purge_on_two_threads<L: Timer>(
    cx: &Cx<'_, L>,
    tasks: usize,
    check: fn(usize),
) -> usize {
    let threads = [(); 2].map(|()| {
        let (spawner, done) = (cx.spawner(), Moment::default());
        let at_end = done.on_drop();
        let thread = thread::spawn(move || {
            let _at_end = at_end;
            let mut purged = 0;
            for number in 0..tasks {
                block_on(spawner.spawn(async |_cx| ()).expect("the scope lives")).unwrap();
                let kept = spawner.tasks().finished();
                check(kept.len());
                assert!(kept.map(|task| task.outcome()).all(|it| it.is_some()));
                if number % 16 == 15 {
                    purged += spawner.tasks().purge();
                }
            }
            purged
        });
        (done, thread)
    });
    let mut purged = 0;
    for (done, thread) in threads {
        done.wait().await;
        purged += thread.join().unwrap();
    }
    purged + cx.tasks().purge()
}
