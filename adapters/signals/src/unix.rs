//! Hears signals through signal-hook's self-pipe, on a thread of its own.

use std::thread::{self, JoinHandle};

use lifespan_core::BoxError;
use signal_hook::consts::FORBIDDEN;
use signal_hook::iterator::{Handle, Signals as Heard};
use signal_hook::low_level::{emulate_default_handler, signal_name};

use crate::Signals;
use crate::default_action::Listener;
use crate::hook::{Calls, Hook};
use crate::steps::Steps;

/// A thread that hears signals until this is dropped.
#[derive(Debug)]
pub struct Listening {
    signals: Handle,
    thread: Option<JoinHandle<()>>,
    /// `None` when nobody listens any more.
    listener: Option<Listener>,
}

impl Listening {
    pub(crate) fn start(signals: Signals, mut steps: Steps) -> Result<Self, BoxError> {
        let numbers = numbers(&signals)?;
        let hooks = signals.hooks.into_iter().map(Hook::listen).collect::<Result<Vec<_>, _>>()?;
        let listener = Listener::new(&numbers)?;
        let mut heard = Heard::new(&numbers)?;
        let handle = heard.handle();
        let thread = thread::Builder::new().name("lifespan-signals".into());
        let thread = thread.spawn(move || {
            for number in heard.forever() {
                hear(number, &hooks, &mut steps);
            }
        })?;
        Ok(Self { signals: handle, thread: Some(thread), listener: Some(listener) })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // First: a signal that comes between the two does what it did before, and is not swallowed.
        self.listener = None;
        self.signals.close();
        if let Some(thread) = self.thread.take() {
            // Closed: the thread ends at once, and it catches what panics.
            let _ = thread.join();
        }
    }
}

/// All that are to be heard.
fn numbers(signals: &Signals) -> Result<Vec<i32>, BoxError> {
    let mut numbers = signals.numbers.clone();
    for hook in &signals.hooks {
        if numbers.contains(&hook.number) {
            return Err(format!("{} is given two meanings", name(hook.number)).into());
        }
        numbers.push(hook.number);
    }
    if let Some(forbidden) = numbers.iter().find(|number| FORBIDDEN.contains(number)) {
        return Err(format!("signal {forbidden} cannot be handled").into());
    }
    Ok(numbers)
}

fn hear(number: i32, hooks: &[Calls], steps: &mut Steps) {
    if let Some(hook) = hooks.iter().find(|hook| hook.number == number) {
        hook.call();
    } else if steps.hear(name(number)).is_some() {
        // It fails for signals that have no default action to take, and then there is nothing to do.
        let _ = emulate_default_handler(number);
    }
}

fn name(number: i32) -> &'static str {
    signal_name(number).unwrap_or("unknown")
}
