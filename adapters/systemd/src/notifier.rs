//! The thread that tells what happens: it waits for phases, and looks in between.

use std::ffi::OsStr;
use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lifespan_core::{
    BoxError, EventLoop, InsideLoop, Lifespan, Monitor, Phase, ShutdownTrigger, StopSource,
};

use crate::messages;
use crate::pings::Pings;
use crate::socket::Socket;

/// How often it looks what is awaited, while something is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// No limit is so short that the thread may not rest at all.
const SHORTEST: Duration = Duration::from_millis(1);

pub(crate) fn install<O, L: EventLoop>(
    socket: &OsStr,
    watchdog: Option<Duration>,
    extension: Duration,
    lifespan: Lifespan<O, L>,
) -> Lifespan<O, L> {
    let opened = Socket::waiting(socket).and_then(|waiting| Ok((waiting, Pings::to(socket)?)));
    let monitor = lifespan.monitor();
    let (parts, pings) = match opened {
        Ok((socket, pings)) => {
            let parts = Notifier {
                socket,
                monitor,
                pings: pings.clone(),
                watchdog: watchdog.map(|limit| Beat::new(limit / 2)),
                extension,
                extend: (!extension.is_zero()).then(|| Beat::new(extension / 2)),
                told_ready: false,
                told_stopping: false,
                status: String::new(),
            };
            (Ok(parts), Some(pings))
        }
        Err(error) => (Err(error), None),
    };
    lifespan.stop_on(Source(parts)).startup("systemd", async move |cx| {
        if let Some(pings) = pings {
            pings.spawn_by(cx.spawner());
        }
    })
}

/// A `StopSource` because that is bound before anything starts, and released at the end.
struct Source(io::Result<Notifier>);

impl StopSource for Source {
    type Bound = Notifying;

    fn bind(self, _stop: ShutdownTrigger, _cancel: ShutdownTrigger) -> Result<Notifying, BoxError> {
        let notifier = self.0?;
        let thread = thread::Builder::new().name("lifespan-systemd".into());
        let thread = thread.spawn(move || {
            // This thread runs no loop, which is all that it could be refused for.
            let _ = notifier.run();
        })?;
        Ok(Notifying(Some(thread)))
    }
}

/// The thread; released when the lifespan has stopped, which is when it ends.
struct Notifying(Option<JoinHandle<()>>);

impl Drop for Notifying {
    fn drop(&mut self) {
        // Nothing of the caller's runs on it, so it does not panic.
        let _ = self.0.take().map(JoinHandle::join);
    }
}

struct Notifier {
    socket: Socket,
    monitor: Monitor,
    pings: Pings,
    watchdog: Option<Beat>,
    extension: Duration,
    /// `None`: a stop is not to be extended.
    extend: Option<Beat>,
    told_ready: bool,
    told_stopping: bool,
    /// What was said last.
    status: String,
}

impl Notifier {
    fn run(mut self) -> Result<(), InsideLoop> {
        loop {
            let phase = self.monitor.phase();
            self.enter(phase);
            if phase == Phase::Stopped {
                return Ok(());
            }
            self.watch(phase)?;
        }
    }

    fn enter(&mut self, phase: Phase) {
        // A start that is followed by a stop at once is told too: without it the unit has failed.
        if self.monitor.has_started() && !self.told_ready {
            self.told_ready = true;
            self.tell(phase, messages::READY);
        }
        if phase >= Phase::Draining && !self.told_stopping {
            self.told_stopping = true;
            self.tell(phase, messages::STOPPING);
        } else {
            self.tell(phase, "");
        }
    }

    /// Tells what there is to tell while a phase lasts.
    fn watch(&mut self, phase: Phase) -> Result<(), InsideLoop> {
        let next = next(phase);
        loop {
            let pause = self.beat(phase);
            self.monitor.wait_for_blocking_timeout(next, pause)?;
            if self.monitor.phase() != phase {
                return Ok(());
            }
            if phase != Phase::Serving {
                self.tell(phase, "");
            }
        }
    }

    /// Has the loop say what is due, and tells how long until there is more to tell.
    fn beat(&mut self, phase: Phase) -> Duration {
        let now = Instant::now();
        let mut pause = if phase == Phase::Serving { Duration::MAX } else { LOOK_EVERY };
        let mut message = String::new();
        if let Some(watchdog) = &mut self.watchdog {
            if watchdog.is_due(now) {
                message.push_str("WATCHDOG=1\n");
            }
            pause = pause.min(watchdog.left(now));
        }
        if let Some(extend) = self.extend.as_mut().filter(|_| phase >= Phase::Draining) {
            if extend.is_due(now) {
                message.push_str(&messages::extend(self.extension));
            }
            pause = pause.min(extend.left(now));
        }
        if !message.is_empty() {
            self.pings.say(message);
        }
        pause
    }

    /// Says this, and the status with it if that is another one.
    fn tell(&mut self, phase: Phase, assignment: &str) {
        let mut message = String::from(assignment);
        let health = self.monitor.health();
        // A phase that came meanwhile is told of in its turn.
        if health.phase == phase {
            let status = messages::status(&health);
            if status != self.status {
                message.push_str(&status);
                self.status = status;
            }
        }
        if !message.is_empty() {
            self.socket.send(&message);
        }
    }
}

/// The first phase that is another one.
fn next(phase: Phase) -> Phase {
    match phase {
        Phase::Starting => Phase::Serving,
        Phase::Serving => Phase::Draining,
        Phase::Draining => Phase::Stopping,
        _ => Phase::Stopped,
    }
}

/// What is due again and again.
struct Beat {
    every: Duration,
    /// `None` before the first, which is due at once.
    last: Option<Instant>,
}

impl Beat {
    fn new(every: Duration) -> Self {
        Self { every: every.max(SHORTEST), last: None }
    }

    /// Tells whether it is due, and takes it for done if so.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.left(now).is_zero();
        if is_due {
            self.last = Some(now);
        }
        is_due
    }

    fn left(&self, now: Instant) -> Duration {
        let Some(last) = self.last else { return Duration::ZERO };
        self.every.saturating_sub(now.saturating_duration_since(last))
    }
}
