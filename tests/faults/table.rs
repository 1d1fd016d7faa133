//! The matrix as a table: of a run, and as the page of the guide.

use std::fmt::Write;

use lifespan_tests::faults::{Cell, Fault, Flavour, HARD_END, Phase};

use crate::child::Ended;
use crate::model::{self, Ending, Status};

/// One line for each phase and fault: how each loop's process ended, and after how long.
pub(crate) fn of_a_run(ended: &[(Cell, Ended)]) -> String {
    let mut text = String::new();
    let mut row = None;
    for (cell, ended) in ended {
        if row != Some((cell.phase, cell.fault)) {
            row = Some((cell.phase, cell.fault));
            let _ = write!(text, "\n{:5} | {:29}", cell.phase.word(), cell.fault.word());
        }
        let (status, took) = (short(ended.status), ended.took.as_secs_f32());
        let _ = write!(text, " | {} {status} in {took:.1} s", cell.flavour.word());
    }
    text.push('\n');
    text
}

fn short(status: Status) -> String {
    match status {
        Status::Code(code) => code.to_string(),
        Status::Signal(signal) => format!("signal {signal}"),
    }
}

/// The page, made of what the model says.
pub(crate) fn page() -> String {
    let mut page = String::from(ABOUT);
    for &phase in Phase::ALL {
        let _ = write!(page, "\n## {}\n\n{}", title(phase), HEAD);
        for &fault in Fault::ALL {
            row(&mut page, phase, fault);
        }
    }
    page
}

fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::Start => "While it starts",
        Phase::Serve => "While it serves",
        Phase::Stop => "While it stops",
    }
}

fn row(page: &mut String, phase: Phase, fault: Fault) {
    let cells = Cell::all().into_iter().filter(|cell| cell.phase == phase && cell.fault == fault);
    let mut kinds: Vec<(Ending, Vec<Flavour>)> = Vec::new();
    for cell in cells {
        for ending in model::endings(cell) {
            match kinds.iter_mut().find(|(other, _)| other.status == ending.status) {
                Some((_, flavours)) => flavours.push(cell.flavour),
                None => kinds.push((ending, vec![cell.flavour])),
            }
        }
    }
    for (Ending { status, ran, says }, flavours) in kinds {
        let says = if says.is_empty() { "(none)".into() } else { format!("`{says}`") };
        let on = flavours.iter().map(|flavour| flavour.word()).collect::<Vec<_>>().join(", ");
        let on = if flavours.len() == Flavour::ALL.len() { "every loop".into() } else { on };
        let (fault, status, ran) = (fault.word(), long(status), ran.join(", "));
        let _ = writeln!(page, "| {fault} | {status} | {ran} | {says} | {on} |");
    }
}

fn long(status: Status) -> String {
    match status {
        Status::Code(HARD_END) => format!("{HARD_END}, the hard end's"),
        status => short(status),
    }
}

const HEAD: &str = "| fault | exit status | what ran, in order | the report says | on |
|---|---|---|---|---|
";

const ABOUT: &str = "# The fault matrix

What becomes of a program in which something goes wrong. Each row was run in processes of its own, on each
loop that it names: `cargo test -p lifespan-tests --test faults -- --nocapture` runs them all and prints
how each ended and when. This page is written by that program from the rules that it checks the
processes against, and a test holds the two together.

The program has three components, `first`, `second` and `third`, each with a start-up and a shutdown
handler. The culprit is a handler of `second` or a task of it; while it serves, the foreground or a task
of the builder. A budget that has to run out is 0.2 s, or one second for the deadline, and the hard end is
`Exit(70)`; every other budget is longer than anybody waits. Where two signals or more come, `first` has a
task that ends by no stop, and only the signals bring the end. `its owner drops it` is a lifespan inside
somebody else's loop: that program goes on, with status 9.

A task that blocks its thread is run by the thread that runs the lifespan, or by another, which is the
loop's choice; both ways are listed for loops that have both. The exit status is that of `Report`: 0 is
clean, 3 a failed start, 4 a failed task, 5 a failed stop, 6 something that was forced or left behind.
";
