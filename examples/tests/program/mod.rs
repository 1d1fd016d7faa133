//! An example that runs as a child process, and a client of it. Every wait has a hang guard.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// No test waits longer than this for anything; nothing takes anywhere near it.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// A stop that takes this long has waited for the grace of ten seconds, though every task had ended.
const STOP: Duration = Duration::from_secs(9);

/// The example; killed when dropped, should it still run.
pub(crate) struct Program {
    child: Child,
    /// The lines that it prints; `None` once nobody listens any more.
    stdout: Option<Receiver<String>>,
}

impl Program {
    /// Starts the ticker.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_example("time_ticker", args)
    }

    pub(crate) fn start_example(name: &str, args: &[&str]) -> Self {
        Self::start_with(name, args, |_command| {})
    }

    pub(crate) fn start_with(name: &str, args: &[&str], adapt: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(path(name));
        adapt(&mut command);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = read_lines(BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdout: Some(stdout) }
    }

    /// Reads the first line, which says where it listens.
    pub(crate) fn listening_addr(&mut self) -> String {
        let line = self.line(Instant::now() + HANG).unwrap();
        let addr = line.strip_prefix("listening on ").and_then(|addr| addr.split_once("://"));
        addr.map(|(_scheme, addr)| addr)
            .unwrap_or_else(|| panic!("not the first line: {line:?}"))
            .to_owned()
    }

    /// Returns what it prints up to and with this line.
    pub(crate) fn lines_until(&mut self, last: &str) -> Vec<String> {
        let (until, mut lines) = (Instant::now() + HANG, Vec::new());
        while lines.last().is_none_or(|line| line != last) {
            let line = self.line(until);
            lines.push(line.unwrap_or_else(|error| panic!("{error}: no {last:?} in {lines:?}")));
        }
        lines
    }

    /// Reads one more line, and then closes the pipe.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end, and returns the lines that have not been looked at.
    pub(crate) fn end(&mut self) -> (ExitStatus, Vec<String>) {
        let (until, mut lines) = (Instant::now() + STOP, Vec::new());
        while self.stdout.is_some() {
            match self.line(until) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => self.stdout = None,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {lines:?}"),
            }
        }
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, lines);
            }
            assert!(!left(until).is_zero(), "it does not end: {lines:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has said on standard error; ask when it has ended.
    pub(crate) fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn line(&self, until: Instant) -> Result<String, RecvTimeoutError> {
        self.stdout.as_ref().unwrap().recv_timeout(left(until))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The examples lie beside the folder of the tests.
fn path(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is missing: `cargo build --examples` first", path.display());
    path
}

/// Reads until the pipe ends, or a line finds no receiver.
fn read_lines(pipe: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || pipe.lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
    lines
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Tells whether this is the line of a tick, in the promised form.
pub(crate) fn is_tick(line: &str) -> bool {
    let Some(time) = line.strip_prefix("Last time tick: ") else { return false };
    let form = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c });
    form.eq("0000-00-00T00:00:00Z".chars())
}

pub(crate) struct Response {
    pub(crate) status: String,
    headers: Vec<String>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().filter_map(|header| header.split_once(": "));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub(crate) fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream
}

/// Fetches with a connection of its own.
pub(crate) fn get(addr: &str, path: &str) -> Response {
    let mut stream = connect(addr);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    read_response(&mut stream)
}

/// Reads one response and not a byte more, so that the connection can go on.
pub(crate) fn read_response(stream: &mut TcpStream) -> Response {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines().take_while(|line| !line.is_empty()).map(str::to_owned);
    let (status, headers) = (lines.next().unwrap(), lines.collect());
    let mut response = Response { status, headers, body: String::new() };
    let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
    stream.take(length).read_to_string(&mut response.body).unwrap();
    response
}

/// Waits for the other side's end, and tells whether nothing more was sent.
pub(crate) fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}
