//! Time: never early, valid for every duration, and forgotten when dropped.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_lite::future::{pending, poll_once, ready, yield_now, zip};
use lifespan_core::{LoopOwner, Timer, Waited};

use crate::support::{Moment, NEVER, SHORT, inside};

/// A sleep of no time ends.
pub fn zero_ends<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for _ in 0..100 {
            cx.sleep(Duration::ZERO).await;
        }
    });
}

/// A sleep never ends early, by the loop's own time.
pub fn a_sleep_is_never_early<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for micros in [1, 50, 999, 1_000, 1_001, 2_500, 7_000] {
            let duration = Duration::from_micros(micros);
            let before = cx.now();
            cx.sleep(duration).await;
            let passed = cx.now() - before;
            assert!(passed >= duration, "asked for {duration:?}, got {passed:?}");
        }
    });
}

/// The loop's time never goes back.
pub fn time_never_goes_back<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut last = cx.now();
        for _ in 0..50 {
            yield_now().await;
            let now = cx.now();
            assert!(now >= last);
            last = now;
            cx.sleep(Duration::from_micros(100)).await;
        }
    });
}

/// Every duration is valid, up to `Duration::MAX`: a time beyond the clock is never.
pub fn every_duration_is_valid<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let longest = [
            Duration::MAX,
            Duration::from_secs(u64::MAX),
            Duration::from_secs(i64::MAX as u64),
            Duration::from_millis(u64::MAX),
            Duration::from_nanos(u64::MAX),
            Duration::from_secs(u64::from(u32::MAX)),
        ];
        for duration in longest {
            let mut sleep = pin!(cx.sleep(duration));
            assert!(poll_once(sleep.as_mut()).await.is_none());
            // Others go on meanwhile, and it has not ended when they have.
            cx.sleep(Duration::from_millis(1)).await;
            assert!(poll_once(sleep).await.is_none(), "{duration:?} has passed");
            assert_eq!(cx.timeout(duration, ready(4)).await.unwrap(), 4);
        }
    });
}

/// A sleep that is dropped, polled or not, is forgotten; the loop's other timers are not.
pub fn a_dropped_sleep_is_forgotten<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut kept = pin!(cx.sleep(SHORT));
        assert!(poll_once(kept.as_mut()).await.is_none());
        for _ in 0..1_000 {
            drop(cx.sleep(NEVER));
            let mut polled = pin!(cx.sleep(NEVER));
            assert!(poll_once(polled.as_mut()).await.is_none());
        }
        kept.await;
    });
}

/// A sleep whose task is cancelled is forgotten with it.
pub fn a_cancelled_sleep_is_forgotten<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let sleepers = [(); 100].map(|()| cx.spawn(async |cx| cx.sleep(NEVER).await));
        cx.sleep(Duration::from_millis(1)).await;
        for sleeper in &sleepers {
            sleeper.cancel().await;
        }
        cx.sleep(Duration::from_millis(1)).await;
    });
}

/// Many sleeps end, each of them not early.
pub fn many_sleeps_all_end<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let sleepers = (0..1_000_u64).map(|number| {
            cx.spawn(async move |cx| {
                let duration = Duration::from_micros(number * 37 % 5_000);
                let before = cx.now();
                cx.sleep(duration).await;
                cx.now() - before >= duration
            })
        });
        for sleeper in sleepers.collect::<Vec<_>>() {
            assert!(sleeper.await.unwrap(), "a sleep ended early");
        }
    });
}

/// When the later of two sleeps has ended, so has the earlier.
pub fn the_earlier_ends_first<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        for (early, late) in [(1, 2), (1, 20), (2, 5)] {
            let mut early = pin!(cx.sleep(Duration::from_millis(early)));
            assert!(poll_once(early.as_mut()).await.is_none() || late < 20);
        }
        let mut early = pin!(cx.sleep(Duration::from_millis(2)));
        let mut late = pin!(cx.sleep(Duration::from_millis(6)));
        poll_fn(|context| {
            let late = late.as_mut().poll(context).is_ready();
            let early = early.as_mut().poll(context).is_ready();
            assert!(early || !late, "the later sleep ended first");
            if early { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}

/// Two sleeps in one task each wake it.
pub fn two_sleeps_in_one_task_both_end<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let task = cx.spawn(async |cx| {
            let long = cx.sleep(Duration::from_millis(4));
            zip(long, cx.sleep(Duration::from_millis(1))).await;
        });
        task.await
    });
}

/// A timeout that is long enough gives the output.
pub fn a_timeout_gives_the_output<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let slept = async {
            cx.sleep(Duration::from_millis(1)).await;
            "slept"
        };
        assert_eq!(cx.timeout(NEVER, slept).await, Ok("slept"));
    });
}

