//! What the workers say at their end, and what they refuse.

use std::error::Error;
use std::process::Command;
use std::time::Duration;
use std::{fmt, io};

use lifespan::smol::SmolLoop;
use lifespan::{Lifespan, Workers, WorkersReport};

use crate::workers::AllHere;

/// A worker that ends with this exit code.
fn ends_with(code: u8, all: AllHere) -> Lifespan<SmolLoop> {
    let lifespan = Lifespan::on(SmolLoop::new()).grace(Duration::from_millis(1));
    let lifespan = match code {
        4 => lifespan.task("fails", async |_cx| Err::<(), _>("lost it")),
        5 => lifespan.shutdown("fails", async |_cx| Err::<(), _>("still open")),
        6 => lifespan.task("deaf", async |_cx| std::future::pending::<()>().await),
        _ => lifespan,
    };
    lifespan.serve(async move |cx| {
        while cx.tasks().contains("fails") {
            cx.sleep(Duration::from_millis(1)).await;
        }
        all.come().await;
    })
}

fn run_with(codes: [u8; 2], main_stop: Result<(), &'static str>) -> WorkersReport {
    let all = AllHere::of(2);
    Workers::new(2, |worker| ends_with(codes[worker.index()], all.clone()))
        .on_main_stop(|| main_stop)
        .run()
}

#[test]
fn the_exit_code_is_the_first_that_applies_over_all() {
    for (codes, main_stop, expected) in [
        ([0, 0], Ok(()), 0),
        ([0, 6], Ok(()), 6),
        ([6, 5], Ok(()), 5),
        ([5, 4], Ok(()), 4),
        ([4, 0], Err("no"), 4),
        ([0, 0], Err("no"), 5),
        ([6, 0], Err("no"), 5),
    ] {
        let report = run_with(codes, main_stop);
        assert!(report.workers.iter().map(lifespan::Report::exit_code).eq(codes), "{report}");
        assert_eq!(report.exit_code(), expected, "{report}");
        assert_eq!(report.is_clean(), expected == 0);
    }
}

#[test]
fn as_json_the_report_lists_those_of_all_workers() {
    let report = run_with([4, 0], Err("no disk"));
    let json = report.to_json();
    let has = |part: &str| assert!(json.contains(part), "no {part} in {json}");
    has(r#"{"is_clean":false,"exit_code":4,"reason":""#);
    has(r#""start_error":null,"main_start":"#);
    has(r#""main_stop":{"outcome":"failed","error":"no disk","sources":[]},"workers":[{"#);
    for worker in &report.workers {
        has(&worker.to_json());
    }
}

#[test]
fn the_report_reads_as_a_list_of_workers() {
    let report = run_with([4, 0], Err("no disk")).to_string();
    let lines = report.lines().collect::<Vec<_>>();
    let [first, main, worker_0, _, serve, task, worker_1, _, _] = lines[..] else {
        panic!("{report}")
    };
    assert!(
        first.starts_with("2 workers ended, not clean: the serve future ended (first on worker ")
    );
    assert_eq!(main, "  main: start not run; stop failed: no disk");
    assert_eq!(worker_0, "  worker 0: lifespan ended, not clean: the serve future ended");
    assert_eq!(serve, "    serve: completed");
    assert!(task.starts_with("    task fails: failed: lost it, after "), "{report}");
    assert_eq!(worker_1, "  worker 1: lifespan ended, clean: the serve future ended");
}

#[test]
fn a_second_main_handler_is_refused() {
    let workers = || Workers::new(1, |_worker| Lifespan::on(SmolLoop::new()).until_idle());
    let never = || unreachable!("nothing runs");
    for report in [
        workers().on_main_start(never).on_main_start(never).run(),
        workers().on_main_start(never).on_main_stop(never).on_main_stop(never).run(),
    ] {
        assert!(report.to_string().contains("was given twice"), "{report}");
        assert_eq!(report.exit_code(), 3);
    }
}

/// In a program of its own, whose threads are asked to be larger than the machine.
#[test]
fn a_thread_that_cannot_be_made_is_that_workers_start_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_threadless"))
        .env("RUST_MIN_STACK", (1_u64 << 50).to_string())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("did not start: the worker's thread could not be made"), "{said}");
}

/// An error of a program that has another behind it.
#[derive(Debug)]
struct CannotOpen(io::Error);

impl fmt::Display for CannotOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot open")
    }
}

impl Error for CannotOpen {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn the_report_shows_what_is_behind_an_error_of_the_main_thread() {
    let fails = || Err::<(), _>(CannotOpen(io::Error::other("no such file")));
    let workers = || Workers::new(1, |_worker| Lifespan::on(SmolLoop::new()).until_idle());
    let report = workers().on_main_start(fails).run().to_string();
    let error = "failed: cannot open, because: no such file";
    assert!(
        report.contains(&format!("  did not start: the start of \"main\" {error}\n")),
        "{report}"
    );
    assert!(report.contains(&format!("  main: start {error}; stop not run\n")), "{report}");
    let report = workers().on_main_stop(fails).run().to_string();
    assert!(report.contains(&format!("  main: start not run; stop {error}\n")), "{report}");
}
