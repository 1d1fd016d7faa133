//! Instructions of a task, counted by callgrind: the same count twice, whatever else runs.

use crate::callgrind;
use crate::floors::{GUARDED, LEAST, NAMED, SMALL};

/// The runtime, the shape, and the contenders; the first is what is taken off the others.
const COUNTED: [(&str, &str, &[&str]); 4] = [
    (
        "tokio, current-thread",
        "burst",
        &[
            "tokio::spawn",
            SMALL,
            LEAST,
            GUARDED,
            NAMED,
            "JoinSet",
            "TaskTracker",
            "JoinMap, String keys",
            "Mutex<HashMap<String, _>>",
            "lifespan",
            "lifespan, static names",
            "lifespan, formatted names",
            "lifespan, String names",
        ],
    ),
    (
        "tokio, current-thread",
        "steady",
        &["tokio::spawn", LEAST, GUARDED, NAMED, "JoinSet", "lifespan", "lifespan, static names"],
    ),
    (
        "async-executor, one thread",
        "burst",
        &["Executor::spawn", LEAST, GUARDED, NAMED, "lifespan", "lifespan, static names"],
    ),
    (
        "async-executor, one thread",
        "steady",
        &["Executor::spawn", LEAST, GUARDED, NAMED, "lifespan", "lifespan, static names"],
    ),
];

const TASKS: u64 = 1_000;
const ROUNDS: u64 = 10;
const TARGET: u64 = 250;

pub(crate) fn print() {
    println!(
        "\ninstructions of a task, counted by callgrind; at most {TARGET} beyond the runtime's"
    );
    for (runtime, shape, contenders) in COUNTED {
        println!("\n{runtime}, {shape}");
        let mut bare = None;
        for only in contenders {
            match each(runtime, shape, only) {
                Ok(each) => {
                    let bare = *bare.get_or_insert(each);
                    println!("  {only:<28} {each:>6}  {:>+6}", each as i64 - bare as i64);
                }
                Err(why) => {
                    println!("SKIP: instructions are not counted: {why}");
                    return;
                }
            }
        }
    }
}

/// What more rounds take, for each task of them.
fn each(runtime: &str, shape: &str, only: &str) -> Result<u64, String> {
    let few = count(runtime, shape, only, 1)?;
    let more = count(runtime, shape, only, 1 + ROUNDS)?;
    Ok(more.saturating_sub(few) / (ROUNDS * TASKS))
}

/// The instructions of all of it.
fn count(runtime: &str, shape: &str, only: &str, rounds: u64) -> Result<u64, String> {
    let what = ["--on", runtime, "--shape", shape, "--only", only];
    callgrind::count(&[], &[&what[..], &["--rounds", &rounds.to_string()]].concat())
}
