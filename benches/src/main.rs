#![forbid(unsafe_code)]
//! Measures lifespan beside the bare runtimes and its peers, in one run, and prints ratios.
//!
//! `cargo run -p lifespan-bench --release`, with `--quick` for a run that only shows that it works,
//! and with `--only NAME --on RUNTIME --shape SHAPE --rounds N` to count the instructions of one
//! contender: `valgrind --tool=callgrind` with two values of N, the difference by the number of tasks.
//! `--events` runs the rows about events alone, `--row TEXT` those that have it in their name, and
//! `--instructions` has callgrind count the instructions of each of their contenders.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod events;
mod index;
mod live;
mod names;
mod rounds;
mod smol;
mod spawns;
mod tokio_threads;

use std::alloc::System;
use std::process::ExitCode;

use lexopt::{Arg, ValueExt};
use rounds::{MOST_TASKS, Rounds, Shape, Size};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A runtime's name, and its rounds.
type Runtime = (&'static str, fn(Rounds) -> Rounds);

const RUNTIMES: [Runtime; 3] = [
    ("tokio, current-thread", tokio_threads::current_thread),
    ("tokio, 2 worker threads", tokio_threads::two_threads),
    ("async-executor, one thread", smol::one_thread),
];

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!(
                "lifespan-bench: {error}; usage: lifespan-bench [--quick] [--only NAME] \
                 [--on RUNTIME] [--shape burst|many|steady] [--rounds N] [--events] \
                 [--row TEXT] [--instructions]"
            );
            return ExitCode::from(2);
        }
    };
    if let Some(plan) = options.events() {
        events::print(&plan);
    }
    if options.table == Table::Events {
        return ExitCode::SUCCESS;
    }
    names::make();
    println!(
        "spawn + await of tasks that end at once; medians, and their ratio to the bare runtime"
    );
    println!("in the same run; allocations for each task.");
    for (shape, size) in options.sizes() {
        for (name, run) in RUNTIMES {
            if options.on.as_ref().is_none_or(|on| name.starts_with(on.as_str())) {
                println!("\n{name}, {shape}");
                run(Rounds::new(size, options.only.clone())).print();
            }
        }
    }
    if options.only.is_none() {
        let tasks = if options.quick { 1_000 } else { MOST_TASKS };
        live::print(tasks);
        index::print(tasks);
    }
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Options {
    quick: bool,
    only: Option<String>,
    on: Option<String>,
    shape: Option<String>,
    rounds: Option<usize>,
    row: Option<String>,
    instructions: bool,
    table: Table,
}

/// Which tables are printed.
#[derive(Default, PartialEq, Eq)]
enum Table {
    #[default]
    All,
    Events,
}

impl Options {
    /// The rows about events, unless one contender of the spawns is asked for.
    fn events(&self) -> Option<events::Plan> {
        if self.table == Table::All && (self.only.is_some() || self.shape.is_some()) {
            return None;
        }
        let pace = match (self.instructions, self.quick) {
            (true, _) => events::Pace::Instructions,
            (false, true) => events::Pace::Quick,
            (false, false) => events::Pace::Full,
        };
        let (row, only) = (self.row.clone(), self.only.clone());
        Some(events::Plan { row, only, rounds: self.rounds, pace })
    }

    fn sizes(&self) -> Vec<(String, Size)> {
        let all = [
            ("burst", "1000 live at once", Shape::Burst(1_000), 301),
            ("steady", "one in, one out", Shape::Steady(1_000), 301),
            ("many", "100000 live at once", Shape::Burst(MOST_TASKS), 15),
        ];
        let wanted = all.into_iter().filter(|(name, _, shape, _)| match &self.shape {
            Some(wanted) => wanted == name,
            None => !self.quick || shape.tasks() <= 1_000,
        });
        wanted
            .map(|(_, title, shape, rounds)| {
                let rounds = self.rounds.unwrap_or(if self.quick { 3 } else { rounds });
                (String::from(title), Size { shape, rounds })
            })
            .collect()
    }
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("quick") => options.quick = true,
            Arg::Long("only") => options.only = Some(parser.value()?.string()?),
            Arg::Long("on") => options.on = Some(parser.value()?.string()?),
            Arg::Long("shape") => options.shape = Some(parser.value()?.string()?),
            Arg::Long("events") => options.table = Table::Events,
            Arg::Long("row") => {
                options.table = Table::Events;
                options.row = Some(parser.value()?.string()?);
            }
            Arg::Long("instructions") => {
                options.table = Table::Events;
                options.instructions = true;
            }
            Arg::Long("rounds") => options.rounds = Some(parser.value()?.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}
