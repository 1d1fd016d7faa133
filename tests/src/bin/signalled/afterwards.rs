//! What signals do after a lifespan, or beside another.

use std::io::read_to_string;
use std::thread;

use lifespan::signals::Signals;
use lifespan::{LoopOwner, Report, ShutdownEvent, Timer};
use signal_hook::consts::{SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals as OwnHandler;

use crate::{stay, waits};

pub(crate) fn play<O: LoopOwner<Handle: Timer> + 'static>(
    scenario: &str,
    owner: fn() -> O,
) -> Option<Report> {
    let on_signals = move || waits(owner()).stop_on(Signals::default()).run();
    Some(match scenario {
        "twice" => {
            println!("{}", on_signals());
            on_signals()
        }
        "afterwards" => stay(&on_signals()),
        "twice and afterwards" => {
            println!("{}", on_signals());
            stay(&on_signals())
        }
        "other signals" => {
            println!("{}", on_signals());
            waits(owner()).stop_on(Signals::new([SIGUSR1])).run()
        }
        "with a handler of its own" => {
            let mut own = OwnHandler::new([SIGTERM]).ok()?;
            let report = on_signals();
            println!("the handler was called {} times", own.pending().count());
            println!("ready");
            println!("the handler was called for {:?}", own.forever().next());
            report
        }
        "until the input ends" => {
            let report = on_signals();
            println!("ready");
            read_to_string(std::io::stdin()).ok()?;
            println!("still there");
            report
        }
        "two at once" => {
            let other = thread::spawn(on_signals);
            let report = on_signals();
            println!("{}", other.join().ok()?);
            stay(&report)
        }
        "one of two" => {
            let event = ShutdownEvent::new();
            let first = waits(owner()).stop_on(Signals::default()).event(event.clone());
            let other = thread::spawn(on_signals);
            thread::spawn(move || {
                // The other one listens until this one has ended.
                let _ = read_to_string(std::io::stdin());
                let _ = event.trigger().set("the input ended");
            });
            println!("{}", first.run());
            println!("ready");
            other.join().ok()?
        }
        _ => return None,
    })
}
