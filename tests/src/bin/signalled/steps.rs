//! What the first, the second and the third signal meet.

use std::time::Duration;

use lifespan::signals::Signals;
use lifespan::{Lifespan, LoopOwner, Report, Timer};

use crate::{NEVER, waits};

/// Long enough for a second signal.
const MOMENT: Duration = Duration::from_millis(300);

pub(crate) fn play<O: LoopOwner<Handle: Timer> + 'static>(
    scenario: &str,
    owner: fn() -> O,
) -> Option<Report> {
    let on_signals = || Lifespan::on(owner()).stop_on(Signals::default());
    Some(match scenario {
        "serves" => waits(owner()).stop_on(Signals::default()).run(),
        "none" => waits(owner()).run(),
        "hangs in start" => on_signals()
            .startup("hangs", async |_cx| {
                println!("ready");
                std::future::pending::<()>().await;
            })
            .run(),
        "stubborn" => stubborn(on_signals().grace(NEVER).deadline(NEVER)).run(),
        "stubborn for a moment" => stubborn(on_signals().grace(MOMENT)).run(),
        "stubborn in start" => on_signals()
            .grace(MOMENT)
            .startup("stubborn", async |cx| {
                cx.spawn(async |_cx| std::future::pending::<()>().await).detach();
            })
            .startup("hangs", async |_cx| {
                println!("ready");
                std::future::pending::<()>().await;
            })
            .run(),
        "blocks" => on_signals()
            .task("blocks", async |cx| {
                println!("ready");
                cx.shutdown().wait().await;
                println!("ready");
                std::thread::sleep(NEVER);
            })
            .run(),
        "blocks in start" => on_signals()
            .startup("blocks", async |_cx| {
                println!("ready");
                std::thread::sleep(NEVER);
            })
            .run(),
        "stops for long" => on_signals()
            .stop_timeout(NEVER)
            .deadline(NEVER)
            .shutdown("db", async |_cx| {
                println!("ready");
                std::future::pending::<()>().await;
            })
            .serve(async |_cx| {})
            .run(),
        _ => return None,
    })
}

/// Hears of the stop, and goes on.
fn stubborn<O: LoopOwner<Handle: Timer>>(lifespan: Lifespan<O>) -> Lifespan<O> {
    lifespan.task("stubborn", async |cx| {
        println!("ready");
        cx.shutdown().wait().await;
        println!("ready");
        std::future::pending::<()>().await;
    })
}
