//! The feed as a program: real WebSockets, many of them, a signal, and a browser where there is one.
#![cfg(all(unix, feature = "tokio", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[expect(dead_code, reason = "what the other programs' tests need")]
mod program;

mod browser;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use std::{io, thread};

use browser::Browser;
use program::{HANG, Program, connect, get, read_response};
use socket2::{Domain, Socket, Type};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

const RUNTIMES: [&str; 3] = ["tokio", "tokio-local", "smol"];

/// How many connections come and go.
const MANY: usize = 1_000;
const AT_ONCE: usize = 100;

/// How many answers to a ping are more than any socket holds.
const PINGS: usize = 100_000;

fn start(runtime: &str) -> Program {
    Program::start_example("websocket_feed", &["--runtime", runtime, "--addr", "127.0.0.1:0"])
}

/// Opens a WebSocket, as far as the answer of the server.
fn open(addr: &str) -> WebSocket<TcpStream> {
    tungstenite::client(format!("ws://{addr}/feed"), connect(addr)).unwrap().0
}

/// As `open`, with little room for what comes, and none is made: nothing is read.
fn open_deaf(addr: &str) -> WebSocket<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&addr.parse::<SocketAddr>().unwrap().into()).unwrap();
    tungstenite::client(format!("ws://{addr}/feed"), socket.into()).unwrap().0
}

/// Dispatches an event, and returns what the server says.
fn dispatch(addr: &str, text: &str) -> String {
    let mut stream = connect(addr);
    let length = text.len();
    write!(
        stream,
        "POST /dispatch HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n{text}"
    )
    .unwrap();
    let response = read_response(&mut stream);
    assert_eq!(response.status, "HTTP/1.1 200 OK");
    response.body
}

/// Asks for what lives until it is as wanted, and returns that.
fn tasks_when(addr: &str, wanted: impl Fn(&str) -> bool) -> String {
    let until = Instant::now() + HANG;
    loop {
        let tasks = get(addr, "/tasks").body;
        if wanted(&tasks) {
            return tasks;
        }
        assert!(Instant::now() < until, "not as wanted: {tasks}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_empty(tasks: &str) -> bool {
    tasks.starts_with("0 in feeds\n")
}

#[test]
fn what_is_dispatched_is_sent_to_all_who_are_connected() {
    for runtime in RUNTIMES {
        let mut program = start(runtime);
        let addr = program.listening_addr();
        assert_eq!(dispatch(&addr, "nobody hears it"), "sent to 0\n");
        let mut clients = [(); 3].map(|()| open(&addr));
        for text in ["one", "two"] {
            assert_eq!(dispatch(&addr, text), "sent to 3\n");
        }
        for client in &mut clients {
            assert_eq!(client.read().unwrap(), Message::text("one"));
            assert_eq!(client.read().unwrap(), Message::text("two"));
        }
    }
}

#[test]
fn each_connection_has_a_receiver_that_goes_with_it() {
    for runtime in RUNTIMES {
        let mut program = start(runtime);
        let addr = program.listening_addr();
        let mut client = open(&addr);
        program.lines_until("feed:1 opened");
        client.send(Message::text("hello")).unwrap();
        program.lines_until("receiver:1 received: hello");
        let tasks = get(&addr, "/tasks").body;
        assert!(tasks.contains("feed:1") && tasks.contains("receiver:1"), "{tasks}");

        client.close(None).unwrap();
        // The server answers with a close frame of its own.
        while client.read().is_ok() {}
        let tasks = tasks_when(&addr, is_empty);
        assert!(!tasks.contains("feed:1") && !tasks.contains("receiver:1"), "{tasks}");
        program.lines_until("feed:1 closed: the other side went");
    }
}

#[test]
fn a_send_that_fails_cancels_the_receiver_that_waits() {
    for runtime in RUNTIMES {
        let mut program = start(runtime);
        let addr = program.listening_addr();
        let mut client = open_deaf(&addr);
        program.lines_until("feed:1 opened");
        // The answers to these fill whatever is between the two..
        let ping = Message::Ping(vec![0; 125].into());
        for _ in 0..PINGS {
            client.write(ping.clone()).unwrap();
        }
        // ..so that the one to its close frame has to wait, and with it the receiver. From then on
        // nothing else may be sent.
        client.write(Message::text("good-bye")).unwrap();
        client.close(None).unwrap();
        program.lines_until("receiver:1 received: good-bye");
        for _ in 0..20 {
            let tasks = get(&addr, "/tasks").body;
            assert!(tasks.contains("receiver:1"), "{runtime}: {tasks}");
        }
        assert_eq!(dispatch(&addr, "too late"), "sent to 1\n");
        program.lines_until("feed:1 closed: the other side is gone");
        let tasks = tasks_when(&addr, is_empty);
        assert!(!tasks.contains("feed:1") && !tasks.contains("receiver:1"), "{runtime}: {tasks}");
        program.signal("TERM");
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(0), "{runtime}: {lines:?}");
    }
}

#[test]
fn a_thousand_connections_that_come_and_go_leave_an_empty_registry() {
    for runtime in RUNTIMES {
        let mut program = start(runtime);
        let addr = program.listening_addr();
        for round in 0..MANY / AT_ONCE {
            let mut clients = (0..AT_ONCE).map(|_| open(&addr)).collect::<Vec<_>>();
            dispatch(&addr, "to all");
            for (number, mut client) in clients.drain(..).enumerate() {
                match (round + number) % 4 {
                    // As the protocol has it.
                    0 => client.close(None).and_then(|()| client.flush()).unwrap(),
                    1 => assert_eq!(client.read().unwrap(), Message::text("to all")),
                    2 => client.send(Message::text("and gone")).unwrap(),
                    // Gone, with what was sent to it unread.
                    _ => drop(client),
                }
            }
        }
        let tasks = tasks_when(&addr, is_empty);
        assert!(!tasks.contains("feed:") && !tasks.contains("receiver:"), "{tasks}");
        assert_eq!(dispatch(&addr, "nobody is left"), "sent to 0\n", "{runtime}");
        program.signal("TERM");
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(0), "{runtime}: {lines:?}");
        let closed = lines.iter().filter(|line| line.contains(" closed: ")).count();
        assert_eq!(closed, MANY, "{runtime}");
    }
}

