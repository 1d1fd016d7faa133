#![forbid(unsafe_code)]
//! Measures lifespan beside the bare runtimes and its peers, in one run, and prints ratios.
//!
//! `cargo run -p lifespan-bench --release`, with `--quick` for a run that only shows that it works.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

mod rounds;
mod smol;
mod tokio_threads;

use std::alloc::System;
use std::process::ExitCode;

use lexopt::Arg;
use rounds::Size;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let quick = match options() {
        Ok(quick) => quick,
        Err(error) => {
            eprintln!("lifespan-bench: {error}; usage: lifespan-bench [--quick]");
            return ExitCode::from(2);
        }
    };
    let sizes = if quick {
        vec![Size { tasks: 1_000, rounds: 3 }]
    } else {
        vec![Size { tasks: 1_000, rounds: 301 }, Size { tasks: 100_000, rounds: 15 }]
    };
    println!(
        "spawn + await of N tasks that end at once, all live together; medians, and their ratio"
    );
    println!("to the bare runtime in the same run; allocations for each task.");
    for size in sizes {
        println!("\ntokio, current-thread, N = {}", size.tasks);
        tokio_threads::current_thread(size).print();
        println!("\ntokio, 2 worker threads, N = {}", size.tasks);
        tokio_threads::two_threads(size).print();
        println!("\nasync-executor, one thread, N = {}", size.tasks);
        smol::one_thread(size).print();
    }
    ExitCode::SUCCESS
}

fn options() -> Result<bool, lexopt::Error> {
    let mut quick = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("quick") => quick = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(quick)
}
