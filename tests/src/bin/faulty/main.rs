//! Runs one cell of the fault matrix, for `tests/faults`: `PHASE FAULT FLAVOUR`.

mod culprit;
mod dropped;
mod log;

use std::future::pending;
use std::process::{ExitCode, Termination};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lifespan::async_executor::{AsyncExecutorLocalLoop, AsyncExecutorLoop};
use lifespan::async_std::AsyncStdLoop;
use lifespan::signals::Signals;
use lifespan::smol::{SmolLocalLoop, SmolLoop};
use lifespan::tokio::{TokioLocalLoop, TokioLoop};
use lifespan::{BoxError, Cx, HardEnd, Lifespan, LoopOwner, ShutdownEvent, Timer};
use lifespan_tests::faults::{COMPONENTS, Cell, Fault, Flavour, HARD_END, Phase};
use log::log;

fn main() -> ExitCode {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let Some(cell) = Cell::of(&words) else { return ExitCode::from(2) };
    if cell.fault == Fault::OwnerDropped {
        return dropped::run(cell);
    }
    match cell.flavour {
        Flavour::Tokio => run(cell, TokioLoop::current_thread()),
        Flavour::TokioThreads => run(cell, TokioLoop::multi_thread()),
        Flavour::TokioLocal => run(cell, TokioLocalLoop::new()),
        Flavour::Smol => run(cell, SmolLoop::new()),
        Flavour::SmolThreads => run(cell, SmolLoop::with_threads(3)),
        Flavour::SmolLocal => run(cell, SmolLocalLoop::new()),
        Flavour::AsyncStd => run(cell, AsyncStdLoop::new()),
        Flavour::AsyncExecutor => run(cell, AsyncExecutorLoop::on(Arc::default())),
        Flavour::AsyncExecutorDrivers => {
            run(cell, AsyncExecutorLoop::on(Arc::default()).driver_threads(2))
        }
        Flavour::AsyncExecutorLocal => run(cell, AsyncExecutorLocalLoop::on(Rc::default())),
    }
}

fn run<O: LoopOwner<Handle: Timer>>(cell: Cell, owner: O) -> ExitCode {
    let report = describe(Lifespan::on(owner), cell, Scene::of(cell)).run();
    if report.is_clean() {
        eprint!("{report}"); // any other writes itself
    }
    report.report()
}

/// What handlers and tasks share.
#[derive(Clone)]
struct Scene {
    cell: Cell,
    /// Set when the culprit does what it does.
    begun: ShutdownEvent,
    /// Set when the lifespan is to be dropped.
    dropped: ShutdownEvent,
    /// Set when the stubborn task is gone.
    cut: ShutdownEvent,
}

impl Scene {
    fn of(cell: Cell) -> Self {
        let [begun, dropped, cut] = [(); 3].map(|()| ShutdownEvent::new());
        Self { cell, begun, dropped, cut }
    }

    fn is(&self, phase: Phase) -> bool {
        self.cell.phase == phase
    }

    fn fault(&self) -> Fault {
        self.cell.fault
    }
}

/// Where a budget has to run out.
const SHORT: Duration = Duration::from_millis(200);
const DEADLINE: Duration = Duration::from_secs(1);
/// Longer than the parent waits: anywhere else, a slow machine is no fault.
const LONG: Duration = Duration::from_secs(600);
const HOUR: Duration = Duration::from_secs(3600);

fn describe<O, L: Timer>(lifespan: Lifespan<O, L>, cell: Cell, scene: Scene) -> Lifespan<O, L> {
    let (fault, phase) = (cell.fault, cell.phase);
    let hangs = matches!(fault, Fault::HandlerHangs | Fault::HandlerBlocks);
    let blocks = matches!(fault, Fault::HandlerBlocks | Fault::TaskBlocks);
    let is_short = |is_short: bool| if is_short { SHORT } else { LONG };
    let start_timeout = match (fault, phase) {
        (Fault::HandlerHangs | Fault::HandlerBlocks, Phase::Start) => SHORT,
        (Fault::TaskBlocks, Phase::Start) => DEADLINE,
        _ => LONG,
    };
    let mut lifespan = lifespan
        .stop_on(Signals::default())
        .start_timeout(start_timeout)
        .grace(is_short(fault.is_of_a_task() && fault != Fault::TaskCleansUp || hangs))
        .stop_timeout(is_short(hangs && phase == Phase::Stop))
        .deadline(if blocks { DEADLINE } else { LONG })
        .hard_end(HardEnd::Exit(HARD_END))
        .on_waiting(|_| {});
    for name in COMPONENTS {
        let (starts, stops) = (scene.clone(), scene.clone());
        lifespan = lifespan
            .startup(name, async move |cx| start(cx, name, starts).await)
            .shutdown(name, async move |cx| stop(cx, name, stops).await);
    }
    if scene.is(Phase::Serve) && cell.fault.is_of_a_task() {
        let scene = scene.clone();
        lifespan = lifespan.task("culprit", async move |cx| culprit::run(cx, scene).await);
    }
    lifespan.serve(async move |cx| serve(cx, scene).await)
}