#[test]
fn a_stop_closes_each_socket_with_a_close_frame() {
    for runtime in RUNTIMES {
        let mut program = start(runtime);
        let addr = program.listening_addr();
        let mut clients = [(); 5].map(|()| open(&addr));
        // One that never answers is not waited for beyond its time.
        let silent = open(&addr);
        assert_eq!(dispatch(&addr, "before the stop"), "sent to 6\n");
        program.signal("TERM");
        for client in &mut clients {
            assert_eq!(client.read().unwrap(), Message::text("before the stop"));
            let Message::Close(Some(frame)) = client.read().unwrap() else { panic!("{runtime}") };
            assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Away, "the server stops"));
            // Answered by this read, which then finds the end.
            assert!(client.read().is_err());
        }
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(0), "{runtime}: {lines:?}");
        assert!(
            lines.iter().any(|line| line == "lifespan ended, clean: signal SIGTERM"),
            "{lines:?}"
        );
        let ended = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
        assert_eq!((ended("closed: stopped"), ended(", without an answer")), (5, 1), "{lines:?}");
        drop(silent);
    }
}

#[test]
fn the_page_shows_what_is_dispatched_and_reports_back() {
    let Some(chromium) = browser::installed() else {
        // Not by a macro, whose output a passing test hides.
        writeln!(io::stderr(), "SKIP: the page in a browser: no Chromium on the PATH").unwrap();
        return;
    };
    for runtime in ["tokio", "smol"] {
        let mut program = start(runtime);
        let addr = program.listening_addr();
        let browser = Browser::open(&chromium, &format!("http://{addr}/"));
        program.lines_until("feed:1 opened");
        assert_eq!(dispatch(&addr, "hello"), "sent to 1\n");
        // It reports what it shows.
        program.lines_until("receiver:1 received: seen by feed: hello");
        let mut page = browser.page();
        assert_eq!(page.evaluate("at('state').innerText"), "open");
        assert_eq!(page.evaluate("at('messages').innerText"), "hello");
        page.evaluate("at('text').value = 'of its own'; at('form').requestSubmit()");
        program.lines_until("receiver:1 received: seen by feed: of its own");
        assert_eq!(
            page.evaluate("[...at('messages').children].map(it => it.innerText).join()"),
            "hello,of its own"
        );
        program.signal("TERM");
        // The browser answers the close frame.
        program.lines_until("feed:1 closed: stopped");
        page.evaluate_until("at('state').innerText", "closed: 1001 the server stops");
        let (status, lines) = program.end();
        assert_eq!(status.code(), Some(0), "{runtime}: {lines:?}");
        drop(browser);
    }
}
