//! Hears the console's control events, on a thread of its own.
//!
//! Through tokio's handler, which needs no runtime of tokio: it is the one that keeps the system
//! waiting when the window is closed, and that lets the next handler have what nobody listens to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};

use lifespan_core::BoxError;
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

use crate::Signals;
use crate::steps::Steps;

/// What the default handler ends the process with: STATUS_CONTROL_C_EXIT.
const CONTROL_C_EXIT: i32 = i32::from_ne_bytes(0xC000_013A_u32.to_ne_bytes());

/// A thread that hears signals until this is dropped.
pub struct Listening {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    pub(crate) fn start(_signals: Signals, steps: Steps) -> Result<Self, BoxError> {
        let events = Events { c: ctrl_c()?, pause: ctrl_break()?, close: ctrl_close()?, steps };
        let ended = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&ended);
        let thread = thread::Builder::new().name("lifespan-signals".into());
        let thread = thread.spawn(move || events.hear_until(&over))?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // SeqCst: the unpark below is what orders it; see `hear_until`.
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // Told to end: it does at once, and it catches what panics.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}

/// What is listened to; when it is dropped, the next handler has these again.
struct Events {
    c: CtrlC,
    pause: CtrlBreak,
    close: CtrlClose,
    steps: Steps,
}

impl Events {
    /// An event that comes between the polls and the park has unparked this thread already.
    fn hear_until(mut self, over: &AtomicBool) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        while !over.load(Ordering::SeqCst) {
            while let Poll::Ready(Some(())) = self.c.poll_recv(&mut context) {
                self.hear("Ctrl-C");
            }
            while let Poll::Ready(Some(())) = self.pause.poll_recv(&mut context) {
                self.hear("Ctrl-Break");
            }
            while let Poll::Ready(Some(())) = self.close.poll_recv(&mut context) {
                self.hear("close");
            }
            thread::park();
        }
    }

    fn hear(&mut self, name: &'static str) {
        if self.steps.hear(name).is_some() {
            std::process::exit(CONTROL_C_EXIT);
        }
    }
}

/// Lets a thread look again.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
