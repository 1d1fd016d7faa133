//! Instructions of each contender, counted by callgrind: the same count twice, whatever else runs.

use super::Plan;
use crate::callgrind;

/// Rows that callgrind counts in seconds, the size of a round, and who is counted.
const COUNTED: [(&str, u32, &[&str]); 7] = [
    (
        "wait: create, poll, drop",
        10_000,
        &["lifespan", "lifespan, of a child", "CancellationToken", "Notify", "event-listener"],
    ),
    ("wait: poll again", 10_000, &["lifespan", "CancellationToken"]),
    ("is_set", 10_000, &["lifespan", "a bare atomic load", "CancellationToken"]),
    ("child: new, drop", 10_000, &["lifespan", "CancellationToken"]),
    ("one event, 1000 waiting tasks", 1_000, CROWD),
    ("a child for each of 1000 tasks: set", 1_000, &["lifespan", "CancellationToken"]),
    ("a child for each of 1000 tasks: spawn", 1_000, &["lifespan", "CancellationToken"]),
];

/// Its work is done inside a loop, so all that the program does is counted, and what a round more
/// adds is the work.
const TICKER: (&str, u32, &[&str]) = (
    "one turn of a ticker",
    1_000_000,
    &[
        "lifespan",
        "timeout(token.cancelled())",
        "timeout(event.wait())",
        "a bare sleep",
        "lifespan, sleep",
    ],
);

const CROWD: &[&str] = &[
    "lifespan",
    "Mutex<Vec<Waker>>, drained",
    "CancellationToken",
    "Notify",
    "event-listener",
    "async-shutdown",
];

pub(super) fn print(plan: &Plan) {
    println!("\ninstructions for each, counted by callgrind");
    for (row, of, contenders) in COUNTED.into_iter().chain([TICKER]) {
        if plan.row.as_ref().is_some_and(|wanted| !row.contains(wanted.as_str())) {
            continue;
        }
        println!("\n{row}");
        for only in contenders {
            match (count(row, only, 1), count(row, only, 3)) {
                (Ok(few), Ok(more)) => {
                    let each = more.saturating_sub(few) as f64 / (2.0 * f64::from(of));
                    println!("  {only:<28} {each:>9.1}");
                }
                (Err(why), _) | (_, Err(why)) => {
                    println!("SKIP: instructions are not counted: {why}");
                    return;
                }
            }
        }
    }
}

/// The instructions of all rounds.
fn count(row: &str, only: &str, rounds: u32) -> Result<u64, String> {
    let inside: &[_] = &["--collect-atstart=no", "--toggle-collect=*counted_by_callgrind*"];
    let of_tool = if row == TICKER.0 { &[] } else { inside };
    let what = ["--events", "--row", row, "--only", only];
    callgrind::count(of_tool, &[&what[..], &["--rounds", &rounds.to_string()]].concat())
}
