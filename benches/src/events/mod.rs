//! The rows about events, beside their peers: flags, waits, crowds of waiting tasks, trees, tickers.
//!
//! Every row is run in interleaved rounds; a target is checked against the median of the ratios
//! within a round, so that what slows a whole round down does not count.

mod cancels;
mod crowds;
mod flags;
mod instructions;
mod rivals;
mod row;
mod tickers;
mod trees;
mod waits;

pub(crate) use row::{Pace, Plan};

/// Each prints the rows of a subject.
const ROWS: [fn(&Plan); 6] =
    [flags::rows, waits::rows, trees::rows, crowds::rows, tickers::rows, cancels::rows];

pub(crate) fn print(plan: &Plan) {
    if plan.counts_instructions() {
        instructions::print(plan);
        return;
    }
    println!("\nevents; medians of processor time, the ratio to the first, allocations for each");
    for rows in ROWS {
        rows(plan);
    }
}
