//! Asks the loop, by a task, whether it still turns.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lifespan_core::{EventLoop, Spawner};

use crate::socket::Socket;

type Spawn = Arc<dyn Fn(Ping) + Send + Sync>;

/// Sends what only a loop that turns may say.
#[derive(Clone)]
pub(crate) struct Pings(Arc<Shared>);

struct Shared {
    socket: Socket,
    /// `None` until the component has started.
    spawn: Mutex<Option<Spawn>>,
    /// A task is on its way: the loop owes an answer.
    is_owed: AtomicBool,
}

impl Pings {
    pub(crate) fn to(socket: &OsStr) -> io::Result<Self> {
        let (socket, spawn) = (Socket::not_waiting(socket)?, Mutex::default());
        Ok(Self(Arc::new(Shared { socket, spawn, is_owed: AtomicBool::new(false) })))
    }

    /// From here on tasks are spawned there.
    pub(crate) fn spawn_by<L: EventLoop>(&self, spawner: Spawner<L>) {
        let spawn: Spawn = Arc::new(move |ping| {
            // Closed: nothing turns any more, and nothing is said.
            let _ = spawner.spawn(async move |_cx| ping.answer());
        });
        let before = self.lock().replace(spawn);
        drop(before);
    }

    /// Has a task of the loop say this, unless it owes an answer already.
    ///
    /// No task lives between two turns, so a lifespan that ends when it is idle is not kept alive.
    pub(crate) fn say(&self, message: String) {
        let spawn = self.lock().clone();
        let Some(spawn) = spawn else { return };
        // Relaxed: it orders nothing, and only this thread sets it.
        if !self.0.is_owed.swap(true, Ordering::Relaxed) {
            spawn(Ping { pings: self.clone(), message });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Spawn>> {
        self.0.spawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pings").finish_non_exhaustive()
    }
}

/// What the task is to say.
struct Ping {
    pings: Pings,
    message: String,
}

impl Ping {
    fn answer(&self) {
        self.pings.0.socket.send(&self.message);
    }
}

/// However the task ends, another may come.
impl Drop for Ping {
    fn drop(&mut self) {
        self.pings.0.is_owed.store(false, Ordering::Relaxed);
    }
}
