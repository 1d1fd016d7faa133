//! Signals that stop nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lifespan::signals::Signals;
use lifespan::{LoopOwner, Report, Timer};
use signal_hook::consts::SIGHUP;

use crate::{NEVER, stay, waits};

pub(crate) fn play<O: LoopOwner<Handle: Timer> + 'static>(
    scenario: &str,
    owner: fn() -> O,
) -> Option<Report> {
    let lifespan = waits(owner());
    let monitor = lifespan.monitor();
    let signals = Signals::default();
    Some(match scenario {
        "reloads" => lifespan.stop_on(signals.on_reload(|| println!("ready"))).run(),
        "reloads, then stays" => stay(&lifespan.stop_on(signals.on_reload(|| {})).run()),
        "reload panics once" => {
            let panics = AtomicBool::new(true);
            let signals = signals.on_reload(move || {
                println!("ready");
                assert!(!panics.swap(false, Ordering::SeqCst), "as planned");
            });
            lifespan.stop_on(signals).run()
        }
        "reload hangs" => {
            let signals = signals.on_reload(|| {
                println!("ready");
                thread::sleep(NEVER);
            });
            lifespan.stop_on(signals).run()
        }
        "reloads and stops on SIGHUP" => {
            lifespan.stop_on(Signals::new([SIGHUP]).on_reload(|| {})).run()
        }
        "shown" => lifespan.stop_on(signals.print_snapshot(monitor)).run(),
        "shown while blocked" => lifespan
            .stop_on(signals.print_snapshot(monitor))
            .task("blocks", async |_cx| {
                println!("ready");
                thread::sleep(NEVER);
            })
            .run(),
        _ => return None,
    })
}
