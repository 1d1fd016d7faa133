//! Runs six faults in each of four programs, and prints what they did: `--write` also into the docs.
//!
//! It fails if ours did not do what it promises; what the others do is only told.

mod child;
mod page;

use std::process::ExitCode;
use std::{env, fs, io, thread};

use child::{Did, Status};
use lifespan_peers::Scenario;

/// The programs, ours first.
const PROGRAMS: [&str; 4] = ["ours", "by_hand", "graceful", "supervisor"];

/// How often each is run: what a program gets to say may depend on who is faster.
const ROUNDS: usize = 3;

/// What each program did, in each round.
type Row = (Scenario, Vec<Vec<Did>>);

fn main() -> io::Result<ExitCode> {
    // The programs of one scenario one after the other: those that hang only wait.
    let scenarios = Scenario::ALL.map(|scenario| {
        thread::spawn(move || -> io::Result<Row> {
            let did = PROGRAMS.map(|program| rounds(program, scenario));
            Ok((scenario, did.into_iter().collect::<Result<_, _>>()?))
        })
    });
    let rows = scenarios
        .into_iter()
        .map(|scenario| scenario.join().expect("no panic in the driver"))
        .collect::<io::Result<Vec<_>>>()?;
    let page = page::page(&rows);
    print!("{page}");
    if env::args().any(|argument| argument == "--write") {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/peers.md"), page)?;
    }
    let broken = rows
        .iter()
        .filter(|(scenario, did)| !did[0].iter().all(|ours| keeps_its_promise(*scenario, ours)));
    let broken = broken.map(|(scenario, _)| scenario.to_string()).collect::<Vec<_>>();
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("ours did not do what it promises: {}", broken.join("; "));
    Ok(ExitCode::FAILURE)
}

/// One that hangs is not asked again.
fn rounds(program: &str, scenario: Scenario) -> io::Result<Vec<Did>> {
    let mut rounds = Vec::new();
    while rounds.len() < ROUNDS {
        let did = child::run(program, scenario)?;
        let hung = did.status == Status::Killed;
        rounds.push(did);
        if hung {
            break;
        }
    }
    Ok(rounds)
}

fn keeps_its_promise(scenario: Scenario, ours: &Did) -> bool {
    let (status, named, said): (_, _, &[&str]) = match scenario {
        Scenario::CleansUp => (0, false, &["ready", "flushed", "closed"]),
        Scenario::IgnoresStop => (6, true, &["ready", "closed"]),
        Scenario::BlocksItsThread => (6, true, &["ready", "closed"]),
        Scenario::CloseHangs => (5, true, &["ready"]),
        Scenario::Panics => (4, true, &["ready", "closed"]),
        Scenario::SecondSigterm => (6, true, &["ready", "flushing", "closed"]),
    };
    ours.status == Status::Code(status)
        && ours.named == named
        && ours.said == said
        && ours.needed_sigterm == (scenario != Scenario::Panics)
}
