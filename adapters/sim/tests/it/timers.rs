//! Timers: zero, never, dropped, many, in order.

use std::time::{Duration, Instant};

use futures_lite::future::poll_once;
use lifespan_core::{Closed, EventLoop, LoopOwner, RunError, Timer};
use lifespan_sim::SimLoop;

use crate::log::Log;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_sleep_of_zero_lets_all_that_is_ready_have_its_turn() {
    for seed in 0..100 {
        let log = Log::default();
        let spawned = log.clone();
        let mut owner = SimLoop::new(seed);
        let passed = owner.run(async |sim| {
            for number in 0..5 {
                let log = spawned.clone();
                let task = async move {
                    futures_lite::future::yield_now().await;
                    log.add(number.to_string());
                };
                sim.spawn(task).unwrap();
            }
            sim.sleep(Duration::ZERO).await.unwrap();
            sim.elapsed()
        });
        assert_eq!(passed.unwrap(), Duration::ZERO);
        assert_eq!(log.take().len(), 5);
    }
}

#[test]
fn a_sleep_of_max_never_ends() {
    for never in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)] {
        let mut owner = SimLoop::fifo();
        let error = owner.run(async |sim| sim.sleep(never).await).unwrap_err();
        let RunError::Stalled(stalled) = error else { panic!("{error}") };
        assert_eq!(stalled.waiting()[0].on, ["a sleep that never ends"]);
        assert_eq!(owner.elapsed(), Duration::ZERO);
    }
}

#[test]
fn a_dropped_sleep_does_not_move_the_time() {
    let mut owner = SimLoop::fifo().traced();
    owner
        .run(async |sim| {
            let mut long = Box::pin(sim.sleep(SECOND * 100));
            assert!(poll_once(&mut long).await.is_none());
            sim.sleep(SECOND).await.unwrap();
            drop(long);
            sim.sleep(SECOND).await.unwrap();
        })
        .unwrap();
    assert_eq!(owner.elapsed(), SECOND * 2);
    let text = owner.trace().to_string();
    assert!(text.contains("timer 2 fired") && !text.contains("timer 1 fired"), "{text}");
    // Nothing of it is left for the next run.
    assert!(matches!(
        owner.run(async |_sim| std::future::pending::<()>().await),
        Err(RunError::Stalled(_))
    ));
    assert_eq!(owner.elapsed(), SECOND * 2);
}

#[test]
fn timers_fire_in_the_order_of_their_due_times_whatever_the_seed() {
    for seed in 0..50 {
        let log = Log::default();
        let written = log.clone();
        let mut owner = SimLoop::new(seed);
        owner
            .run(async |sim| {
                for step in [7, 3, 9, 1, 5] {
                    let (handle, log) = (sim.clone(), written.clone());
                    let sleep = sim.sleep(SECOND * step);
                    let task = async move {
                        sleep.await.unwrap();
                        log.add(format!("{} {:?}", step, handle.elapsed()));
                    };
                    sim.spawn(task).unwrap();
                }
                sim.sleep(SECOND * 10).await.unwrap();
            })
            .unwrap();
        assert_eq!(log.take(), ["1 1s", "3 3s", "5 5s", "7 7s", "9 9s"]);
    }
}

#[test]
fn timers_of_one_instant_fire_in_the_order_of_their_making() {
    let log = Log::default();
    let written = log.clone();
    let mut owner = SimLoop::fifo();
    owner
        .run(async |sim| {
            // Made in one order, and waited for first in the other.
            let sleeps = (0..5).map(|number| (number, sim.sleep(SECOND))).collect::<Vec<_>>();
            for (number, sleep) in sleeps.into_iter().rev() {
                let log = written.clone();
                let task = async move {
                    sleep.await.unwrap();
                    log.add(number.to_string());
                };
                sim.spawn(task).unwrap();
            }
            sim.sleep(SECOND).await.unwrap();
            sim.sleep(Duration::ZERO).await.unwrap();
        })
        .unwrap();
    assert_eq!(log.take(), ["0", "1", "2", "3", "4"]);
}

#[test]
fn a_sleep_that_is_polled_late_is_over() {
    let mut owner = SimLoop::fifo();
    owner
        .run(async |sim| {
            let late = sim.sleep(SECOND);
            sim.sleep(SECOND * 2).await.unwrap();
            assert!(poll_once(late).await.is_some());
        })
        .unwrap();
    assert_eq!(owner.elapsed(), SECOND * 2);
}

#[test]
fn many_timers_end_at_their_own_time() {
    let real = Instant::now();
    let mut owner = SimLoop::new(4);
    let log = Log::default();
    let written = log.clone();
    owner
        .run(async |sim| {
            for number in 0..20_000_u32 {
                let (handle, log) = (sim.clone(), written.clone());
                let due = Duration::from_micros(u64::from(number * 7919 % 20_000));
                let task = async move {
                    handle.sleep(due).await.unwrap();
                    if handle.elapsed() != due {
                        log.add(format!("{due:?} at {:?}", handle.elapsed()));
                    }
                };
                sim.spawn(task).unwrap();
            }
            sim.sleep(SECOND).await.unwrap();
        })
        .unwrap();
    assert!(log.take().is_empty());
    assert!(real.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_sleep_whose_loop_has_ended_says_so() {
    let mut owner = SimLoop::fifo();
    let mut begun = Box::pin(owner.handle().sleep(SECOND));
    owner.run(async |_sim| assert!(poll_once(&mut begun).await.is_none())).unwrap();
    let never = owner.handle().sleep(Duration::MAX);
    // Waits on another thread, in real time, until it is told.
    let waiting = std::thread::spawn(move || futures_lite::future::block_on(begun));
    drop(owner);
    assert_eq!(waiting.join().unwrap(), Err(Closed::new(())));
    assert_eq!(futures_lite::future::block_on(never), Err(Closed::new(())));
}
