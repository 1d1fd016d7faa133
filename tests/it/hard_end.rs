//! Whatever hangs, the process ends by its deadline and names it: each case a process of its own.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// All work of the lifespan is on one thread; and where another one may hang.
const ONE_THREAD: [&str; 3] = ["tokio", "smol", "async-executor"];
const MORE_THREADS: [&str; 2] = ["tokio-multi", "async-std"];

/// The deadline and its margin are less than a second: the rest is for a machine that does more.
const GUARD: Duration = Duration::from_secs(30);

struct Ended {
    stdout: String,
    stderr: String,
    status: ExitStatus,
}

fn run(way: &str, runtime: &str, hard_end: &str) -> Ended {
    let began = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_hard_end"))
        .args([way, runtime, hard_end])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Each hangs for an hour.
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < GUARD, "{way} on {runtime}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { stdout: text(output.stdout), stderr: text(output.stderr), status: output.status }
}

#[track_caller]
fn names(way: &str, runtime: &str, culprit: &str) -> String {
    let ended = run(way, runtime, "exit");
    let Ended { stdout, stderr, status } = &ended;
    let all = format!("{way} on {runtime}: {status:?}\n{stdout}\n{stderr}");
    assert!(stdout.contains(culprit) || stderr.contains(culprit), "{all}");
    match status.code() {
        Some(70) => assert!(stderr.contains("lifespan overran its deadline, not clean"), "{all}"),
        // Where the loop has other threads it lets go, and leaves behind what hangs.
        Some(6) => assert!(MORE_THREADS.contains(&runtime) || way == "blocking", "{all}"),
        _ => panic!("{all}"),
    }
    all
}

#[track_caller]
fn holds_its_thread(way: &str) {
    let culprit = format!("left behind: task {way},");
    for runtime in ONE_THREAD.iter().chain(&MORE_THREADS) {
        let all = names(way, runtime, &culprit);
        let line = all.lines().find(|line| line.contains(&culprit)).unwrap();
        assert!(line.contains(" old, which holds its thread (spawned at "), "{line}");
        let mut innocent = all.lines().filter(|line| line.contains("task innocent"));
        assert!(!innocent.any(|line| line.contains("holds")), "{all}");
    }
}

#[track_caller]
fn names_everywhere(way: &str, culprit: &str) {
    for runtime in ONE_THREAD.iter().chain(&MORE_THREADS) {
        names(way, runtime, culprit);
    }
}

#[test]
fn a_task_that_never_yields() {
    holds_its_thread("busy");
}

#[test]
fn a_task_that_sleeps_for_an_hour_on_the_only_thread() {
    holds_its_thread("asleep");
}

#[test]
fn a_destructor_that_blocks() {
    holds_its_thread("sticky");
}

#[test]
fn a_mutex_that_is_locked_twice() {
    holds_its_thread("deadlocked");
}

#[test]
fn who_blocks_from_the_first_turn_on_is_no_newcomer_when_the_deadline_is_over() {
    for runtime in ONE_THREAD {
        let all = names("busy", runtime, "left behind: task busy,");
        let (_, rest) = all.split_once("left behind: task busy, ").unwrap();
        let (age, _) = rest.split_once(" old").unwrap();
        // It has held its thread for eight tenths of a second.
        assert!(!age.ends_with("µs") && !age.ends_with("ns"), "{all}");
    }
}

#[test]
fn a_blocking_closure_that_never_ends() {
    names_everywhere("blocking", "left behind: task stuck/closure, a blocking closure,");
}

#[test]
fn a_shutdown_handler_that_blocks() {
    names_everywhere("shutdown", "component stuck: startup not run; shutdown still running after");
}

#[test]
fn a_start_up_handler_that_blocks_beyond_its_budget() {
    let culprit = "the start of \"stuck\" had not ended after 100ms";
    names_everywhere("start", culprit);
}

#[test]
fn a_shutdown_handler_that_never_returns_is_left_by_the_loop_itself() {
    for runtime in ONE_THREAD.iter().chain(&MORE_THREADS) {
        let Ended { stdout, stderr, status } = run("shutdown async", runtime, "exit");
        assert_eq!((status.code(), &*stderr), (Some(5), ""), "{runtime}: {stdout}");
        assert!(stdout.contains("component stuck: startup not run; shutdown had not ended"));
    }
}

#[test]
fn the_foreground_that_blocks() {
    names_everywhere("serve", "left behind: the foreground,");
}

#[test]
fn in_a_runtime_of_somebody_elses_on_a_worker_and_in_a_foreground() {
    for owner in ["attached", "workers", "foreground"] {
        let Ended { stderr, status, .. } = run("busy", owner, "exit");
        assert_eq!(status.code(), Some(70), "{owner}: {stderr}");
        assert!(stderr.contains("left behind: task busy,"), "{owner}: {stderr}");
    }
}

#[test]
fn unless_asked_a_stop_says_something_only_after_a_second() {
    for runtime in ONE_THREAD {
        let Ended { stderr, .. } = run("a second", runtime, "return");
        let (first, rest) = stderr.split_once('\n').unwrap();
        assert!(first.starts_with("lifespan still stopping after 1."), "{stderr}");
        assert!(first.ends_with(" until the deadline)"), "{stderr}");
        assert!(rest.starts_with("  awaits task a second for "), "{stderr}");
        assert!(rest.contains(", which holds its thread, "), "{stderr}");
        assert_eq!(run("quick", runtime, "return").stderr, "");
    }
}

#[test]
fn the_process_aborts_if_it_is_to() {
    for runtime in ONE_THREAD {
        let Ended { stderr, status, .. } = run("busy", runtime, "abort");
        assert_eq!(status.signal(), Some(6), "SIGABRT: {stderr}");
        assert!(stderr.contains("left behind: task busy,"), "{stderr}");
    }
}

#[test]
fn by_default_it_returns_when_the_loop_lets_go() {
    for runtime in ONE_THREAD {
        let Ended { stdout, stderr, status } = run("lets go", runtime, "return");
        assert!(stderr.contains("left behind: task lets go,"), "{stderr}");
        assert_eq!(status.code(), Some(6), "{stdout}");
        assert!(
            stdout.starts_with("db\nlifespan overran its deadline, not clean: now"),
            "{stdout}"
        );
    }
}

#[test]
fn a_callback_is_given_the_report_and_cannot_hold_up_the_end() {
    for runtime in ONE_THREAD {
        let Ended { stdout, stderr, status } = run("silent", runtime, "exit");
        assert_eq!((&*stdout, &*stderr, status.code()), ("given: 6\n", "", Some(70)));
    }
}

#[test]
fn a_stop_says_at_once_and_again_whom_it_waits_for_though_the_loop_is_blocked() {
    for runtime in ONE_THREAD {
        let Ended { stdout, .. } = run("a while", runtime, "return");
        let lines = stdout.lines().filter(|line| line.starts_with("lifespan still stopping"));
        assert_eq!(lines.count(), 2, "{stdout}");
    }
}
