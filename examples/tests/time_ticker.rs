//! The ticker as a program: started, fetched over HTTP, stopped by a signal, on each runtime.
//!
//! `cargo test` builds the examples before this runs; `cargo test --test time_ticker` does not.
#![cfg(all(
    unix,
    feature = "tokio",
    feature = "smol",
    feature = "async-std",
    feature = "async-executor"
))]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod program;

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use program::{HANG, Program, get, is_tick, read_response};

const RUNTIMES: [&str; 5] = ["tokio", "tokio-local", "smol", "async-std", "async-executor"];
const NONE_YET: &str = "Last time tick: none yet";
/// Ticks that a busy machine may squeeze in between the signal and the end.
const LATE_TICKS: usize = 3;

fn start(runtime: &str, on_stop: &str) -> Program {
    Program::start(&["--runtime", runtime, "--on-stop", on_stop, "--addr", "127.0.0.1:0"])
}

/// Fetches until the answer is a tick other than `before`.
fn next_tick(addr: &str, before: &str) -> String {
    let until = Instant::now() + HANG;
    while Instant::now() < until {
        let response = get(addr, "/some/path");
        assert_eq!(response.status, "HTTP/1.1 200 OK");
        assert_eq!(response.header("content-type"), Some("text/plain"));
        if is_tick(&response.body) && response.body != before {
            return response.body;
        }
        // "None yet" only before the first tick.
        assert!(response.body == before || (before.is_empty() && response.body == NONE_YET));
        thread::sleep(Duration::from_millis(20));
    }
    panic!("no tick after {before:?}");
}

#[test]
fn ticks_are_served_until_the_signal_then_the_report_follows() {
    for runtime in RUNTIMES {
        for on_stop in ["event", "cancel"] {
            let mut program = start(runtime, on_stop);
            let addr = program.listening_addr();
            let first = next_tick(&addr, "");
            let second = next_tick(&addr, &first);
            assert!(first < second, "{first} then {second}");

            let before = program.lines_until(&second);
            assert!(before.iter().all(|line| is_tick(line)), "{before:?}");
            assert!(before.contains(&first), "{before:?}");
            program.signal("TERM");
            let (status, after) = program.end();
            assert_eq!(status.code(), Some(0), "{runtime} {on_stop}: {after:?}");
            assert_ends_in_order(&after, on_stop);
        }
    }
}

/// The lines after the signal: ticks that were under way, the good-bye, the report.
fn assert_ends_in_order(lines: &[String], on_stop: &str) {
    let ticks = lines.iter().take_while(|line| is_tick(line)).count();
    assert!(ticks < LATE_TICKS, "the stop took {ticks} ticks: {lines:?}");
    let mut rest = lines[ticks..].iter().map(String::as_str);
    if on_stop == "event" {
        assert_eq!(rest.next(), Some("The time ticker has stopped"));
    }
    assert_eq!(rest.next(), Some("lifespan ended, clean: signal SIGTERM"));
    let report = rest.collect::<Vec<_>>().join("\n");
    let outcome = if on_stop == "event" { "completed" } else { "cancelled" };
    assert!(report.contains(&format!("task ticker/ticks: {outcome}")), "{report}");
    assert!(report.contains("component http: startup completed"), "{report}");
    assert!(!report.contains("Last time tick"), "{report}");
}

#[test]
fn open_connections_do_not_hold_the_stop_up() {
    for runtime in RUNTIMES {
        let mut program = start(runtime, "event");
        let addr = program.listening_addr();

        let mut idle = program::connect(&addr);
        idle.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        assert_eq!(read_response(&mut idle).status, "HTTP/1.1 200 OK");
        let mut silent = program::connect(&addr);
        let mut halfway = program::connect(&addr);
        halfway.write_all(b"GET / HTTP/1.1\r\nhost:").unwrap();

        program.signal("TERM");
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(0), "{runtime}: {lines:?}");
        assert!(program::is_closed(&mut idle), "{runtime}");
        assert!(program::is_closed(&mut silent), "{runtime}");
        assert!(program::is_closed(&mut halfway), "{runtime}");
    }
}

#[test]
fn one_connection_serves_many_requests_and_other_methods_are_refused() {
    for runtime in RUNTIMES {
        let mut program = start(runtime, "event");
        let mut connection = program::connect(&program.listening_addr());
        for method in ["GET", "POST", "HEAD", "DELETE", "GET"] {
            let request = format!("{method} / HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
            connection.write_all(request.as_bytes()).unwrap();
            let response = read_response(&mut connection);
            if method == "GET" {
                assert_eq!(response.status, "HTTP/1.1 200 OK");
            } else {
                assert_eq!(response.status, "HTTP/1.1 405 Method Not Allowed");
                assert_eq!(response.header("allow"), Some("GET"));
            }
        }
        program.signal("INT");
        assert_eq!(program.end().0.code(), Some(0));
    }
}

#[test]
fn a_reader_of_the_output_may_go_away() {
    for runtime in RUNTIMES {
        let mut program = start(runtime, "event");
        let addr = program.listening_addr();
        program.close_stdout();
        let first = next_tick(&addr, "");
        let second = next_tick(&addr, &first);
        next_tick(&addr, &second);
        program.signal("TERM");
        let (status, _) = program.end();
        assert_eq!(status.code(), Some(0), "{runtime}");
        assert_eq!(program.stderr(), "");
    }
}

#[test]
fn a_taken_port_fails_the_start_and_the_report_names_the_component() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for runtime in RUNTIMES {
        let mut program = Program::start(&["--runtime", runtime, "--addr", &addr]);
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(3), "{lines:?}");
        assert_eq!(lines[0], "lifespan ended, not clean: the start failed");
        let named = format!("the start of \"http\" failed: cannot listen on {addr}: ");
        assert!(lines.iter().any(|line| line.contains(&named)), "{lines:?}");
        assert!(!lines.iter().any(|line| is_tick(line)), "{lines:?}");
    }
}

#[test]
fn a_command_line_that_cannot_be_followed_is_one_line_and_status_2() {
    for (args, says) in [
        (["--runtime", "nope"], "no such runtime, expected tokio, "),
        (["--addr", "localhost"], "expected HOST:PORT"),
        (["--on-stop", "never"], "expected event or cancel"),
        (["--what", "else"], "invalid option '--what'"),
    ] {
        let mut program = Program::start(&args);
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(2), "{args:?}");
        assert!(lines.is_empty(), "{lines:?}");
        let stderr = program.stderr();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
}
