//! Virtual time: exact, and for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lifespan_core::{Lifespan, LoopOwner, Timer};
use lifespan_sim::SimLoop;

/// Far more than any of this takes, far less than the virtual time.
const REAL: Duration = Duration::from_secs(20);

#[test]
fn an_hour_of_ticks_is_exact_and_takes_no_time() {
    let real = Instant::now();
    let ticks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&ticks);
    let report = Lifespan::on(SimLoop::new(1))
        .task("ticker", async move |cx| {
            let began = cx.now();
            let mut interval = cx.interval(Duration::from_secs(1));
            loop {
                interval.tick().await;
                let tick = counted.fetch_add(1, Ordering::Relaxed);
                assert_eq!(cx.now() - began, Duration::from_secs(tick.into()));
            }
        })
        .grace(Duration::ZERO)
        .serve(async |cx| cx.sleep(Duration::from_millis(3_599_999)).await)
        .run();
    assert_eq!(ticks.load(Ordering::Relaxed), 3600);
    assert_eq!(report.phases.serving, Duration::from_millis(3_599_999));
    assert_eq!(report.phases.starting, Duration::ZERO);
    assert!(real.elapsed() < REAL);
}

#[test]
fn a_century_passes_as_fast_as_a_second() {
    let real = Instant::now();
    let century = Duration::from_secs(100 * 365 * 24 * 3600);
    let mut owner = SimLoop::fifo();
    owner.run(async |sim| sim.sleep(century).await).unwrap().unwrap();
    assert_eq!(owner.elapsed(), century);
    assert!(real.elapsed() < REAL);
}

#[test]
fn time_stands_still_while_something_is_ready() {
    let mut owner = SimLoop::new(3);
    let passed = owner.run(async |sim| {
        let began = sim.now();
        for _ in 0..1000 {
            futures_lite::future::yield_now().await;
        }
        sim.now() - began
    });
    assert_eq!(passed.unwrap(), Duration::ZERO);
}

#[test]
fn a_handle_knows_the_time_after_the_end_of_its_loop() {
    let mut owner = SimLoop::fifo();
    let sim = owner.handle();
    let began = sim.now();
    owner.run(async |sim| sim.sleep(Duration::from_secs(5)).await).unwrap().unwrap();
    drop(owner);
    assert_eq!(sim.now() - began, Duration::from_secs(5));
    assert_eq!(sim.elapsed(), Duration::from_secs(5));
}
