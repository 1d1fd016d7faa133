//! The page: a table for each scenario, and the versions.

use std::fmt::Write;

use crate::Row;
use crate::child::{Did, Status};
use lifespan_peers::Scenario;

const HEAD: &str = "\
# The same six faults elsewhere

Four programs do the same work: a task `poller` uses a database `db` that is closed after it, on tokio with
several threads. Each was run in a process of its own with one thing wrong in it, was sent SIGTERM, and had
one second of grace, for the task and for the close. `.ci/deep peers` runs them, and then
`target/peers/debug/lifespan-peers --write` writes this page; no published crate depends on any of it.

*By hand* is tokio with a `CancellationToken` and a `TaskTracker`, and a time limit on each wait. A program
that had not ended ten seconds after the last signal was killed. *Named* is whether a warning, an error or
a report on its standard error has the name of who is to blame. *Did* is what the program's own code got
to do: what is not closed was left open. Each was run three times, and once where it hung; where they
differ, each is told.

A task that blocks its thread is woken by a timer before, as most are. On tokio the thread that was woken
so is the one that watches the clock for all, and no timer fires until another thread is woken: so the time
limits of the others do not run out. The warnings in which tokio-graceful-shutdown names what it cancelled
are written while the process ends, and may come too late.
";

pub(crate) fn page(rows: &[Row]) -> String {
    let mut page = String::from(HEAD);
    let _ = writeln!(page, "\nVersions: {}.", versions());
    for (scenario, did) in rows {
        let _ = writeln!(page, "\n## {scenario}\n\n{}\n", note(*scenario));
        page.push_str(
            "| program | ended after | exit status | named | did |\n|---|---|---|---|---|\n",
        );
        for (name, rounds) in NAMES.iter().zip(did) {
            let cells = [
                all(rounds, after),
                all(rounds, |did| did.status.to_string()),
                named(*scenario, rounds),
                all(rounds, said),
            ];
            let _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
        }
    }
    page
}

const NAMES: [&str; 4] = ["lifespan", "by hand", "tokio-graceful-shutdown", "task-supervisor"];

/// What it was in each round: once, where that is the same.
fn all(rounds: &[Did], text: impl Fn(&Did) -> String) -> String {
    let mut texts = rounds.iter().map(text).collect::<Vec<_>>();
    texts.sort();
    texts.dedup();
    texts.join(" or ")
}

fn named(scenario: Scenario, rounds: &[Did]) -> String {
    if scenario == Scenario::CleansUp {
        return "nobody is to blame".into();
    }
    match (rounds.iter().filter(|did| did.named).count(), rounds.len()) {
        (0, _) => "no".into(),
        (some, all) if some == all => "yes".into(),
        (some, all) => format!("in {some} run of {all}"),
    }
}

fn said(did: &Did) -> String {
    let said = did.said.iter().skip(1).map(String::as_str);
    let said = said.map(|said| if said == "ready" { "began again" } else { said });
    said.collect::<Vec<_>>().join(", ")
}

fn after(did: &Did) -> String {
    let seconds = did.after.as_secs_f64();
    if did.status == Status::Killed {
        return format!("not in {seconds:.0} s");
    }
    format!("{seconds:.1} s")
}

fn note(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::CleansUp => {
            "Nothing is wrong: told to stop, it takes 0.3 s to flush, and the rest waits for it."
        }
        Scenario::IgnoresStop => "The future is never ready; it can only be dropped.",
        Scenario::BlocksItsThread => {
            "It sleeps for an hour without an `await`, and cannot be dropped either."
        }
        Scenario::CloseHangs => "What closes the database waits for something that never comes.",
        Scenario::Panics => {
            "Nobody sends a signal for two seconds: who notices stops by itself, or begins it again."
        }
        Scenario::SecondSigterm => {
            "The grace is a minute here. The operator has lost patience, and sends the signal again."
        }
    }
}

fn versions() -> String {
    let lock = include_str!("../Cargo.lock");
    let wanted = ["lifespan", "tokio", "tokio-util", "tokio-graceful-shutdown", "task-supervisor"];
    let versions = wanted.map(|name| {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let version = lock.split_once(&entry).and_then(|(_, rest)| rest.split_once('"'));
        format!("{name} {}", version.map_or("?", |(version, _)| version))
    });
    versions.join(", ")
}
