//! Interleaved rounds of several contenders: times and allocations, their medians, their ratios.

use std::time::{Duration, Instant};

use crate::ALLOCATOR;

/// The most tasks of any round.
pub(crate) const MOST_TASKS: u32 = 100_000;

#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) shape: Shape,
    pub(crate) rounds: usize,
}

/// How the tasks of a round come and go.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// All are spawned, and live together, before the first is awaited.
    Burst(u32),
    /// Each is awaited before the next is spawned.
    Steady(u32),
}

impl Shape {
    pub(crate) fn tasks(self) -> u32 {
        let (Self::Burst(tasks) | Self::Steady(tasks)) = self;
        tasks
    }

    pub(crate) async fn run<T, E: Future<Output = ()>>(
        self,
        spawn: impl Fn(u32) -> T,
        ended: impl Fn(T) -> E,
    ) {
        match self {
            Self::Burst(tasks) => {
                for task in (0..tasks).map(spawn).collect::<Vec<_>>() {
                    ended(task).await;
                }
            }
            Self::Steady(tasks) => {
                for number in 0..tasks {
                    ended(spawn(number)).await;
                }
            }
        }
    }
}

/// What was measured of each contender; the first is what the others are compared with.
pub(crate) struct Rounds {
    size: Size,
    only: Option<String>,
    contenders: Vec<Contender>,
}

struct Contender {
    name: &'static str,
    times: Vec<Duration>,
    allocations: Vec<usize>,
}

impl Rounds {
    /// With `only`, all contenders but one are left out: for a profiler that counts instructions.
    pub(crate) fn new(size: Size, only: Option<String>) -> Self {
        Self { size, only, contenders: Vec::new() }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.size.shape
    }

    pub(crate) fn rounds(&self) -> usize {
        self.size.rounds
    }

    /// Measures one round of one contender. The first round of each is a warm-up.
    pub(crate) async fn measure(&mut self, name: &'static str, work: impl Future<Output = ()>) {
        if self.only.as_ref().is_some_and(|only| only != name) {
            return;
        }
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
        let tasks = f64::from(self.size.shape.tasks());
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
