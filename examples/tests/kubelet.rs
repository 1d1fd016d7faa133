//! Plays the kubelet to `health_server`: probes, preStop, SIGTERM, and a balancer that looks.
#![cfg(all(
    unix,
    feature = "tokio",
    feature = "smol",
    feature = "async-std",
    feature = "async-executor"
))]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(dead_code, reason = "shared with the other tests of programs")]

mod program;

use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

use program::{Program, Response, connect, get, read_response};

const RUNTIMES: [&str; 4] = ["tokio", "smol", "async-std", "async-executor"];

const OK: &str = "HTTP/1.1 200 OK";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable";

fn start(runtime: &str, drain: &str) -> Program {
    let args = ["--runtime", runtime, "--addr", "127.0.0.1:0", "--drain", drain];
    Program::start_example("health_server", &args)
}

/// Sends the head of a request, whose five bytes of work are to come.
fn begin_work(addr: &str) -> TcpStream {
    let mut stream = connect(addr);
    stream.write_all(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\n").unwrap();
    stream
}

fn end_work(mut stream: TcpStream) -> Response {
    stream.write_all(b"hello").unwrap();
    read_response(&mut stream)
}

/// Looks at a probe until it says this.
fn await_probe(addr: &str, path: &str, status: &str) {
    let began = Instant::now();
    while get(addr, path).status != status {
        assert!(began.elapsed() < program::HANG, "{path} never says {status}");
    }
}

fn await_closed_port(addr: &str) {
    let began = Instant::now();
    while TcpStream::connect(addr).is_ok() {
        assert!(began.elapsed() < program::HANG, "the port stays open");
    }
}

#[test]
fn no_request_is_lost_when_a_pod_ends_and_nothing_is_killed() {
    for runtime in RUNTIMES {
        let mut pod = start(runtime, "1");
        let addr = pod.listening_addr();
        await_probe(&addr, "/readyz", OK);
        assert_eq!(get(&addr, "/livez").status, OK);
        let open = begin_work(&addr);

        // preStop is the kubelet's own sleep: the program knows nothing, and is ready.
        await_probe(&addr, "/readyz", OK);
        pod.signal("TERM");

        await_probe(&addr, "/readyz", UNAVAILABLE);
        assert_eq!(get(&addr, "/livez").status, OK);
        // Who has not heard yet is served, and told not to keep the connection.
        let late = end_work(begin_work(&addr));
        assert_eq!((late.status.as_str(), late.body.as_str()), (OK, "hello"));
        assert_eq!(late.header("connection"), Some("close"));

        await_closed_port(&addr);
        assert_eq!(end_work(open).body, "hello", "{runtime}");
        let (status, lines) = pod.end();
        assert_eq!(status.code(), Some(0), "{runtime}: {lines:?}");
        assert_eq!(lines[0], "lifespan ended, clean: signal SIGTERM");
    }
}

#[test]
fn a_second_signal_ends_the_drain() {
    for runtime in RUNTIMES {
        let mut pod = start(runtime, "86400");
        let addr = pod.listening_addr();
        await_probe(&addr, "/readyz", OK);
        pod.signal("TERM");
        await_probe(&addr, "/readyz", UNAVAILABLE);
        pod.signal("INT");
        let (status, lines) = pod.end();
        assert!(matches!(status.code(), Some(0 | 6)), "{runtime}: {status} {lines:?}");
    }
}

#[test]
fn idle_and_half_open_connections_hold_up_no_end() {
    for runtime in RUNTIMES {
        let mut pod = start(runtime, "0");
        let addr = pod.listening_addr();
        let mut idle = connect(&addr);
        idle.write_all(b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        assert_eq!(read_response(&mut idle).status, OK);
        let mut silent = connect(&addr);
        pod.signal("TERM");
        let (status, lines) = pod.end();
        assert_eq!(status.code(), Some(0), "{runtime}: {lines:?}");
        assert!(program::is_closed(&mut idle) && program::is_closed(&mut silent));
    }
}

#[test]
fn what_lives_is_told_as_json() {
    for runtime in RUNTIMES {
        let mut pod = start(runtime, "0");
        let addr = pod.listening_addr();
        await_probe(&addr, "/readyz", OK);
        let health = get(&addr, "/readyz");
        assert_eq!(health.header("content-type"), Some("application/json"));
        assert!(health.body.starts_with(r#"{"live":true,"ready":true,"phase":"serving""#));
        let tasks = get(&addr, "/tasks").body;
        assert!(tasks.contains(r#""kind":"component","name":"http","state":"running""#), "{tasks}");
        assert!(tasks.contains(r#""kind":"task","name":"accept","state":"running""#), "{tasks}");
        assert_eq!(get(&addr, "/nothing").status, "HTTP/1.1 404 Not Found");
        pod.signal("TERM");
        assert_eq!(pod.end().0.code(), Some(0));
    }
}
