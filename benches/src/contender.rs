//! What was measured of one contender over all rounds: medians, and the ratio to another one.

use std::time::Duration;

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    times: Vec<Duration>,
    allocations: Vec<usize>,
}

impl Contender {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new(), allocations: Vec::new() }
    }

    pub(crate) fn note(&mut self, time: Duration, allocations: usize) {
        self.times.push(time);
        self.allocations.push(allocations);
    }

    /// The median of the nanoseconds, where a round does so many.
    pub(crate) fn nanoseconds(&self, of: u32) -> f64 {
        median(self.times.clone()).as_secs_f64() * 1e9 / f64::from(of)
    }

    /// The median of the allocations.
    pub(crate) fn allocations(&self, of: u32) -> f64 {
        median(self.allocations.clone()) as f64 / f64::from(of)
    }

    /// The median of the ratios within a round, so that what slows a whole round down does not count.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        let pairs = self.times.iter().zip(&other.times);
        let mut ratios = pairs
            .map(|(mine, theirs)| mine.as_secs_f64() / theirs.as_secs_f64().max(1e-9))
            .collect::<Vec<_>>();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Notes a round of one of several; the first of each is a warm-up, and is not counted.
pub(crate) fn note(
    contenders: &mut Vec<Contender>,
    name: &'static str,
    time: Duration,
    allocations: usize,
) {
    match contenders.iter_mut().find(|contender| contender.name == name) {
        Some(contender) => contender.note(time, allocations),
        None => contenders.push(Contender::new(name)),
    }
}

/// How a ratio stands to what it may be at the most.
pub(crate) fn verdict(ratio: f64, most: f64) -> String {
    if ratio <= most {
        return String::from("kept");
    }
    format!("missed by {:.0} %", (ratio / most - 1.0) * 100.0)
}

fn median<T: Ord + Copy + Default>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