/// A timeout that is too short says so, and drops the future.
pub fn a_timeout_drops_what_is_late<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let gone = Moment::default();
        let held = gone.on_drop();
        let late = async move {
            let _held = held;
            pending::<()>().await;
        };
        let before = cx.now();
        let elapsed = cx.timeout(SHORT, late).await.unwrap_err();
        assert!(gone.has_come() && cx.now() - before >= SHORT);
        assert!(elapsed.to_string().contains("10ms"), "{elapsed}");
    });
}

/// A timeout of no time: a future that is ready wins the tie, another loses.
pub fn a_future_that_is_ready_wins_the_tie<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        assert_eq!(cx.timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert!(cx.timeout(Duration::ZERO, pending::<()>()).await.is_err());
        // Both are due at the same wake-up.
        let start = cx.now();
        let due = poll_fn(
            |_context| {
                if cx.now() >= start + SHORT { Poll::Ready(2) } else { Poll::Pending }
            },
        );
        assert_eq!(cx.timeout(SHORT, due).await, Ok(2));
    });
}

/// Timeouts nest: the shorter one ends first, wherever it stands.
pub fn timeouts_nest<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let inner_is_shorter = cx.timeout(NEVER, cx.timeout(SHORT, pending::<()>())).await;
        assert!(matches!(inner_is_shorter, Ok(Err(_))));
        let outer_is_shorter = cx.timeout(SHORT, cx.timeout(NEVER, pending::<()>())).await;
        assert!(outer_is_shorter.is_err());
    });
}

/// An interval ticks at once, and then not before each period is over.
pub fn an_interval_ticks_at_once<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut never = cx.interval(Duration::MAX);
        never.tick().await;
        assert!(poll_once(never.tick()).await.is_none(), "the second is a period away");
        let begin = cx.now();
        let mut interval = cx.interval(Duration::from_millis(2));
        for ticks in 0..5 {
            interval.tick().await;
            assert!(cx.now() - begin >= Duration::from_millis(2) * ticks);
        }
    });
}

/// An interval skips the ticks that were missed.
pub fn an_interval_skips_what_was_missed<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let period = Duration::from_millis(2);
        let begin = cx.now();
        let mut interval = cx.interval(period);
        interval.tick().await;
        cx.sleep(period * 10).await;
        interval.tick().await; // the one that is due
        interval.tick().await;
        assert!(cx.now() - begin >= period * 11, "a missed tick was made up for");
    });
}

/// An interval of no time ticks whenever asked; a tick given up is still due.
pub fn an_interval_of_no_time_ticks<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut interval = cx.interval(Duration::ZERO);
        for _ in 0..100 {
            interval.tick().await;
        }
        let mut interval = cx.interval(SHORT);
        interval.tick().await;
        assert!(cx.timeout(Duration::ZERO, interval.tick()).await.is_err());
        interval.tick().await;
    });
}

/// Waiting for the event with a limit tells which came; the event wins a tie.
pub fn a_wait_with_a_limit_tells_which_came<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let waited = Moment::default();
        let at_wait = waited.clone();
        let task = cx.spawn(async move |cx| {
            assert_eq!(cx.wait_timeout(Duration::ZERO).await, Waited::Elapsed);
            assert_eq!(cx.wait_timeout(Duration::from_millis(1)).await, Waited::Elapsed);
            at_wait.come();
            assert_eq!(cx.wait_timeout(Duration::MAX).await, Waited::Set);
            assert_eq!(cx.wait_timeout(Duration::ZERO).await, Waited::Set);
        });
        waited.wait().await;
        task.stop();
        task.await
    });
}

/// A loop of sleeps of no time starves nobody.
pub fn a_sleep_of_no_time_lets_the_loop_turn<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let turned = Moment::default();
        let at_turn = turned.clone();
        cx.spawn(async move |_cx| at_turn.come()).detach();
        while !turned.has_come() {
            cx.sleep(Duration::ZERO).await;
        }
    });
}

/// A sleep that has begun goes on while the loop stands still between two runs.
pub fn a_sleep_survives_to_the_next_run<O: LoopOwner<Handle: Timer>>(mut owner: O) {
    use lifespan_core::EventLoop;
    let ended = Moment::default();
    let at_end = ended.clone();
    let first = owner.run(async |handle| {
        let (polled, mine) = (Moment::default(), handle.clone());
        let at_poll = polled.clone();
        let spawned = handle.spawn(async move {
            at_poll.come();
            mine.sleep(SHORT).await.expect("the loop runs");
            at_end.come();
        });
        assert!(spawned.is_ok(), "the loop runs");
        polled.wait().await;
    });
    first.expect("the loop runs");
    owner.run(async |_handle| ended.wait().await).expect("an owner runs again");
}
