//! A row: contenders in interleaved rounds, their ratios, and the targets of ours.

use std::time::Duration;

use cpu_time::ThreadTime;

use super::rivals::{Drained, Rival};
use crate::ALLOCATOR;
use crate::contender::{self, Contender, verdict};

/// What targets are for; other contenders of ours have longer names.
pub(super) const OURS: &str = "lifespan";

/// Which rows and contenders are wanted, and how often.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) row: Option<String>,
    pub(crate) only: Option<String>,
    pub(crate) rounds: Option<usize>,
    pub(crate) pace: Pace,
}

/// What a run is for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    #[default]
    Full,
    /// Shows that it works: few rounds, no row of many.
    Quick,
    /// Each contender that fits is run under callgrind.
    Instructions,
}

/// The most that a row of a quick run has of anything.
const FEW: u32 = 10_000;

impl Plan {
    pub(super) fn counts_instructions(&self) -> bool {
        self.pace == Pace::Instructions
    }

    /// Begins a row whose rounds do something `of` times; `None` if it is not wanted.
    pub(super) fn row(&self, name: impl Into<String>, of: u32, rounds: usize) -> Option<Row> {
        let name = name.into();
        let wanted = self.row.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()));
        let quick = self.pace == Pace::Quick;
        (wanted && !(quick && of > FEW)).then(|| {
            let rounds = self.rounds.unwrap_or(if quick { 3 } else { rounds });
            Row { name, of, rounds, only: self.only.clone(), contenders: Vec::new() }
        })
    }
}

pub(super) struct Row {
    name: String,
    of: u32,
    rounds: usize,
    only: Option<String>,
    contenders: Vec<Contender>,
}

impl Row {
    /// One more than are counted: the first of each contender is a warm-up.
    pub(super) fn rounds(&self) -> std::ops::RangeInclusive<usize> {
        0..=self.rounds
    }

    pub(super) fn of(&self) -> u32 {
        self.of
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }

    /// Measures `work`, which does it `of` times; what it returns is dropped after the clock.
    pub(super) fn measure<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) {
        self.measure_made(name, || (), |()| work());
    }

    /// As `measure`; what the work needs is made before the clock starts.
    pub(super) fn measure_made<M, T>(
        &mut self,
        name: &'static str,
        make: impl FnOnce() -> M,
        work: impl FnOnce(M) -> T,
    ) {
        if self.wants(name) {
            let made = make();
            let before = Reading::now();
            let done = counted_by_callgrind(work, made);
            let (time, allocations) = before.until_now();
            drop(done);
            contender::note(&mut self.contenders, name, time, allocations);
        }
    }

    /// As `measure`, for a future on a loop of one thread.
    pub(super) async fn measure_in<F: Future>(&mut self, name: &'static str, work: F) {
        if self.wants(name) {
            let before = Reading::now();
            let done = work.await;
            let (time, allocations) = before.until_now();
            drop(done);
            contender::note(&mut self.contenders, name, time, allocations);
        }
    }

    /// Notes what was measured in some other way.
    pub(super) fn measured(&mut self, name: &'static str, measure: impl FnOnce() -> Duration) {
        if self.wants(name) {
            let time = measure();
            contender::note(&mut self.contenders, name, time, 0);
        }
    }

    /// Prints the row, and how ours stands to each target: at most so much of that contender.
    pub(super) fn print(self, targets: &[(f64, &str)]) {
        println!("\n{}", self.name);
        let Some(base) = self.contenders.first() else { return };
        for contender in &self.contenders {
            let time = contender.nanoseconds(self.of);
            let allocations = contender.allocations(self.of);
            let (name, ratio) = (contender.name, contender.ratio_to(base));
            println!(
                "  {name:<28} {time:>9.2} ns each {ratio:>7.2}  {allocations:>5.2} allocations"
            );
        }
        for (most, name) in targets {
            self.check(*most, name);
        }
    }

    fn check(&self, most: f64, name: &str) {
        let find = |name: &str| self.contenders.iter().find(|contender| contender.name == name);
        let (Some(ours), Some(theirs)) = (find(OURS), find(name)) else { return };
        let ratio = ours.ratio_to(theirs);
        println!("  at most {most:.2} of {name}: {ratio:.2}, {}", verdict(ratio, most));
        let least = find(Drained::NAME).filter(|least| least.name != name);
        if let Some(least) = least.map(|least| least.ratio_to(theirs)).filter(|least| *least > most)
        {
            println!("    (not to be had here: {} is {least:.2} of it)", Drained::NAME);
        }
    }
}

/// Callgrind finds this function by its name, and counts what is done in it.
#[inline(never)]
fn counted_by_callgrind<M, T>(work: impl FnOnce(M) -> T, made: M) -> T {
    work(made)
}

/// When a measurement began. The time is this thread's own: what other programs take of the processor
/// does not count.
struct Reading {
    allocations: usize,
    time: ThreadTime,
}

impl Reading {
    fn now() -> Self {
        Self { allocations: ALLOCATOR.stats().allocations, time: ThreadTime::now() }
    }

    fn until_now(self) -> (Duration, usize) {
        let time = self.time.elapsed();
        (time, ALLOCATOR.stats().allocations - self.allocations)
    }
}
