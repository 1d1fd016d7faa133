//! Interleaved rounds of several contenders that spawn tasks, and the targets of ours.

use std::time::Instant;

use crate::ALLOCATOR;
use crate::contender::{self, Contender, verdict};

/// Many tasks, for what is not only about spawning them.
pub(crate) const MOST_TASKS: u32 = 100_000;

#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) shape: Shape,
    pub(crate) rounds: usize,
    pub(crate) targets: Targets,
}

/// What the contenders of ours may take, of what the bare runtime does.
#[derive(Clone, Copy)]
pub(crate) struct Targets {
    pub(crate) unnamed: f64,
    /// With a static or a formatted name.
    pub(crate) named: f64,
    /// With a `String` of its own.
    pub(crate) owned: f64,
}

impl Targets {
    pub(crate) const fn all(most: f64) -> Self {
        Self { unnamed: most, named: most, owned: most }
    }

    fn of(self, name: &str) -> Option<f64> {
        match name {
            "lifespan" => Some(self.unnamed),
            "lifespan, String names" => Some(self.owned),
            _ => name.starts_with("lifespan").then_some(self.named),
        }
    }
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

impl Rounds {
    /// With `only`, all contenders but one are left out: for a profiler that counts instructions.
    pub(crate) fn new(size: Size, only: Option<String>) -> Self {
        Self { size, only, contenders: Vec::new() }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.size.shape
    }

    /// Whose turn it is, of so many contenders. Each round begins with another one: in what memory the
    /// tasks of one lie depends on what the one before has left.
    pub(crate) fn turns(&self, contenders: usize) -> impl Iterator<Item = usize> + use<> {
        let round = move |round| (0..contenders).map(move |turn| (round + turn) % contenders);
        (0..=self.size.rounds).flat_map(round)
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
        contender::note(&mut self.contenders, name, time, allocations);
    }

    pub(crate) fn print(self) {
        let tasks = self.size.shape.tasks();
        // The first round began with the runtime itself.
        let Some(bare) = self.contenders.first() else { return };
        for contender in &self.contenders {
            let (time, allocations) = (contender.nanoseconds(tasks), contender.allocations(tasks));
            let (name, ratio) = (contender.name, contender.ratio_to(bare));
            print!(
                "  {name:<28} {time:>8.1} ns each  {ratio:>5.2}  {allocations:>5.2} allocations"
            );
            match self.size.targets.of(name) {
                Some(most) => println!("  at most {most:.2}: {}", verdict(ratio, most)),
                None => println!(),
            }
        }
    }
}
