//! A browser without a window, and what a page in it shows.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use tungstenite::{Message, WebSocket};

use crate::program::{HANG, connect};

/// What it may be called.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Returns the one on the PATH, if there is any.
pub(crate) fn installed() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut all = env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    all.find(|file| file.is_file())
}

/// A browser without a window, with a profile of its own; closed when dropped.
pub(crate) struct Browser {
    child: Child,
    profile: PathBuf,
}

impl Browser {
    pub(crate) fn open(program: &PathBuf, url: &str) -> Self {
        let name = format!("lifespan-feed-{}-{}", process::id(), url.replace(['/', ':'], "-"));
        let profile = env::temp_dir().join(name);
        let flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                     --disable-background-networking --disable-component-update --disable-sync \
                     --remote-debugging-port=0";
        let child = Command::new(program)
            .args(flags.split_whitespace())
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, profile }
    }

    /// Attaches to the page that it shows, by the protocol of its developer tools.
    pub(crate) fn page(&self) -> Page {
        // The port and the path, each in a line.
        let active = self.profile.join("DevToolsActivePort");
        let until = Instant::now() + HANG;
        let addr = loop {
            let lines = fs::read_to_string(&active).unwrap_or_default();
            if let Some((port, path)) = lines.split_once('\n').filter(|(_, path)| !path.is_empty())
            {
                break format!("127.0.0.1:{port}{path}");
            }
            assert!(Instant::now() < until, "it says no port: {lines:?}");
            thread::sleep(Duration::from_millis(5));
        };
        let (port, _) = addr.split_once('/').unwrap();
        let tools = tungstenite::client(format!("ws://{addr}"), connect(port)).unwrap().0;
        let mut page = Page { tools, session: String::new(), calls: 0 };
        let targets = page.call("Target.getTargets", "");
        let target = targets.split('{').find(|it| it.contains("\"type\":\"page\"")).unwrap();
        let target = format!("\"flatten\":true,\"targetId\":\"{}\"", member(target, "targetId"));
        let attached = page.call("Target.attachToTarget", &target);
        page.session = format!("\"sessionId\":\"{}\",", member(&attached, "sessionId"));
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // All fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// A page in a browser.
pub(crate) struct Page {
    tools: WebSocket<TcpStream>,
    /// What each call says of it, when it is known.
    session: String,
    calls: usize,
}

impl Page {
    /// Returns the answer to one call; what else comes is not looked at.
    fn call(&mut self, method: &str, params: &str) -> String {
        self.calls += 1;
        let Self { session, calls: id, .. } = self;
        let call = format!(r#"{{{session}"id":{id},"method":"{method}","params":{{{params}}}}}"#);
        self.tools.send(Message::text(call)).unwrap();
        loop {
            let answer = self.tools.read().unwrap().to_string();
            if answer.starts_with(&format!("{{\"id\":{},", self.calls)) {
                assert!(!answer.contains("\"error\"") && !answer.contains("exception"), "{answer}");
                return answer;
            }
        }
    }

    /// Returns the text that an expression has, if it has one; neither needs escapes.
    pub(crate) fn evaluate(&mut self, expression: &str) -> String {
        let answer = self.call("Runtime.evaluate", &format!("\"expression\":\"{expression}\""));
        member(&answer, "value").to_owned()
    }

    pub(crate) fn evaluate_until(&mut self, expression: &str, wanted: &str) {
        let until = Instant::now() + HANG;
        loop {
            let found = self.evaluate(expression);
            if found == wanted {
                return;
            }
            assert!(Instant::now() < until, "not as wanted: {found}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The text of this name in JSON; empty, if there is none.
fn member<'a>(json: &'a str, name: &str) -> &'a str {
    let after = json.split_once(&format!("\"{name}\":\"")).map(|(_, after)| after);
    after.and_then(|after| after.split_once('"')).map_or("", |(text, _)| text)
}
