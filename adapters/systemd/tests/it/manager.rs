//! A service manager that only listens.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lifespan_core::{Lifespan, LoopOwner, Report, ShutdownEvent, ShutdownTrigger, Timer};
use lifespan_systemd::Systemd;

/// No message takes anywhere near it.
const HANG: Duration = Duration::from_secs(60);

static SOCKETS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    /// What has come, and was not looked at.
    heard: Mutex<Vec<String>>,
}

impl Manager {
    pub(crate) fn new() -> Self {
        let number = SOCKETS.fetch_add(1, Ordering::Relaxed);
        let name = format!("lifespan-systemd-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(HANG)).unwrap();
        Self { socket, path, heard: Mutex::default() }
    }

    pub(crate) fn systemd(&self) -> Systemd {
        Systemd::to(&self.path)
    }

    /// Runs a lifespan here, and beside it what the manager does, which may stop it.
    pub(crate) fn run<O: LoopOwner<Handle: Timer>>(
        &self,
        lifespan: Lifespan<O>,
        script: impl FnOnce(&Self, ShutdownTrigger) + Send,
    ) -> Report {
        let event = ShutdownEvent::new();
        let trigger = event.trigger();
        // A script that fails must not leave the lifespan waiting.
        let guard = event.drop_guard();
        thread::scope(|scope| {
            let script = scope.spawn(move || {
                script(self, trigger);
                drop(guard.disarm());
            });
            let report = lifespan.event(event).run();
            script.join().unwrap();
            report
        })
    }

    /// Waits for this assignment; what came before it.
    pub(crate) fn hear_until(&self, wanted: &str) -> Vec<String> {
        let mut heard = self.heard.lock().unwrap();
        let began = Instant::now();
        loop {
            if let Some(place) = heard.iter().position(|said| said == wanted) {
                let mut before = heard.drain(..=place).collect::<Vec<_>>();
                before.pop();
                return before;
            }
            assert!(began.elapsed() < HANG, "no {wanted:?} in {heard:?}");
            heard.extend(receive(&self.socket));
        }
    }

    /// All that has come and was not heard.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4096];
        let mut rest = std::mem::take(&mut *self.heard.lock().unwrap());
        while let Ok(length) = self.socket.recv(&mut buffer) {
            rest.extend(assignments(&buffer[..length]));
        }
        self.socket.set_nonblocking(false).unwrap();
        rest
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

pub(crate) fn receive(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    assignments(&buffer[..length])
}

fn assignments(message: &[u8]) -> Vec<String> {
    std::str::from_utf8(message).unwrap().lines().map(String::from).collect()
}
