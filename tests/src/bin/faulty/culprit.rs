//! The tasks that do what no task should, and one that only takes its time.

use std::future::{Future, pending};
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use lifespan::{Cx, ShutdownEvent, Timer};
use lifespan_tests::faults::{Fault, Phase};

use crate::log::log;
use crate::{HOUR, Scene};

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("deliberate");
    }
}

pub(crate) async fn run<L: Timer>(cx: Cx<'_, L>, scene: Scene) {
    if scene.is(Phase::Stop) {
        cx.shutdown().wait().await;
    }
    if scene.fault() == Fault::TaskBlocks {
        // On tokio's pool the thread that a timer has woken is the one that watches the clock for all.
        cx.sleep(Duration::from_millis(10)).await;
    }
    let _ = scene.begun.trigger().set("begun");
    match scene.fault() {
        Fault::TaskPanics => panic!("deliberate"),
        Fault::TaskBlocks => thread::sleep(HOUR),
        Fault::TaskSpawnsForEver => cx.spawn(spawn_another).detach(),
        Fault::TaskPanicsInDestructor => {
            let _bomb = Bomb;
            pending::<()>().await;
        }
        Fault::TaskCleansUp => {
            cx.shutdown().wait().await;
            cx.sleep(Duration::from_millis(300)).await;
            log("cleaned up");
        }
        _ => pending().await,
    }
}

/// Each of them lives for a moment, and leaves another.
fn spawn_another<L: Timer>(cx: Cx<'_, L>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    Box::pin(async move {
        cx.sleep(Duration::from_millis(5)).await;
        cx.spawn(spawn_another).detach();
    })
}

/// Hears the stop, and does not end.
pub(crate) async fn stubborn<L: Timer>(cx: Cx<'_, L>, cut: Cut) {
    log("stubborn begins");
    cx.shutdown().wait().await;
    log("stubborn hears");
    pending::<()>().await;
    drop(cut);
}

/// Says when the stubborn task is gone.
pub(crate) struct Cut(pub(crate) ShutdownEvent);

impl Drop for Cut {
    fn drop(&mut self) {
        log("stubborn is cut");
        let _ = self.0.trigger().set("cut");
    }
}
