#![forbid(unsafe_code)]
//! Measures lifespan beside the bare runtimes and its peers, in one run, and prints ratios.
//!
//! `cargo run -p lifespan-bench --release`, with `--quick` for a run that only shows that it works,
//! and with `--only NAME --on RUNTIME --shape SHAPE --rounds N` for one contender alone: to see under
//! `valgrind --tool=callgrind` and `callgrind_annotate` where the instructions go, for example.
//! `--tasks` runs the tables about tasks alone, `--events` the rows about events, `--row TEXT` those of
//! them that have it in their name, and `--instructions` has callgrind count the instructions of each
//! contender, of both or of those.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod callgrind;
mod contender;
mod events;
mod executor;
mod floors;
mod index;
mod instructions;
mod leavers;
mod live;
mod names;
mod rounds;
mod spawns;
mod tokio_threads;

use std::alloc::System;
use std::process::ExitCode;

use lexopt::{Arg, ValueExt};
use rounds::{MOST_TASKS, Rounds, Shape, Size, Targets};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A runtime's name, and its rounds.
type Runtime = (&'static str, fn(Rounds) -> Rounds, [Targets; 3]);

/// Each with the targets of a burst, of many at once, and of a steady stream.
const RUNTIMES: [Runtime; 3] = [
    (
        "tokio, current-thread",
        tokio_threads::current_thread,
        [
            Targets { unnamed: 1.15, named: 1.20, owned: 1.35 },
            Targets::all(1.0),
            Targets::all(1.10),
        ],
    ),
    (
        "tokio, 2 worker threads",
        tokio_threads::two_threads,
        [Targets::all(1.1), Targets::all(1.1), Targets::all(1.10)],
    ),
    (
        "async-executor, one thread",
        executor::one_thread,
        [Targets::all(1.25), Targets::all(1.25), Targets::all(1.10)],
    ),
];

/// So many live at once are measured on the first runtime alone.
const MILLION: u32 = 1_000_000;

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!(
                "lifespan-bench: {error}; usage: lifespan-bench [--quick] [--only NAME] \
                 [--on RUNTIME] [--shape burst|steady|many|million] [--rounds N] [--tasks] \
                 [--events] [--row TEXT] [--instructions]"
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
    if options.instructions {
        instructions::print();
        return ExitCode::SUCCESS;
    }
    names::make(options.most_tasks());
    println!(
        "spawn + await of tasks that end at once; medians, and their ratio to the bare runtime"
    );
    println!("in the same run; allocations for each task.");
    for (title, shape, rounds) in options.shapes() {
        for (at, (name, run, targets)) in RUNTIMES.into_iter().enumerate() {
            let is_wanted = options.on.as_ref().is_none_or(|on| name.starts_with(on.as_str()));
            if !is_wanted || (shape.tasks() == MILLION && at > 0) {
                continue;
            }
            let targets = match shape {
                Shape::Steady(_) => targets[2],
                Shape::Burst(MILLION) => Targets::all(1.2),
                Shape::Burst(MOST_TASKS) => targets[1],
                Shape::Burst(_) => targets[0],
            };
            println!("\n{name}, {title}");
            let size = Size { shape, rounds, targets };
            run(Rounds::new(size, options.only.clone())).print();
        }
    }
    if options.wants_all() {
        let tasks = if options.quick { 1_000 } else { MOST_TASKS };
        live::print(tasks);
        index::print(tasks);
        leavers::print(if options.quick { 3 } else { 31 });
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
    Tasks,
    Events,
}

impl Options {
    /// The rows about events, unless those about tasks are asked for, or one contender or shape of them.
    fn events(&self) -> Option<events::Plan> {
        let is_about_tasks = self.only.is_some() || self.shape.is_some();
        if self.table == Table::Tasks || self.table == Table::All && is_about_tasks {
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

    /// What is measured: its title, the shape, and how many rounds.
    fn shapes(&self) -> Vec<(&'static str, Shape, usize)> {
        let all = [
            ("burst", "1000 live at once", Shape::Burst(1_000), 301),
            ("steady", "one in, one out", Shape::Steady(1_000), 301),
            ("many", "100000 live at once", Shape::Burst(MOST_TASKS), 15),
            ("million", "1000000 live at once", Shape::Burst(MILLION), 15),
        ];
        let wanted = all.into_iter().filter(|(name, _, shape, _)| match &self.shape {
            Some(wanted) => wanted == name,
            None => !self.quick || shape.tasks() <= 1_000,
        });
        let with_rounds = wanted.map(|(_, title, shape, rounds)| {
            (title, shape, self.rounds.unwrap_or(if self.quick { 3 } else { rounds }))
        });
        with_rounds.collect()
    }

    /// Neither one contender, nor one runtime, nor one shape.
    fn wants_all(&self) -> bool {
        self.only.is_none() && self.on.is_none() && self.shape.is_none()
    }

    fn most_tasks(&self) -> u32 {
        self.shapes().into_iter().map(|(_, shape, _)| shape.tasks()).max().unwrap_or_default()
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
            Arg::Long("tasks") => options.table = Table::Tasks,
            Arg::Long("events") => options.table = Table::Events,
            Arg::Long("row") => {
                options.table = Table::Events;
                options.row = Some(parser.value()?.string()?);
            }
            Arg::Long("instructions") => options.instructions = true,
            Arg::Long("rounds") => options.rounds = Some(parser.value()?.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}
