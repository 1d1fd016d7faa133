//! What systemd hears of `health_server`, at a socket of our own.
#![cfg(all(unix, feature = "tokio", feature = "smol", feature = "async-executor"))]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(dead_code, reason = "shared with the other tests of programs")]

mod program;

use std::os::unix::net::UnixDatagram;
use std::time::Instant;

use program::Program;

struct Manager(UnixDatagram);

impl Manager {
    /// Waits until this is said; all that was said before.
    fn hear_until(&self, wanted: &str) -> Vec<String> {
        let (began, mut before) = (Instant::now(), Vec::new());
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap();
            let message = std::str::from_utf8(&buffer[..length]).unwrap();
            if message.lines().any(|line| line == wanted) {
                return before;
            }
            before.extend(message.lines().map(String::from));
            assert!(began.elapsed() < program::HANG, "no {wanted} in {before:?}");
        }
    }
}

#[test]
fn the_unit_is_ready_fed_and_stopped_in_this_order() {
    for runtime in ["tokio", "smol", "async-executor"] {
        let name = format!("lifespan-health-{}-{runtime}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let manager = Manager(UnixDatagram::bind(&path).unwrap());
        manager.0.set_read_timeout(Some(program::HANG)).unwrap();
        let args = ["--runtime", runtime, "--addr", "127.0.0.1:0", "--drain", "0"];
        let mut unit = Program::start_with("health_server", &args, |command| {
            command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
        });
        let before = manager.hear_until("READY=1");
        // A start that takes its time is fed, too.
        let at_start = |said: &str| said == "WATCHDOG=1" || said.starts_with("STATUS=starting");
        assert!(before.iter().all(|said| at_start(said)), "{before:?}");
        for _ in 0..2 {
            manager.hear_until("WATCHDOG=1");
        }
        unit.signal("TERM");
        let before = manager.hear_until("STOPPING=1");
        let serving = |said: &str| said == "WATCHDOG=1" || said.starts_with("STATUS=serving");
        assert!(before.iter().all(|said| serving(said)), "{before:?}");
        assert_eq!(unit.end().0.code(), Some(0));
        std::fs::remove_file(path).unwrap();
    }
}
