//! Hears signals through flags that a thread looks at, where there is no self-pipe (Windows).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lifespan_core::BoxError;
use signal_hook::{SigId, flag, low_level};

use crate::default_action::Listener;
use crate::steps::Steps;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A thread that looks for signals until this is dropped.
#[derive(Debug)]
pub struct Listening {
    actions: Vec<SigId>,
    ended: Arc<AtomicBool>,
    _listener: Listener,
}

impl Listening {
    pub(crate) fn start(numbers: &[i32], mut steps: Steps) -> Result<Self, BoxError> {
        let listener = Listener::new(numbers)?;
        let ended = Arc::new(AtomicBool::new(false));
        let mut listening =
            Self { actions: Vec::new(), ended: Arc::clone(&ended), _listener: listener };
        let mut flags = Vec::new();
        for &number in numbers {
            let raised = Arc::new(AtomicBool::new(false));
            listening.actions.push(flag::register(number, Arc::clone(&raised))?);
            flags.push((number, raised));
        }
        thread::Builder::new().name("lifespan-signals".into()).spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                for (number, raised) in &flags {
                    if raised.swap(false, Ordering::SeqCst) {
                        steps.hear(*number);
                    }
                }
                thread::sleep(LOOK_EVERY);
            }
        })?;
        Ok(listening)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        for action in self.actions.drain(..) {
            low_level::unregister(action);
        }
    }
}
