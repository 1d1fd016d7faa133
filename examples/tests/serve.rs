//! The foregrounds of `examples/serve`: an open request ends before the lifespan does.
#![cfg(all(unix, feature = "tokio", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(dead_code, reason = "shared with the other tests of programs")]

mod program;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use program::{Program, connect, read_response};

/// The first half of a request, and the second.
type Halves = (&'static [u8], &'static [u8]);

const HTTP: Halves = (b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhe", b"llo");
const LINE: Halves = (b"he", b"llo\n");

/// Asks, whole and in halves with the stop in between.
fn play(example: &str, args: &[&str], (begin, end): Halves, answer: fn(TcpStream) -> String) {
    let mut program = Program::start_example(example, args);
    let addr = program.listening_addr();
    let mut whole = connect(&addr);
    whole.write_all(begin).unwrap();
    whole.write_all(end).unwrap();
    assert_eq!(answer(whole), "hello", "{example} {args:?}");

    let mut open = connect(&addr);
    open.write_all(begin).unwrap();
    // What comes after it is answered, so the open one has been accepted too.
    let mut next = connect(&addr);
    next.write_all(begin).unwrap();
    next.write_all(end).unwrap();
    assert_eq!(answer(next), "hello");
    program.signal("TERM");
    let began = Instant::now();
    while TcpStream::connect(&addr).is_ok() {
        assert!(began.elapsed() < program::HANG, "{example} {args:?}: the port stays open");
    }
    open.write_all(end).unwrap();
    assert_eq!(answer(open), "hello", "{example} {args:?}");
    let (status, _) = program.end();
    assert_eq!(status.code(), Some(0), "{example} {args:?}: {}", program.stderr());
}

fn body(mut stream: TcpStream) -> String {
    let response = read_response(&mut stream);
    assert_eq!(response.status, "HTTP/1.1 200 OK");
    response.body
}

fn line(mut stream: TcpStream) -> String {
    let mut line = String::new();
    stream.read_to_string(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn axum_answers_what_is_open() {
    play("serve_axum", &["127.0.0.1:0"], HTTP, body);
}

#[test]
fn hyper_util_answers_what_is_open() {
    for runtime in ["tokio", "smol"] {
        play("serve_hyper", &[runtime, "127.0.0.1:0"], HTTP, body);
    }
}

#[test]
fn a_plain_accept_loop_answers_what_is_open() {
    for runtime in ["tokio", "smol"] {
        play("serve_plain", &[runtime, "127.0.0.1:0"], LINE, line);
    }
}
