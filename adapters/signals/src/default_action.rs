//! Lets a signal do what it did before while no lifespan listens to it.
//!
//! A handler of signal-hook stays installed when its last action is gone, and swallows the signal.
//! An earlier handler it calls itself, before its own actions, so that one needs nothing. A signal
//! that had its default action gets one further action, for as long as the process lives, that takes
//! the default action when nobody listens. Signals are the process's, and so is this count.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use signal_hook::flag::register_conditional_default;

use crate::before::Before;

/// More signals than any system has.
const SIGNALS: usize = 128;

/// By number: whether the default action is to be taken.
static NOBODY_LISTENS: [AtomicBool; SIGNALS] = [const { AtomicBool::new(false) }; SIGNALS];
static LISTENERS: Mutex<Vec<Listeners>> = Mutex::new(Vec::new());

/// A signal that somebody listens to, or has listened to.
struct Listeners {
    number: i32,
    count: usize,
}

/// Somebody listens to these signals while this lives.
#[derive(Debug)]
pub(crate) struct Listener {
    numbers: Vec<i32>,
}

impl Listener {
    /// To be made before anything else is registered for the signals: it looks what they do now.
    pub(crate) fn new(numbers: &[i32]) -> io::Result<Self> {
        let mut listener = Self { numbers: Vec::new() };
        for &number in numbers {
            count_one(&mut lock(), number)?;
            listener.numbers.push(number);
        }
        Ok(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        for listeners in lock().iter_mut().filter(|other| self.numbers.contains(&other.number)) {
            let mine = self.numbers.iter().filter(|number| **number == listeners.number).count();
            listeners.count -= mine;
            if let Some(nobody) = flag(listeners.number) {
                // SeqCst, as in signal-hook's own flags: signals are rare, the order plain to see.
                nobody.store(listeners.count == 0, Ordering::SeqCst);
            }
        }
    }
}

fn count_one(all: &mut Vec<Listeners>, number: i32) -> io::Result<()> {
    let nobody = flag(number).ok_or(io::ErrorKind::InvalidInput)?;
    nobody.store(false, Ordering::SeqCst);
    if let Some(listeners) = all.iter_mut().find(|other| other.number == number) {
        listeners.count += 1;
        return Ok(());
    }
    // Once for each signal: afterwards it is signal-hook's handler that is found, and calls the
    // earlier one.
    if Before::of(number) == Before::Default {
        register_conditional_default(number, nobody)?;
    }
    all.push(Listeners { number, count: 1 });
    Ok(())
}

fn flag(number: i32) -> Option<&'static AtomicBool> {
    NOBODY_LISTENS.get(usize::try_from(number).ok()?)
}

fn lock() -> MutexGuard<'static, Vec<Listeners>> {
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}
