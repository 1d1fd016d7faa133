//! Hangs in one way on one runtime, for the tests of `it/hard_end.rs`: `WAY RUNTIME HARD_END`.
#![expect(clippy::print_stdout, reason = "the parent reads these lines")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use lifespan::async_executor::AsyncExecutorLoop;
use lifespan::async_std::AsyncStdLoop;
use lifespan::smol::SmolLoop;
use lifespan::tokio::{Tokio, TokioLoop};
use lifespan::{Blocking, Cx, Foreground, HardEnd, Lifespan, LoopOwner, Timer, Workers};

const HOUR: Duration = Duration::from_secs(3600);
const GRACE: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_millis(300);

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let [way, runtime, hard_end] = &arguments[..] else { return ExitCode::from(2) };
    let hard_end = match &**hard_end {
        "return" => HardEnd::Return,
        "exit" => HardEnd::Exit(70),
        "abort" => HardEnd::Abort,
        _ => return ExitCode::from(2),
    };
    match &**runtime {
        "attached" => attached(hard_end),
        "workers" => workers(hard_end),
        "foreground" => foreground(hard_end),
        "tokio" => hang(way, TokioLoop::current_thread(), hard_end),
        "tokio-multi" => hang(way, TokioLoop::multi_thread(), hard_end),
        "smol" => hang(way, SmolLoop::new(), hard_end),
        "async-std" => hang(way, AsyncStdLoop::new(), hard_end),
        "async-executor" => hang(way, AsyncExecutorLoop::on(Arc::default()), hard_end),
        _ => ExitCode::from(2),
    }
}

/// A lifespan on a loop that it does not own: another one's, which has more time.
fn attached(hard_end: HardEnd) -> ExitCode {
    let report = Lifespan::on(TokioLoop::current_thread())
        .serve(async move |_cx| {
            let handle = Tokio::current().expect("it runs");
            let lifespan = Lifespan::attach(handle).grace(GRACE).deadline(DEADLINE);
            let report = lifespan.hard_end(hard_end).task("busy", busy).run().await;
            println!("{report}");
        })
        .run();
    ExitCode::from(report.exit_code())
}

/// One worker of two hangs.
fn workers(hard_end: HardEnd) -> ExitCode {
    let report = Workers::new(2, |worker| {
        let lifespan = Lifespan::on(SmolLoop::new()).grace(GRACE).deadline(DEADLINE);
        let lifespan = lifespan.hard_end(hard_end);
        if worker.index() == 1 { lifespan.task("busy", busy) } else { lifespan }
    });
    ExitCode::from(report.run().exit_code())
}

fn foreground(hard_end: HardEnd) -> ExitCode {
    let foreground = Foreground::on(SmolLoop::new()).expect("no loop runs");
    let foreground = foreground.grace(GRACE).deadline(DEADLINE).hard_end(hard_end);
    drop(foreground.task("busy").spawn(busy));
    ExitCode::from(foreground.stop().exit_code())
}

/// Asks for a stop, and hangs then.
async fn busy<L: Timer>(cx: Cx<'_, L>) {
    let _ = cx.trigger().set("now");
    loop {
        std::hint::spin_loop();
    }
}

/// Hangs, and somebody else asks for a stop.
async fn asleep<L: Timer>(cx: Cx<'_, L>) {
    let stop = cx.trigger();
    thread::spawn(move || stop.set("by a thread"));
    thread::sleep(HOUR);
}

struct Sticky;

impl Drop for Sticky {
    fn drop(&mut self) {
        thread::sleep(HOUR);
    }
}

async fn sticky<L: Timer>(cx: Cx<'_, L>) {
    let _sticky = Sticky;
    let _ = cx.trigger().set("now");
    std::future::pending::<()>().await;
}

async fn deadlocked<L: Timer>(cx: Cx<'_, L>) {
    let lock = Mutex::new(());
    let _first = lock.lock();
    let _ = cx.trigger().set("now");
    // Twice from one thread: here it waits for ever.
    let _second = lock.lock();
}

async fn stops<L: Timer>(cx: Cx<'_, L>) {
    let _ = cx.trigger().set("now");
}

fn hang<O: LoopOwner<Handle: Blocking + Timer>>(
    way: &str,
    owner: O,
    hard_end: HardEnd,
) -> ExitCode {
    let lifespan = Lifespan::on(owner)
        .grace(GRACE)
        .stop_timeout(HOUR)
        .deadline(DEADLINE)
        .hard_end(hard_end)
        .task("innocent", async |cx| cx.shutdown().wait().await)
        .component("db", |it| it.startup(async |_cx| ()).shutdown(async |_cx| println!("db")));
    let lifespan = match way {
        "busy" => lifespan.task("busy", busy),
        "asleep" => lifespan.task("asleep", asleep),
        "sticky" => lifespan.task("sticky", sticky),
        "deadlocked" => lifespan.task("deadlocked", deadlocked),
        "start" => lifespan
            .start_timeout(GRACE)
            .component("stuck", |it| it.startup(async |_cx| thread::sleep(HOUR))),
        "serve" => lifespan.serve(async |cx| {
            let _ = cx.trigger().set("now");
            thread::sleep(HOUR);
        }),
        "shutdown" => lifespan
            .component("stuck", |it| it.shutdown(async |_cx| thread::sleep(HOUR)))
            .task("stops", stops),
        "shutdown async" => lifespan
            .component("stuck", |it| it.shutdown(async |_cx| std::future::pending::<()>().await))
            .task("stops", stops),
        "blocking" => lifespan.component("stuck", |it| {
            it.startup(async |cx| {
                let closure = cx.task("closure").spawn_blocking(|_stop| thread::sleep(HOUR));
                closure.map(|task| task.detach()).ok();
                let _ = cx.root().task("stops").spawn(stops);
            })
        }),
        "silent" => lifespan.task("busy", busy).on_hard_end(|report| {
            println!("given: {}", report.exit_code());
            thread::sleep(HOUR);
        }),
        "a while" => lifespan.deadline(HOUR).on_waiting(|waiting| println!("{waiting}")).task(
            "a while",
            async |cx| {
                let _ = cx.trigger().set("now");
                thread::sleep(Duration::from_millis(1200));
            },
        ),
        "a second" => lifespan.deadline(HOUR).task("a second", async |cx| {
            let _ = cx.trigger().set("now");
            thread::sleep(Duration::from_millis(1200));
        }),
        "quick" => lifespan.task("stops", stops),
        "lets go" => lifespan.task("lets go", async |cx| {
            let _ = cx.trigger().set("now");
            thread::sleep(Duration::from_millis(1500));
        }),
        _ => return ExitCode::from(2),
    };
    let report = lifespan.run();
    println!("{report}");
    ExitCode::from(report.exit_code())
}
