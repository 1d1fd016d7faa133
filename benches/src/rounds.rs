//! Interleaved rounds of several contenders: times and allocations, their medians, their ratios.

use std::time::{Duration, Instant};

use crate::ALLOCATOR;

#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) tasks: u32,
    pub(crate) rounds: usize,
}

/// What was measured of each contender; the first is what the others are compared with.
pub(crate) struct Rounds {
    size: Size,
    contenders: Vec<Contender>,
}

struct Contender {
    name: &'static str,
    times: Vec<Duration>,
    allocations: Vec<usize>,
}

impl Rounds {
    pub(crate) fn new(size: Size) -> Self {
        Self { size, contenders: Vec::new() }
    }

    /// Measures one round of one contender. The first round of each is a warm-up.
    pub(crate) async fn measure(&mut self, name: &'static str, work: impl Future<Output = ()>) {
        let before = ALLOCATOR.stats().allocations;
        let begun = Instant::now();
        work.await;
        let time = begun.elapsed();
        let allocations = ALLOCATOR.stats().allocations - before;
        match self.contenders.iter_mut().find(|contender| contender.name == name) {
            Some(contender) => {
                contender.times.push(time);
                contender.allocations.push(allocations);
            }
            None => {
                let (times, allocations) = (Vec::new(), Vec::new());
                self.contenders.push(Contender { name, times, allocations });
            }
        }
    }

    pub(crate) fn print(mut self) {
        let tasks = f64::from(self.size.tasks);
        let mut base = None;
        for Contender { name, times, allocations } in &mut self.contenders {
            let time = median(times).as_secs_f64() * 1e9 / tasks;
            let base = *base.get_or_insert(time);
            let allocations = median(allocations) as f64 / tasks;
            println!(
                "  {name:<28} {time:>8.1} ns each  {:>5.2}  {allocations:>5.2} allocations",
                time / base
            );
        }
    }
}

fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}
