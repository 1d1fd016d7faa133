//! The loop-ownership rule: the right way runs, and beside it stands the mistake.
//!
//! What is tied to an event loop is made inside that loop, and used inside that loop. The mistakes
//! do not compile; each one names its file in `tests/ui`, beside which lies what the compiler says.
//! Two that only the running program can see are typed errors, at the end of this file.
//!
//! ```text
//! cargo run --example wrong_loop --features tokio     # or smol, or both
//! ```
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "an example")]
#![cfg_attr(
    not(any(feature = "tokio", feature = "smol")),
    expect(dead_code, reason = "it compiles without a runtime, and then there is nothing to run")
)]

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use lifespan::{
    BoxError, Cx, EventLoop, Lifespan, LoopOwner, Report, RunError, ShutdownEvent, ShutdownTrigger,
    Spawner, StartError, Timer,
};

const NAP: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let reports: Vec<Report> = vec![
        // Wrong (handle_for_owner.rs, raw_runtime_handle.rs): a runtime's own handle, or a loop
        // handle, where the owner of a loop belongs.
        //
        //     Lifespan::on(::tokio::runtime::Handle::current())
        #[cfg(feature = "tokio")]
        demonstrate(lifespan::tokio::TokioLoop::multi_thread),
        #[cfg(feature = "smol")]
        demonstrate(lifespan::smol::SmolLoop::new),
    ];
    if reports.is_empty() {
        println!("built without a runtime; add `--features tokio`, `--features smol`, or both");
    }
    for report in reports.iter().filter(|report| !report.is_clean()) {
        println!("{report}");
    }
    ExitCode::from(reports.iter().map(Report::exit_code).max().unwrap_or(2))
}

fn demonstrate<O: LoopOwner<Handle: Timer> + 'static>(owner: fn() -> O) -> Report {
    println!("on {}:", O::Handle::NAME);
    // Made before any loop exists, set in a task, waited for on a thread: an event has no loop.
    let done = ShutdownEvent::new();
    let kept = Arc::new(OnceLock::new());
    let keep = Arc::clone(&kept);
    let report = Lifespan::on(owner())
        .serve(async move |cx| -> Result<(), BoxError> {
            timer_stays_in_its_task(&cx).await?;
            cx_stays_in_its_task(&cx).await?;
            static_holds_no_cx(&cx);
            thread_gets_a_spawner(&cx, done).await;
            run_inside_a_loop_is_an_error(owner);
            let _ = keep.set(cx.spawner());
            Ok(())
        })
        .run();
    if let Some(spawner) = kept.get() {
        spawn_after_the_end_is_an_error(spawner);
    }
    report
}

/// Wrong (`timer_returned.rs`, `timer_in_static.rs`, `timer_to_thread.rs`): a timer leaves its task.
///
/// ```text
/// let nap = cx.spawn(async |cx| cx.sleep(NAP)).await?;
/// nap.await;
/// ```
/// Right: the duration travels, and who waits makes the timer.
async fn timer_stays_in_its_task<L: Timer>(cx: &Cx<'_, L>) -> Result<(), BoxError> {
    let nap = cx.spawn(async |_cx| NAP).await?;
    cx.sleep(nap).await;
    println!("  a duration left its task, and was slept where it arrived");
    Ok(())
}

/// Wrong (`cx_in_another_task.rs`): a task uses the `Cx` of the task that spawned it.
///
/// ```text
/// cx.spawn(async move |_| cx.sleep(NAP).await);
/// ```
/// Right: each body gets a `Cx` of its own, and so do the functions that it calls.
async fn cx_stays_in_its_task<L: Timer>(cx: &Cx<'_, L>) -> Result<(), BoxError> {
    cx.spawn(async |cx| cx.sleep(NAP).await).await?;
    println!("  a task slept by the `Cx` that it was given");
    Ok(())
}

static STOP: OnceLock<ShutdownTrigger> = OnceLock::new();

/// Wrong (`cx_in_static.rs`): a global `Cx`, for whoever wants to sleep or to stop.
///
/// ```text
/// static CX: OnceLock<Cx<'static, Tokio>> = OnceLock::new();
/// let _ = CX.set(cx);
/// ```
/// Right: a static holds what belongs to no loop, such as the trigger, or a [`Spawner`].
fn static_holds_no_cx<L: EventLoop>(cx: &Cx<'_, L>) {
    let _ = STOP.set(cx.trigger());
    println!("  a static holds what can stop the lifespan");
}

/// Wrong (`cx_to_thread.rs`, `sleep_on_spawner.rs`): a thread uses the `Cx` of a task, or sleeps
/// by a spawner.
///
/// ```text
/// thread::spawn(move || cx.spawn(..));
/// spawner.sleep(NAP).await;
/// ```
/// Right: the thread gets a spawner. It can start tasks, and what sleeps is the task.
async fn thread_gets_a_spawner<L: Timer>(cx: &Cx<'_, L>, done: ShutdownEvent) {
    let (spawner, task_done) = (cx.spawner(), done.trigger());
    let waiter = done.clone();
    thread::spawn(move || {
        let task = spawner.spawn(async move |cx| {
            cx.sleep(NAP).await;
            let _ = task_done.set("the task of the thread has slept");
        });
        drop(task);
        waiter.wait_blocking()
    });
    done.wait().await;
    if let Some(reason) = done.reason() {
        println!("  a thread waited with us, and started a task: {reason}");
    }
}

/// Only the running program can see this one: a loop inside a loop would block the outer one.
fn run_inside_a_loop_is_an_error<O: LoopOwner<Handle: Timer>>(owner: fn() -> O) {
    let report = Lifespan::on(owner()).run();
    if let Some(StartError::Run(RunError::InsideLoop(error))) = report.start_error {
        println!("  an error, not a panic or a hang: {error}");
    }
}

/// And this one: the body comes back, and can go elsewhere.
fn spawn_after_the_end_is_an_error<L: Timer>(spawner: &Spawner<L>) {
    if let Err(closed) = spawner.spawn(async |cx| cx.sleep(NAP).await) {
        println!("  an error that gives the body back: {closed}");
        let _body = closed.into_inner();
    }
}
