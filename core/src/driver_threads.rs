//! Threads that help to drive a loop while it runs, for adapters.

use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::event::{Reason, ShutdownEvent};
use crate::inside::Inside;
use crate::wake::call_caught;

/// How long the end of a run waits for a thread that a task blocks.
const LET_GO: Duration = Duration::from_millis(100);

/// Threads that drive a loop together with the one that runs it, until this is dropped.
///
/// Dropping it asks them to leave, and waits for 100 ms at the most: a task may block its thread for
/// as long as it likes.
#[must_use = "the threads leave when this is dropped"]
pub struct DriverThreads {
    ended: ShutdownEvent,
    /// Each thread holds a sender; nothing is ever sent.
    stays: Option<Sender<()>>,
    all_gone: Receiver<()>,
}

impl DriverThreads {
    /// Begins with no thread.
    pub fn new() -> Self {
        let (stays, all_gone) = channel();
        Self { ended: ShutdownEvent::new(), stays: Some(stays), all_gone }
    }

    /// Starts one more; `drive` is to return when its event is set.
    ///
    /// # Errors
    /// What the operating system says if it has no thread to give.
    pub fn start(
        &self,
        name: &str,
        drive: impl FnOnce(&ShutdownEvent) + Send + 'static,
    ) -> io::Result<()> {
        let (ended, stays) = (self.ended.clone(), self.stays.clone());
        thread::Builder::new().name(name.into()).spawn(move || {
            let inside = Inside::enter();
            // A panic of the loop itself ends this thread's help, and has been shown by the hook.
            // What `drive` owned, the executor perhaps, is gone before the thread counts as gone.
            let _ = call_caught(|| drive(&ended));
            drop(inside);
            drop(stays);
        })?;
        Ok(())
    }
}

impl Default for DriverThreads {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for DriverThreads {
    fn drop(&mut self) {
        let _ = call_caught(|| self.ended.trigger().set(Reason::LoopClosed));
        self.stays = None;
        // Disconnected when the last thread has gone, or was never started; else the time is over.
        let _ = self.all_gone.recv_timeout(LET_GO);
    }
}

impl fmt::Debug for DriverThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverThreads").finish_non_exhaustive()
    }
}
