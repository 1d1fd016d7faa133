//! Hears signals through signal-hook's self-pipe, on a thread of its own.

use std::thread::{self, JoinHandle};

use lifespan_core::BoxError;
use signal_hook::iterator::{Handle, Signals};

use crate::default_action::Listener;
use crate::steps::Steps;

/// A thread that hears signals until this is dropped.
#[derive(Debug)]
pub struct Listening {
    signals: Handle,
    thread: Option<JoinHandle<()>>,
    _listener: Listener,
}

impl Listening {
    pub(crate) fn start(numbers: &[i32], mut steps: Steps) -> Result<Self, BoxError> {
        let listener = Listener::new(numbers)?;
        let mut signals = Signals::new(numbers)?;
        let handle = signals.handle();
        let thread = thread::Builder::new().name("lifespan-signals".into());
        let thread = thread.spawn(move || {
            for number in signals.forever() {
                steps.hear(number);
            }
        })?;
        Ok(Self { signals: handle, thread: Some(thread), _listener: listener })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.signals.close();
        if let Some(thread) = self.thread.take() {
            // Closed: the thread ends at once, and it catches what panics.
            let _ = thread.join();
        }
    }
}