async fn start<L: Timer>(cx: Cx<'_, L>, name: &str, scene: Scene) -> Result<(), BoxError> {
    log(&format!("start {name}"));
    match name {
        "first" if scene.fault().has_a_stubborn_task() => {
            let cut = culprit::Cut(scene.cut.clone());
            cx.task("stubborn").spawn(async move |cx| culprit::stubborn(cx, cut).await)?.detach();
        }
        "first" if scene.is(Phase::Serve) && scene.fault() == Fault::TaskBlocks => {
            // Who could ask on the loop may not be polled any more.
            let (begun, stop) = (scene.begun.clone(), cx.trigger());
            thread::spawn(move || begun.wait_blocking().map(|_| stop.set("asked by a thread")));
        }
        "second" if scene.is(Phase::Start) && !scene.fault().is_of_a_task() => {
            in_handler(&scene).await?;
        }
        "second" if !scene.is(Phase::Serve) && scene.fault().is_of_a_task() => {
            let (begun, is_at_start) = (scene.begun.clone(), scene.is(Phase::Start));
            let culprit = cx.task("culprit");
            culprit.spawn(async move |cx| culprit::run(cx, scene).await)?.detach();
            if is_at_start {
                begun.wait().await;
            }
        }
        "third" if scene.is(Phase::Start) && scene.fault().is_of_a_task() => {
            let _ = cx.trigger().set("asked in a handler");
        }
        _ => {}
    }
    Ok(())
}

async fn serve<L: Timer>(cx: Cx<'_, L>, scene: Scene) -> Result<(), BoxError> {
    log("serving");
    if !scene.is(Phase::Serve) {
        return Ok(());
    }
    if scene.fault().is_of_a_task() {
        scene.begun.wait().await;
        return Ok(());
    }
    if matches!(scene.fault(), Fault::HandlerHangs | Fault::HandlerBlocks) {
        let _ = cx.trigger().set("asked in the foreground");
    }
    if scene.fault().is_of_signals() {
        cx.shutdown().wait().await;
        return Ok(());
    }
    in_handler(&scene).await
}

async fn stop<L: Timer>(cx: Cx<'_, L>, name: &str, scene: Scene) -> Result<(), BoxError> {
    log(&format!("stop {name}"));
    if name == "first" && scene.fault() == Fault::SigtermThrice {
        pending::<()>().await;
    }
    if name == "second" && scene.is(Phase::Stop) {
        if scene.fault() == Fault::Sigterm {
            cx.sleep(Duration::from_millis(300)).await; // it comes meanwhile
        } else if !scene.fault().is_of_a_task() && !scene.fault().is_of_signals() {
            in_handler(&scene).await?;
        }
    }
    Ok(())
}

/// What goes wrong in a handler, or in the foreground.
#[expect(clippy::print_stdout, reason = "into a pipe that nobody reads")]
async fn in_handler(scene: &Scene) -> Result<(), BoxError> {
    match scene.fault() {
        Fault::HandlerFails => Err("deliberate".into()),
        Fault::HandlerPanics => panic!("deliberate"),
        Fault::HandlerBlocks => {
            thread::sleep(HOUR);
            Ok(())
        }
        Fault::StdoutClosed => {
            println!("hello?");
            Ok(())
        }
        Fault::OwnerDropped => {
            let _ = scene.dropped.trigger().set("dropped");
            pending().await
        }
        _ => pending().await,
    }
}
